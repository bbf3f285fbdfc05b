//! Where a caller may interfere: before, in the middle of, and after each command; and what can be made to happen there.

use super::mail::Mail;
use std::time::Duration;

/// Where a command stands when the hooks are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// A connection has come; the greeting has not been sent. The line is empty.
    Connected,
    /// The first line of a command is here, its literals are not.
    Line,
    /// A `+` is about to be sent.
    Continuation,
    /// So many bytes of a literal are here: asked before the first, at half of it, and every 8 KiB or so.
    Part(usize),
    /// All literals of a command are here, nothing has been done.
    Literal,
    /// It is done, nothing has been said.
    Applied,
    /// Half of the answer is out.
    Half,
    /// All of the answer is out.
    Replied,
}

impl Stage {
    /// All kinds of stages have a number of their own.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Connected => 0,
            Self::Line => 1,
            Self::Continuation => 2,
            Self::Part(_) => 3,
            Self::Literal => 4,
            Self::Applied => 5,
            Self::Half => 6,
            Self::Replied => 7,
        }
    }
}

/// What a hook is told.
#[derive(Debug)]
pub struct Call<'a> {
    /// Number of the connection, from 1.
    pub connection: usize,
    /// Where the command stands.
    pub stage: Stage,
    /// The first line of the command, without its tag.
    pub line: &'a str,
    /// How often the same command word came to the same stage on this server, this time included.
    pub nth: usize,
    /// How often the hooks of this server have been asked, this time included.
    pub step: u64,
}

impl Call<'_> {
    /// Whether it is this command, at its line.
    pub fn is(&self, verb: &str) -> bool {
        self.stage == Stage::Line && self.line.starts_with(verb)
    }

    /// Whether it is an APPEND whose messages are here.
    pub fn appends(&self) -> bool {
        self.stage == Stage::Literal && self.line.starts_with("APPEND")
    }
}

/// Changes the bytes that the server is about to send.
pub type Edit = Box<dyn FnOnce(Vec<u8>) -> Vec<u8> + Send>;

/// What the server does with a command.
pub enum Act {
    /// As it should.
    Pass,
    /// Nothing but this answer; `{tag}` stands for the tag. In place of a greeting, of a `+` or of an answer.
    Say(String),
    /// As it should, but its answer is changed.
    Edit(Edit),
    /// As it should, then this is the last that is sent.
    EditAndClose(Edit),
    /// It sends these bytes, then goes on as it should.
    Insert(Vec<u8>),
    /// As it should, until so many bytes of the literal are here (at `Part(0)`) or of the answer are out (at
    /// `Applied`): then it asks again. Further on than the end: not at all.
    At(u64, Box<dyn FnOnce() -> Act + Send>),
    /// It says BYE with this text and closes the connection; what was not applied yet has no effect.
    Bye(String),
    /// It closes the connection; what was not applied yet has no effect.
    Close,
    /// As `Close`, with RST in place of FIN where the connection is TCP.
    Reset,
    /// It closes the connection; the command has its effect, the answer is lost.
    Lose,
    /// It closes the connection; the command has its effect after this time.
    LoseAndApply(Duration),
    /// It does nothing for so long, then goes on as it should.
    Wait(Duration),
    /// It never answers again.
    Hang,
    /// It closes the connection; connections that come within this time see what was there before the last so many
    /// changes, until then (a replica that lags behind). Writes go where they should.
    Replica {
        /// How many changes are missing.
        changes: usize,
        /// For how long.
        lag: Duration,
    },
}

/// Something that may interfere; the first that does not pass decides.
pub(super) type Hook = Box<dyn FnMut(&mut Mail, &Call<'_>) -> Act + Send>;
