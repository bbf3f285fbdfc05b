//! Message flags: system flags, keywords, and sets of them that compare without case (RFC 9051 section 2.3.2).

bitflags::bitflags! {
    /// The system flags.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
    pub struct SystemFlags: u8 {
        /// `\Seen`
        const SEEN = 1;
        /// `\Answered`
        const ANSWERED = 2;
        /// `\Flagged`
        const FLAGGED = 4;
        /// `\Deleted`
        const DELETED = 8;
        /// `\Draft`
        const DRAFT = 16;
        /// `\Recent` (never sent by a client)
        const RECENT = 32;
    }
}

/// The flags of one message: system flags and keywords (sorted without case, each once, first spelling kept).
/// Keywords include unknown `\X-...` flags. Equality ignores case.
#[derive(Debug, Clone, Default)]
pub struct Flags { /* system: SystemFlags, keywords: Vec<Box<str>> */ }

impl Flags {
    /// No flags.
    pub fn new() -> Self { todo!() }
    /// From the words of a list, such as `["\\Seen", "$Junk"]`.
    pub fn parse<'a>(_words: impl IntoIterator<Item = &'a str>) -> Self { todo!() }
    /// Adds one flag or keyword.
    pub fn insert(&mut self, _word: &str) { todo!() }
    /// The system flags.
    pub fn system(&self) -> SystemFlags { todo!() }
    /// Replaces the system flags.
    pub fn set_system(&mut self, _system: SystemFlags) { todo!() }
    /// The keywords, sorted.
    pub fn keywords(&self) -> impl Iterator<Item = &str> { std::iter::empty() }
    /// Whether the flag or keyword is there, without regard to case.
    pub fn contains(&self, _word: &str) -> bool { todo!() }
    /// Removes a flag or keyword.
    pub fn remove(&mut self, _word: &str) { todo!() }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool { todo!() }
    /// The words, system flags first, as a server expects them between the parentheses.
    pub fn words(&self) -> Vec<String> { todo!() }
}
