//! How a server deviates from the book, one switch for each habit that was seen on a real one.

use std::time::Duration;

/// The habits of a server; by default it has none. Unless another source is named, what is said of Dovecot (2.3, 2.4),
/// Cyrus (3.6, 3.10), Courier (5.0), mailutils (3.15), UW (2007f) and pymap (0.36) was measured on them.
#[derive(Debug, Clone, Default)]
pub struct Quirks {
    // What becomes of a message.
    /// What stays of a stored message.
    pub rewrite: Rewrite,
    /// What becomes of the date of an APPEND.
    pub dates: Dates,
    /// A message without CR LF at its end is refused with BAD (Yahoo: github.com/jstedfast/MailKit/issues/251).
    pub wants_final_newline: bool,
    /// A message larger than this is refused by APPEND, with this text after NO.
    pub too_big: Option<(u64, &'static str)>,
    /// A message is one, in however many folders it is shown (Gmail): APPEND of what is there already only shows it in
    /// another folder, flags are common to all, EXPUNGE takes it out of one folder and leaves it in `[Gmail]/All Mail`.
    pub labels: bool,

    // What becomes of flags.
    /// What becomes of keywords.
    pub keywords: Keywords,
    /// What becomes of the flags of an APPEND.
    pub appended_flags: AppendedFlags,
    /// A keyword is spelled as the folder spells it already: `foo` becomes `Foo` (Dovecot, Cyrus, Courier).
    pub first_spelling: bool,
    /// A longer keyword is refused with NO `[CANNOT]` (Dovecot: 50).
    pub longest_keyword: Option<usize>,
    /// Characters for which a keyword is refused (`]` on Dovecot, `[~]` on Courier).
    pub keywords_refuse: &'static str,
    /// `\Foo` is dropped without a word instead of BAD (UW, pymap).
    pub drops_unknown_flags: bool,

    // Folders and their names.
    /// Names that differ in case are one folder (Exchange).
    pub caseless_names: bool,
    /// Characters for which CREATE refuses a name.
    pub names_refuse: &'static str,
    /// A longer name is refused, in bytes on the wire.
    pub longest_name: Option<usize>,
    /// Names with characters beyond U+FFFF are refused (Courier).
    pub no_surrogates: bool,
    /// How INBOX is listed (`Inbox` on Yahoo: github.com/jstedfast/MailKit/issues/358).
    pub inbox: Option<&'static str>,
    /// What becomes of the missing folders above one that is created.
    pub parents: Parents,
    /// What DELETE does with a folder that has others in it.
    pub deleted_parents: DeletedParents,
    /// A folder is a file: nothing can be created in it, and LIST says `\NoInferiors` (UW).
    pub files: bool,
    /// How UIDVALIDITY is chosen.
    pub validity: Validity,
    /// SUBSCRIBE of a folder that is not there succeeds (Courier, mailutils, pymap).
    pub subscribes_anything: bool,
    /// LIST with RETURN is refused although an extension with it is offered (iCloud: hilli/imapsync-go).
    pub refuses_list_return: bool,

    // What it says.
    /// Refusals bear no code: no `[NONEXISTENT]`, `[ALREADYEXISTS]`, `[CANNOT]` (all but Dovecot).
    pub bare_refusals: bool,
    /// How an APPEND to a missing folder is refused.
    pub try_create: TryCreate,
    /// STATUS items it does not know give an empty list instead of BAD (Courier, UW).
    pub shrugs_at_status: bool,
    /// Syntax errors are answered with NO (Courier).
    pub no_for_bad: bool,
    /// A longer command line ends the connection (Courier: 33 KB).
    pub longest_line: Option<usize>,
    /// UID stands last in an answer to FETCH (Office 365: github.com/coddingtonbear/django-mailbox/pull/232).
    pub uid_last: bool,
    /// FETCH answers within one command come in another order than the set.
    pub shuffled: bool,
    /// Answers to commands that do not depend on each other come in another order than the commands, where a client
    /// pipelines them (RFC 9051, section 5.5).
    pub reorders: bool,
    /// Between the lines of its answers stand others that nobody has asked for, such as `* OK still here`.
    pub noise: bool,

    // What it shows.
    /// What BODY[] of a message that another session has expunged reads like.
    pub ghosts: Ghosts,
    /// UIDs that are listed by SEARCH and FETCH FLAGS, but whose message cannot be had (iCloud: hilli/imapsync-go).
    pub phantoms: Vec<u32>,
    /// Only so many messages of a folder can be seen, the newest (Yahoo: 10,000,
    /// github.com/rustmailer/bichon/issues/144).
    pub listing_window: Option<usize>,
    /// `UID SEARCH UID 99999:*` finds nothing where the last UID is lower (Courier, mailutils).
    pub star_finds_nothing: bool,
    /// `UID SEARCH UID …` finds nothing at all, KEYWORD finds every message (mailutils).
    pub lame_search: bool,
    /// New mail does not show in an open folder until it is selected again (mailutils).
    pub deaf: bool,

    // How much it bears.
    /// So many connections at a time; further ones are turned away.
    pub connections: Option<usize>,
    /// How a connection too many is turned away.
    pub turned_away: TurnedAway,
    /// It asks for pauses.
    pub throttle: Option<Throttle>,
}

/// What becomes of keywords.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keywords {
    /// They are kept; PERMANENTFLAGS has `\*`.
    #[default]
    Kept,
    /// They are dropped without a word, and PERMANENTFLAGS lacks `\*` (pymap).
    Dropped,
    /// They are dropped without a word although PERMANENTFLAGS has `\*`.
    Lost,
    /// The command is refused; PERMANENTFLAGS lacks `\*` (mailutils).
    Refused,
    /// Only these are kept, as PERMANENTFLAGS says; others are dropped without a word (Exchange, Yahoo).
    Only(&'static [&'static str]),
    /// A folder holds so many different ones; a further one is refused (Cyrus: 100).
    AtMost(usize),
    /// A folder holds so many different ones, further ones are dropped without a word; an APPEND cannot bring new ones,
    /// only STORE can (UW: 30).
    ByStore(usize),
}

/// What becomes of the flags of an APPEND.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AppendedFlags {
    /// They are kept.
    #[default]
    Kept,
    /// All are dropped without a word; STORE keeps them (mailutils).
    Dropped,
    /// `\Deleted` is refused: `NO [CANNOT] APPEND Contains Deleted flag` (Yahoo:
    /// github.com/imapsync/imapsync/issues/420).
    NoDeleted,
}

/// What stays of a stored message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rewrite {
    /// Its bytes.
    #[default]
    Nothing,
    /// NUL becomes 0x80 and bare line feeds become CR LF (Dovecot).
    NulAndLineFeed,
    /// Line ends become CR LF, a missing one at the end is added, bare CR is dropped (Courier).
    LineEnds,
    /// Bare line feeds, NUL and header lines without a colon are refused (Cyrus with `munge8bit: no`).
    Refuses,
    /// As `Refuses`, and each 8-bit byte of a header becomes `X` (Cyrus as it comes).
    Munges,
    /// A header is added in front (Exchange).
    Headers,
    /// It ends at the first NUL; `Status:` and `X-UID:` lines and a `From ` line in front are removed, line ends become
    /// CR LF; a header without a colon is refused (mailutils with Maildir).
    Cuts,
    /// All line ends become LF; a `From ` line in front is removed, a blank line put in front of what has no header
    /// (pymap).
    LineFeeds,
    /// Lines that begin with `From ` get a `>`, `Status:` and `X-UID:` are renamed, NUL becomes 0x80, line ends become
    /// CR LF, bare CR is dropped, a blank line is put in front of what has no header (UW with mbox files).
    Mbox,
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
    /// It is kept, with its zone (hoodiecrow).
    #[default]
    Kept,
    /// The server takes the present (here: 25-Nov-2026) instead, without a word.
    Now,
    /// Dates before 1970 and after 2037 are replaced so.
    NowOutside,
    /// It is the same instant in +0000. After 19-Jan-2038 it is the present, before 1970 it is 2^32 seconds later
    /// (Dovecot 2.3).
    Dovecot,
    /// It is the same instant in +0000. The first second of 1970 is the present; before it the APPEND is BAD (Cyrus).
    Cyrus,
    /// It is the same instant in +0000. The first second of 1970 is the present; before it the APPEND is refused
    /// (Courier).
    Courier,
    /// It is kept with its zone; before 1970 the APPEND is refused (UW).
    SinceEpoch,
    /// It is ignored: what counts is the Date header, without one it is the present (mailutils with Maildir).
    Header,
}

/// What becomes of the missing folders above one that is created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Parents {
    /// They are listed with `\Noselect` (Dovecot, Courier, UW, pymap).
    #[default]
    Noselect,
    /// They are made too (Cyrus, hoodiecrow).
    Real,
    /// They are listed with `\Noselect` and can be used all the same (mailutils).
    Usable,
}

/// What DELETE does with a folder that has others in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeletedParents {
    /// It is listed with `\Noselect` (Courier, pymap).
    #[default]
    Noselect,
    /// It is listed as if it were there, but it cannot be selected (Dovecot with Maildir).
    Ghost,
    /// The command is refused with `[HASCHILDREN]` (Cyrus).
    Refused,
}

/// How UIDVALIDITY is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Validity {
    /// Each folder gets a higher one.
    #[default]
    Grows,
    /// All folders made in one second have the same, and one that is deleted and made again too (UW, mailutils).
    Reused,
    /// Each folder gets a lower one, just below 2^32 (pymap).
    Falls,
}

/// How an APPEND to a missing folder is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TryCreate {
    /// `NO [TRYCREATE]`, before the message is sent where the client waits (most).
    #[default]
    Early,
    /// `NO [TRYCREATE]`, once the message is here (pymap).
    Late,
    /// `NO APPEND [TRYCREATE] failed`, and so is every APPEND that fails, whatever the reason (mailutils).
    InText,
}

/// How a connection too many is turned away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TurnedAway {
    /// With `BYE [LIMIT]` in place of the greeting.
    #[default]
    Bye,
    /// With this text after `NO` at its login (Gmail: github.com/zone-eu/wildduck/issues/35).
    Login(&'static str),
}

/// A server that asks for pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Each n-th command that moves messages (APPEND, FETCH of bodies) begins a pause instead of being executed.
    pub every: usize,
    /// So long it lasts.
    pub pause: Duration,
    /// What is said meanwhile.
    pub says: Throttled,
}

/// What a server says while it wants a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttled {
    /// `NO Request is throttled. Suggested Backoff Time: N milliseconds` (Office 365:
    /// github.com/imapsync/imapsync/issues/198).
    Backoff,
    /// `BAD Request is throttled. …` and `* BYE Connection closed.` (Office 365:
    /// github.com/simonrob/email-oauth2-proxy/issues/191).
    BackoffAndBye,
    /// `NO [UNAVAILABLE] … Please try again later` (Yahoo: github.com/joeyates/imap-backup/issues/218).
    Unavailable,
    /// `NO [OVERQUOTA] Account exceeded command or bandwidth limits.` (Gmail:
    /// github.com/ljmerza/ha-email-sensor/issues/16).
    Bandwidth,
    /// Nothing for as long as it lasts, then the right answer (Gmail's `[THROTTLED]`:
    /// github.com/jstedfast/MailKit/issues/1396).
    Slow,
}
