//! The one error of this crate: what went wrong, on which side, in which folder, for which message.

use std::fmt;
use std::time::Duration;

/// One of the two accounts of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The account that messages are copied from: `host1`.
    Source,
    /// The account that messages are copied to: `host2`.
    Destination,
}

impl Side {
    /// `1` or `2`, as in the option names `--host1` and `--host2`.
    pub const fn number(self) -> u8 {
        match self {
            Self::Source => 1,
            Self::Destination => 2,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host{}", self.number())
    }
}

/// What kind of thing went wrong. Callers that must react (an exit status, a retry) match on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Options that contradict each other or cannot be understood.
    Usage,
    /// The host name has no address, the port is closed, or nobody answers there.
    Connect,
    /// TLS: the certificate, the handshake, or a STARTTLS that was refused or missing.
    Tls,
    /// The server refused the credentials, or offers no acceptable way to log in.
    Authentication,
    /// The server sent what no IMAP server may send.
    Protocol,
    /// The server did not answer in time.
    Timeout,
    /// The connection was closed or reset; what was in flight has an unknown outcome.
    ConnectionLost,
    /// The server asks to come back later (`[UNAVAILABLE]`, `[LIMIT]`, `[INUSE]`, throttling).
    Unavailable,
    /// The destination has no room left (`[OVERQUOTA]`).
    OverQuota,
    /// As much as the caller allows has been copied (`--exitwhenover`).
    TransferLimit,
    /// The wanted source folder (`--subfolder1`, `--folder`) does not exist.
    FolderMissing,
    /// A folder could not be created.
    Create,
    /// A folder could not be selected, or its listing was not complete.
    Select,
    /// A message could not be read.
    Fetch,
    /// A message was refused by the destination.
    Append,
    /// Flags could not be changed.
    Flags,
    /// Messages could not be deleted (read-only folder, no safe way to expunge).
    Delete,
    /// A command was refused for another reason.
    Refused,
    /// A local file or stream.
    Io,
    /// What earlier runs have done could not be remembered, or read again; the run goes on without.
    State,
    /// The caller cancelled the run.
    Cancelled,
}

/// The error of every fallible call in this crate.
///
/// It says which side, which folder and which message it is about, what the server said, and what can be done.
/// Text that came from a server has its control characters escaped; secrets are masked before it gets here.
///
/// ```
/// use imapsync_core::{Error, ErrorKind, Side};
/// let error = Error::new(ErrorKind::Append, "the server refused the message")
///     .on(Side::Destination)
///     .in_folder("Sent")
///     .server_said("NO [TOOBIG] too big");
/// assert_eq!(error.kind(), ErrorKind::Append);
/// assert_eq!(error.to_string(), "host2: folder Sent: the server refused the message: NO [TOOBIG] too big");
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.0)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    side: Option<Side>,
    folder: Option<String>,
    uid: Option<u32>,
    message: String,
    server: Option<String>,
    hint: Option<String>,
    retryable: bool,
    retry_after: Option<Duration>,
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(side) = self.side {
            write!(f, "{side}: ")?;
        }
        if let Some(folder) = &self.folder {
            write!(f, "folder {folder}: ")?;
        }
        if let Some(uid) = self.uid {
            write!(f, "message UID {uid}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(server) = &self.server {
            write!(f, ": {server}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl Error {
    /// A new error. `message` is one clause without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retryable =
            matches!(kind, ErrorKind::Timeout | ErrorKind::ConnectionLost | ErrorKind::Unavailable);
        Self(Box::new(Inner {
            kind,
            side: None,
            folder: None,
            uid: None,
            message: message.into(),
            server: None,
            hint: None,
            retryable,
            retry_after: None,
        }))
    }

    /// Says which side the error is about; a side already named stays.
    #[must_use]
    pub fn on(mut self, side: Side) -> Self {
        self.0.side.get_or_insert(side);
        self
    }

    /// Names the folder, decoded and escaped for people; a folder already named stays.
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<String>) -> Self {
        self.0.folder.get_or_insert_with(|| folder.into());
        self
    }

    /// Names the message by its UID.
    #[must_use]
    pub fn for_message(mut self, uid: u32) -> Self {
        self.0.uid.get_or_insert(uid);
        self
    }

    /// Adds what the server said, already escaped.
    #[must_use]
    pub fn server_said(mut self, text: impl Into<String>) -> Self {
        self.0.server = Some(text.into());
        self
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.0.hint = Some(text.into());
        self
    }

    /// Says whether trying again later can help; the default follows from the kind.
    #[must_use]
    pub fn retryable(mut self, yes: bool) -> Self {
        self.0.retryable = yes;
        self
    }

    /// Says how long to wait before the same is tried again, where that can help; see
    /// [`backoff::wait`](crate::imap::backoff::wait).
    #[must_use]
    pub fn after(mut self, wait: Option<Duration>) -> Self {
        self.0.retryable |= wait.is_some();
        self.0.retry_after = wait;
        self
    }

    /// Turns the error into one of another kind, keeping everything else.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Changes every text that may come from a server.
    #[must_use]
    #[cfg(feature = "client")]
    pub(crate) fn told_by(mut self, change: impl Fn(&str) -> String) -> Self {
        self.0.message = change(&self.0.message);
        self.0.server = self.0.server.map(|text| change(&text));
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The side it is about, where it is about one.
    pub fn side(&self) -> Option<Side> {
        self.0.side
    }

    /// The folder it is about, decoded for people.
    pub fn folder(&self) -> Option<&str> {
        self.0.folder.as_deref()
    }

    /// The UID of the message it is about.
    pub fn uid(&self) -> Option<u32> {
        self.0.uid
    }

    /// What the server said, escaped.
    pub fn server_text(&self) -> Option<&str> {
        self.0.server.as_deref()
    }

    /// Whether the same thing may succeed later without a change by the user.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// How long the server asks to wait before that.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the connection it happened on can no longer be used.
    pub fn is_connection_lost(&self) -> bool {
        matches!(self.0.kind, ErrorKind::ConnectionLost | ErrorKind::Timeout | ErrorKind::Protocol)
    }
}
