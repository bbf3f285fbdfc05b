//! Mailbox names: the bytes on the wire, and modified UTF-7 both ways (RFC 3501 section 5.1.3).

/// A mailbox name exactly as the server writes it (modified UTF-7, UTF-8 under UTF8=ACCEPT, or broken bytes).
///
/// Bytes are the identity: they round-trip whatever they hold. `INBOX` in any case is one name (`is_inbox`), and is
/// normalised to `INBOX` on construction (only the whole name, never a component).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName(Vec<u8>);

impl MailboxName {
    /// The name with these wire bytes.
    pub fn from_wire(_bytes: impl Into<Vec<u8>>) -> Self { todo!() }
    /// `INBOX`.
    pub fn inbox() -> Self { todo!() }
    /// The name that a person typed: UTF-8, encoded as modified UTF-7; `&` becomes `&-`.
    pub fn from_text(_text: &str) -> Self { todo!() }
    /// The name that a user gave as an option: valid modified UTF-7 (a `&...-` run that decodes) is taken as it
    /// is, anything else is encoded from UTF-8.
    pub fn from_option(_text: &str) -> Self { todo!() }
    /// The bytes on the wire.
    pub fn as_wire(&self) -> &[u8] { todo!() }
    /// The decoded name, or None where the bytes are neither valid modified UTF-7 nor UTF-8.
    pub fn decode(&self) -> Option<String> { todo!() }
    /// For people: decoded where possible, control characters and bidi marks escaped.
    pub fn display(&self) -> String { todo!() }
    /// Whether this is INBOX.
    pub fn is_inbox(&self) -> bool { todo!() }
}
