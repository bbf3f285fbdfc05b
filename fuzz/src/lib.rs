//! What the fuzz targets do with an input, as plain functions: libFuzzer calls them from the programs in `targets`,
//! `tests/replay.rs` with the inputs in `corpus`. Each panics where something that must hold does not.
//!
//! An input is text as far as it can be, so that seeds are written and faults are read by hand.
#![forbid(unsafe_code)]

pub mod command;
pub mod fetch;
pub mod framing;
pub mod identity;
mod input;
pub mod mapping;
mod reading;
pub mod response;
pub mod substitution;
pub mod sync;
pub mod utf7;

/// What a target does with one input.
pub type Target = fn(&[u8]);

/// Every target: its name, which is also that of its program and of its corpus, and what it does with one input.
pub const TARGETS: [(&str, Target); 9] = [
    ("command", command::one),
    ("fetch", fetch::one),
    ("framing", framing::one),
    ("identity", identity::one),
    ("mapping", mapping::one),
    ("response", response::one),
    ("substitution", substitution::one),
    ("sync", sync::one),
    ("utf7", utf7::one),
];
