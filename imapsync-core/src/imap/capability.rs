//! Capabilities as bits, with the few that carry a value.

bitflags::bitflags! {
    /// What a server says it can do.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Capability: u64 {
        /// `IMAP4rev1`
        const IMAP4REV1 = 1;
    }
}

/// Everything a CAPABILITY line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities { /* bits: Capability, auth: Vec<String> upper case, append_limit: Option<u64>, others */ }

impl Capabilities {
    /// From the words after `CAPABILITY`, in any case. A line without IMAP4rev1 is accepted.
    pub fn parse<'a>(_words: impl IntoIterator<Item = &'a [u8]>) -> Self { todo!() }
    /// Whether all these are offered. IMAP4rev2 implies what it contains (see RFC 9051 appendix E).
    pub fn has(&self, _wanted: Capability) -> bool { todo!() }
    /// Removes bits, after a server refused what it had offered.
    pub fn remove(&mut self, _bits: Capability) { todo!() }
    /// Whether `AUTH=mechanism` is offered.
    pub fn has_auth(&self, _mechanism: &str) -> bool { todo!() }
    /// The limit of APPENDLIMIT=n in bytes.
    pub fn append_limit(&self) -> Option<u64> { todo!() }
}
