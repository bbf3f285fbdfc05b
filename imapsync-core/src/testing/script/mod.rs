//! Fault scripts: what goes wrong on a server, and where, as text that people read and write.
//!
//! One fault a line, the place before the colon and the deed behind it; empty lines and lines that begin with `#` mean
//! nothing. Everything is counted from 1 and from when the script is installed; each fault happens once.
//!
//! ```text
//! # The third APPEND is done, but the client never hears of it.
//! APPEND 3 received: apply, then drop
//! # It is done half a second after the connection is gone, perhaps when the client has looked already.
//! APPEND 5 received: drop, then apply after 500ms
//! UID FETCH 2 byte 1000: drop
//! reply 9: announce 5 less
//! literal 1 byte 512: reset
//! continuation 2: NO [OVERQUOTA] the account is full
//! connection 3: BYE [LIMIT] too many connections
//! step 17: stall
//! ```
//!
//! # Places
//!
//! | place | where it is |
//! |---|---|
//! | `connection 2` | the second connection has come, nothing has been said |
//! | `step 17` | the 17th time that anything could happen: a connection, a line, a `+`, the beginning, the half and every 8 KiB of a literal, a command that is here, one that is done, half of its reply, all of its reply |
//! | `APPEND 3`, `UID FETCH 3` | the line of the third such command is here, its literals are not |
//! | `APPEND 3 received` | all of it is here, nothing has been done |
//! | `APPEND 3 applied` | it is done, nothing has been said |
//! | `APPEND 3 byte 40` | so many bytes of its reply are out, others are not |
//! | `APPEND 3 replied` | all of its reply is out |
//! | `continuation 2` | the second `+` is about to be sent |
//! | `literal 4`, `literal 4 byte 512` | so many bytes of the fourth literal that the client sends are here, others are not |
//! | `reply 9`, `reply 9 byte 40`, `reply 9 end` | as `applied`, `byte 40` and `replied`, of the ninth command of all |
//!
//! # Deeds
//!
//! | deed | what happens |
//! |---|---|
//! | `drop` | the connection is closed; what was not done yet has no effect |
//! | `reset` | the same with RST, where the connection is TCP |
//! | `stall` | the server never says anything again on this connection |
//! | `wait 30s`, `wait 500ms` | it does nothing for so long, then goes on as it should |
//! | `NO text`, `BAD text` | the command is answered so; it has no effect, unless the place says that it is done already |
//! | `BYE text` | the server says goodbye and closes; what was not done yet has no effect |
//! | `say "text"` | this in place of the greeting, the `+` or the answer; `{tag}` stands for the tag |
//! | `insert "bytes"` | these bytes between others; the rest as it should |
//! | `apply, then drop` | the command has its effect, then the connection is closed: the reply is lost |
//! | `drop, then apply after 600ms` | the connection is closed; the command has its effect so much later |
//! | `announce 5 less`, `announce 5 more` | the first `BODY[…] {n}` of the reply announces fewer or more bytes than follow |
//! | `announce nonsense` | it announces a number that is none |
//! | `replica 3 changes behind for 2s` | the connection is closed; for so long new looks show what was there before the last three changes, writes go where they should |
//!
//! A deed that cannot be done at its place (`announce` where no reply is near, `apply, then drop` when the reply is out)
//! does not happen, and [`Fired`] does not count it.

mod play;
mod seeded;
#[cfg(test)]
mod tests;
mod text;

pub use play::Fired;
pub use text::Unreadable;

use std::time::Duration;

/// Faults of one server, in no particular order. As text and back: [`std::fmt::Display`], [`std::str::FromStr`].
///
/// ```
/// use imapsync_core::testing::{self, Kind, Script, Server};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// let (old, new) = (Server::new("IMAP4rev1 UIDPLUS"), Server::new("IMAP4rev1 UIDPLUS"));
/// for n in 1..=3 {
///     old.mail().folder("INBOX").add(format!("Message-Id: <{n}@example.org>\r\n\r\nNumber {n}\r\n"), &[]);
/// }
/// let script: Script = "
///     APPEND 2 received: apply, then drop
///     connection 3: BYE too many
/// ".parse()?;
/// let fired = new.run_script(&script);
///
/// let report = testing::job(&old, &new).run().await.unwrap();
/// assert!(report.is_success());
/// assert_eq!(new.bodies("INBOX"), old.bodies("INBOX"));
/// assert_eq!(fired.count(Kind::NoReply), 1);
/// # Ok::<_, testing::Unreadable>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Its faults.
    pub faults: Vec<Fault>,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// Which time that this place is reached, from 1.
    pub nth: u64,
    /// What happens.
    pub deed: Deed,
}

/// Where something goes wrong. The [module](self) has them as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A connection has come.
    Connection,
    /// Anywhere.
    Step,
    /// A command with this word, or with `UID` and this word, in upper case.
    Command(String, When),
    /// A `+` is about to be sent.
    Continuation,
    /// So many bytes of a literal are here.
    Literal(u64),
    /// A reply of any command; [`When::Line`] and [`When::Received`] mean [`When::Applied`] here.
    Reply(When),
}

/// How far a command has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Its line is here, its literals are not.
    Line,
    /// All of it is here.
    Received,
    /// It is done, nothing has been said.
    Applied,
    /// So many bytes of its reply are out.
    Byte(u64),
    /// Its reply is out.
    Replied,
}

/// What happens. The [module](self) has them as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// The connection is closed.
    Drop,
    /// The connection is closed by RST.
    Reset,
    /// Nothing is ever said again.
    Stall,
    /// Nothing happens for so long.
    Wait(Duration),
    /// NO with this text, which is one line.
    No(String),
    /// BAD with this text, which is one line.
    Bad(String),
    /// BYE with this text, which is one line.
    Bye(String),
    /// This in place of what would be said.
    Say(String),
    /// These bytes are sent too.
    Insert(Vec<u8>),
    /// The reply is lost.
    ApplyThenDrop,
    /// The reply is lost, and the effect comes so much later.
    DropThenApply(Duration),
    /// So many bytes less are announced than follow.
    AnnounceLess(u64),
    /// So many bytes more are announced than follow.
    AnnounceMore(u64),
    /// What is announced is no number.
    AnnounceNonsense,
    /// Later connections reach a replica that lags behind.
    Replica {
        /// How many changes it misses.
        changes: usize,
        /// For how long.
        lag: Duration,
    },
}

/// The kinds of faults, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A connection was closed.
    Drop,
    /// A connection was reset.
    Reset,
    /// A connection fell silent.
    Stall,
    /// Something came late.
    Late,
    /// NO.
    No,
    /// BAD.
    Bad,
    /// BYE.
    Bye,
    /// Another text in place of the right one.
    Said,
    /// Bytes that belong nowhere.
    Inserted,
    /// A command was applied, its reply was lost.
    NoReply,
    /// A command was applied after its connection was gone.
    AppliedLater,
    /// A connection was closed right behind a reply.
    ReplyThenDrop,
    /// A literal announced fewer bytes than came.
    ShortLiteral,
    /// A literal announced more bytes than came.
    LongLiteral,
    /// A literal announced what is no number.
    WrongLiteral,
    /// A replica that lags behind answered.
    Replica,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Drop,
        Self::Reset,
        Self::Stall,
        Self::Late,
        Self::No,
        Self::Bad,
        Self::Bye,
        Self::Said,
        Self::Inserted,
        Self::NoReply,
        Self::AppliedLater,
        Self::ReplyThenDrop,
        Self::ShortLiteral,
        Self::LongLiteral,
        Self::WrongLiteral,
        Self::Replica,
    ];

    /// Its name in a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Reset => "reset",
            Self::Stall => "stall",
            Self::Late => "late",
            Self::No => "NO",
            Self::Bad => "BAD",
            Self::Bye => "BYE",
            Self::Said => "another answer",
            Self::Inserted => "arbitrary bytes",
            Self::NoReply => "applied, no reply",
            Self::AppliedLater => "applied later",
            Self::ReplyThenDrop => "reply, then drop",
            Self::ShortLiteral => "short literal",
            Self::LongLiteral => "long literal",
            Self::WrongLiteral => "wrong literal",
            Self::Replica => "old replica",
        }
    }
}

impl Fault {
    /// What kind of fault it is.
    pub fn kind(&self) -> Kind {
        let when = match self.place {
            Place::Command(_, when) | Place::Reply(when) => Some(when),
            _ => None,
        };
        match (&self.deed, when) {
            (Deed::Drop, Some(When::Applied)) | (Deed::ApplyThenDrop, _) => Kind::NoReply,
            (Deed::Drop, Some(When::Replied)) => Kind::ReplyThenDrop,
            (Deed::Drop, _) => Kind::Drop,
            (Deed::Reset, _) => Kind::Reset,
            (Deed::Stall, _) => Kind::Stall,
            (Deed::Wait(_), _) => Kind::Late,
            (Deed::No(_), _) => Kind::No,
            (Deed::Bad(_), _) => Kind::Bad,
            (Deed::Bye(_), _) => Kind::Bye,
            (Deed::Say(_), _) => Kind::Said,
            (Deed::Insert(_), _) => Kind::Inserted,
            (Deed::DropThenApply(_), _) => Kind::AppliedLater,
            (Deed::AnnounceLess(_), _) => Kind::ShortLiteral,
            (Deed::AnnounceMore(_), _) => Kind::LongLiteral,
            (Deed::AnnounceNonsense, _) => Kind::WrongLiteral,
            (Deed::Replica { .. }, _) => Kind::Replica,
        }
    }
}
