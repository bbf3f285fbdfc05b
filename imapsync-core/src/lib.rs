//! Copies mailboxes from one IMAP account to another: one way, incrementally, without duplicates.
#![forbid(unsafe_code)]

pub mod account;
pub mod error;
pub mod folder;
pub mod imap;
pub mod substitution;

pub use account::Account;
pub use error::{Error, ErrorKind, Side};
