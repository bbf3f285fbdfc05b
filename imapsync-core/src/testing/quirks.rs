//! How a server deviates from the book, one switch for each habit that was seen on a real one.

/// The habits of a server; by default it has none.
#[derive(Debug, Clone, Default)]
pub struct Quirks {
    /// What becomes of keywords.
    pub keywords: Keywords,
    /// What stays of a stored message.
    pub rewrite: Rewrite,
    /// What BODY[] of a message that another session has expunged reads like.
    pub ghosts: Ghosts,
    /// What becomes of the date of an APPEND.
    pub dates: Dates,
    /// Names that differ in case are one folder.
    pub caseless_names: bool,
    /// STATUS items it does not know give an empty list instead of BAD.
    pub shrugs_at_status: bool,
    /// Syntax errors are answered with NO.
    pub no_for_bad: bool,
    /// So many connections at a time; further ones are turned away with BYE.
    pub connections: Option<usize>,
    /// A message larger than this is refused by APPEND, with this text after NO.
    pub too_big: Option<(u64, &'static str)>,
    /// UIDs that are listed by SEARCH and FETCH FLAGS, but whose message cannot be had.
    pub phantoms: Vec<u32>,
    /// FETCH answers within one command come in another order than the set.
    pub shuffled: bool,
}

/// What becomes of keywords.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keywords {
    /// They are kept; PERMANENTFLAGS has `\*`.
    #[default]
    Kept,
    /// They are dropped without a word, and PERMANENTFLAGS lacks `\*`.
    Dropped,
    /// They are dropped without a word although PERMANENTFLAGS has `\*`.
    Lost,
    /// The command is refused.
    Refused,
    /// A folder holds so many different ones; a further one is refused.
    AtMost(usize),
}

/// What stays of a stored message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rewrite {
    /// Its bytes.
    #[default]
    Nothing,
    /// NUL becomes 0x80 and bare line feeds become CR LF (Dovecot).
    NulAndLineFeed,
    /// Line ends become CR LF, a missing one at the end is added (Courier).
    LineEnds,
    /// Bare line feeds, NUL and a header without a colon are refused (Cyrus).
    Refuses,
    /// A header is added in front, and another one loses its blanks (Exchange).
    Headers,
}

/// What a message that another session has expunged reads like in a session that still has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ghosts {
    /// It is missing from the answer.
    #[default]
    Missing,
    /// Its true bytes (Dovecot, Cyrus).
    True,
    /// A made-up message that says it is gone, with OK (Courier).
    Fake,
    /// `BODY[] ""` with OK (mailutils).
    Empty,
    /// The whole FETCH is refused.
    Refused,
}

/// What becomes of the date of an APPEND.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dates {
    /// It is kept.
    #[default]
    Kept,
    /// The server takes the present (here: 25-Nov-2026) instead, without a word.
    Now,
    /// Dates before 1970 and after 2037 are replaced so.
    NowOutside,
}
