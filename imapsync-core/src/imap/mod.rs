//! The protocol as bytes in, bytes out (layer 1): no socket, no clock, no runtime.

pub mod backoff;
pub mod capability;
pub mod command;
pub mod date;
pub mod flag;
pub mod flow;
pub mod frame;
pub mod name;
mod proto;
pub mod response;
pub mod sasl;
pub mod text;
pub mod uidset;
pub mod utf7;
