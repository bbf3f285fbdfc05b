//! Changes to messages on their way, made by the caller.

use std::io::{self, Read, Write};

/// How much of a message a [`MessageTransform`] must see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The header alone: a large message streams through, because its new length is known once the header is.
    Header,
    /// All of it: a large message is written to a temporary file first.
    Whole,
}

/// Changes messages between the source and the destination.
///
/// The identity of a message is taken before it is changed, so a transform that touches the identity's headers (Message-Id
/// and Received, see [`IdentityRules`](super::IdentityRules)) makes the next run copy the message again. The same input must
/// give the same output: a copy whose fate is in doubt may be sent a second time.
///
/// Only the method that [`scope`](Self::scope) names is called. Without one of its own a transform changes nothing.
///
/// ```
/// use imapsync_core::message::{MessageTransform, Scope};
///
/// /// Nobody is told that a message was read just because it was copied.
/// struct NoReadReceipts;
///
/// impl MessageTransform for NoReadReceipts {
///     fn name(&self) -> &str {
///         "no read receipts"
///     }
///     fn scope(&self) -> Scope {
///         Scope::Header
///     }
///     fn header(&self, header: &[u8]) -> Result<Option<Vec<u8>>, String> {
///         let header = std::str::from_utf8(header).map_err(|error| error.to_string())?;
///         let name = "Disposition-Notification-To:";
///         Ok(header.contains(name).then(|| header.replace(name, "X-Disposition-Notification-To:").into()))
///     }
/// }
///
/// let header = b"Subject: hi\r\nDisposition-Notification-To: me\r\n\r\n";
/// let changed = NoReadReceipts.header(header)?.unwrap();
/// assert!(changed.ends_with(b"\r\nX-Disposition-Notification-To: me\r\n\r\n"));
/// # Ok::<(), String>(())
/// ```
pub trait MessageTransform: Send + Sync {
    /// What it is called in messages to the user.
    fn name(&self) -> &str;

    /// How much of a message it must see. Always the same.
    fn scope(&self) -> Scope;

    /// The new header; None: it stays as it is. `header` is everything up to and with the first blank line, or all of a
    /// message without one. The blank line must be in the new header too.
    ///
    /// # Errors
    ///
    /// A text for the user; the message is then not copied and named in the report.
    fn header(&self, header: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let _ = header;
        Ok(None)
    }

    /// Reads the message and writes the new one.
    ///
    /// # Errors
    ///
    /// Those of reading and writing, and the transform's own; the message is then not copied and named in the report.
    fn whole(&self, input: &mut dyn Read, output: &mut dyn Write) -> io::Result<()> {
        io::copy(input, output).map(drop)
    }
}
