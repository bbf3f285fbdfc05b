//! The protocol as bytes in, bytes out (layer 1): no socket, no clock, no runtime.

pub mod capability;
pub mod date;
pub mod flag;
pub mod name;
pub mod sasl;
pub mod text;
pub mod uidset;
pub mod utf7;
