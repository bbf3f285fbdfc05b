//! Copies mailboxes from one IMAP account to another: one way, incrementally, without duplicates.
#![forbid(unsafe_code)]

pub mod account;
pub mod error;
pub mod imap;
pub mod message;
pub mod plan;

pub use account::Account;
pub use error::{Error, ErrorKind, Side};
