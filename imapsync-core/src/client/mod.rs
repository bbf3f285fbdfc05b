//! One IMAP connection for async callers (layer 5): drives layer 1 over layer 4.

mod connection;
mod open;

pub use connection::{Connection, Traffic};
pub use open::{Opened, open};
