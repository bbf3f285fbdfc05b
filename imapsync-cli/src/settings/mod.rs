//! What a command line asks for, in the terms of the core: two accounts and what to do with them.

mod account;
mod password;

use crate::exit::Status;
use crate::options::{UsageError, Values};
use imapsync_core::Account;
use imapsync_core::imap::sasl::Secret;

/// Why nothing is begun: the exit status and the text for the user.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The exit status.
    pub(crate) status: Status,
    /// The text.
    pub(crate) text: String,
}

impl Refusal {
    fn usage(text: impl Into<String>) -> Self {
        Self { status: Status::Usage, text: text.into() }
    }
}

impl From<UsageError> for Refusal {
    fn from(UsageError(text): UsageError) -> Self {
        Self::usage(text)
    }
}
