//! Fault scripts from a seed.

use super::{Deed, Fault, Place, Script, When};
use crate::testing::dice::Dice;
use std::time::Duration;

/// Commands that a client which copies mail sends, the frequent ones more than once.
const WORDS: [&str; 22] = [
    "APPEND",
    "APPEND",
    "APPEND",
    "APPEND",
    "UID FETCH",
    "UID FETCH",
    "UID FETCH",
    "UID FETCH",
    "UID SEARCH",
    "UID STORE",
    "UID STORE",
    "UID EXPUNGE",
    "EXPUNGE",
    "SELECT",
    "EXAMINE",
    "STATUS",
    "LIST",
    "CREATE",
    "SUBSCRIBE",
    "NOOP",
    "LOGIN",
    "CAPABILITY",
];

/// What may come behind NO and BAD.
const REFUSALS: [&str; 6] = [
    "not now",
    "[UNAVAILABLE] later",
    "[OVERQUOTA] full",
    "[LIMIT] too much",
    "[SERVERBUG] oops",
    "[INUSE] locked",
];

/// Bytes that come where none should.
const NOISE: [&[u8]; 10] = [
    b"* 3 EXISTS\r\n",
    b"* OK still here\r\n",
    b"* NO [ALERT] disk nearly full\r\n",
    b"\r\n",
    b"\x00\xff\xfe\r\n",
    b"* BAD \x80\x81\r\n",
    b"* 1 FETCH (FLAGS (\\Seen))\r\n",
    b"* XYZZY {3}\r\nabc\r\n",
    b"a999 OK not yours\r\n",
    b")",
];

impl Script {
    /// So many faults, each anywhere in a sync of a small account, the same ones for the same dice.
    ///
    /// A client can stand all of them: nothing is said to be refused that was done, and what comes late comes within a
    /// second.
    ///
    /// ```
    /// use imapsync_core::testing::{Dice, Script};
    /// let script = Script::random(&mut Dice::new(7), 3);
    /// assert_eq!(script.faults.len(), 3);
    /// assert_eq!(script, Script::random(&mut Dice::new(7), 3));
    /// ```
    pub fn random(dice: &mut Dice, faults: usize) -> Self {
        Self { faults: (0..faults).map(|_| Fault::random(dice)).collect() }
    }
}

impl Fault {
    fn random(dice: &mut Dice) -> Self {
        // Some deeds are possible only at some places; these are drawn together.
        match dice.roll(16) {
            0 => Self::at(dice, When::Received, Deed::ApplyThenDrop),
            1 => {
                let after = Duration::from_millis(dice.about(900));
                Self::at(dice, When::Received, Deed::DropThenApply(after))
            }
            2 => Self::at(dice, When::Applied, Deed::Drop),
            3 => Self::at(dice, When::Replied, Deed::Drop),
            4 | 5 => {
                let deed = match dice.roll(3) {
                    0 => Deed::AnnounceLess(dice.about(40)),
                    1 => Deed::AnnounceMore(dice.about(40)),
                    _ => Deed::AnnounceNonsense,
                };
                let place = Place::Command("UID FETCH".to_owned(), When::Applied);
                Self { place, nth: dice.about(8), deed }
            }
            6 => {
                let when = *dice.pick(&[When::Received, When::Line]);
                let deed = refusal(dice);
                Self::at(dice, when, deed)
            }
            7 => {
                let changes = dice.about(6) as usize;
                let lag = Duration::from_millis(dice.about(900));
                let when = *dice.pick(&[When::Received, When::Applied, When::Replied]);
                Self::at(dice, when, Deed::Replica { changes, lag })
            }
            8 => Self { place: Place::Continuation, nth: dice.about(20), deed: anything(dice) },
            9 => {
                let byte = dice.about(3000);
                Self { place: Place::Literal(byte), nth: dice.about(20), deed: anything(dice) }
            }
            10 => {
                let byte = dice.about(3000);
                Self { place: Place::Reply(When::Byte(byte)), nth: dice.about(60), deed: anything(dice) }
            }
            11 => Self { place: Place::Connection, nth: 1 + dice.about(6), deed: anything(dice) },
            12 => {
                let deed = anything(dice);
                let when = *dice.pick(&[When::Line, When::Received, When::Replied]);
                Self::at(dice, when, deed)
            }
            _ => Self { place: Place::Step, nth: dice.about(300), deed: anything(dice) },
        }
    }

    fn at(dice: &mut Dice, when: When, deed: Deed) -> Self {
        let word = *dice.pick(&WORDS);
        Self { place: Place::Command(word.to_owned(), when), nth: dice.about(8), deed }
    }
}

fn refusal(dice: &mut Dice) -> Deed {
    let text = (*dice.pick(&REFUSALS)).to_owned();
    if dice.one_in(2) { Deed::No(text) } else { Deed::Bad(text) }
}

/// A deed that is possible at many places.
fn anything(dice: &mut Dice) -> Deed {
    match dice.roll(9) {
        0 | 1 => Deed::Drop,
        2 => Deed::Reset,
        3 => Deed::Stall,
        4 => Deed::Wait(Duration::from_millis(dice.about(40_000))),
        5 => refusal(dice),
        6 => Deed::Bye((*dice.pick(&["", "[UNAVAILABLE] going down", "[LIMIT] too many"])).to_owned()),
        7 => Deed::Insert((*dice.pick(&NOISE)).to_vec()),
        _ => Deed::Say(format!("{{tag}} {} what", dice.pick(&["NO", "BAD", "XYZZY"])) + "\r\n"),
    }
}
