//! Fault scripts at work: the hook that a script becomes, and the count of what has happened.

use super::{Deed, Fault, Kind, Place, Script, When};
use crate::testing::hook::{Act, Call, Edit, Stage};
use crate::testing::server::Server;
use crate::testing::syntax::{announced, unannounced};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many faults have happened, by kind. Clones count the same ones.
#[derive(Debug, Clone, Default)]
pub struct Fired(Arc<Mutex<BTreeMap<Kind, u64>>>);

impl Fired {
    /// How many faults of this kind have happened.
    pub fn count(&self, kind: Kind) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&kind).copied().unwrap_or(0)
    }

    /// How many faults have happened.
    pub fn total(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    fn add(&self, kind: Kind) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }
}

impl Server {
    /// Lets the faults of a script happen from now on, each once. [`Server::behave`] ends it.
    pub fn run_script(&self, script: &Script) -> Fired {
        let fired = Fired::default();
        if script.faults.iter().any(|fault| matches!(fault.deed, Deed::Replica { .. })) {
            self.mail().keep_history();
        }
        let mut armed: Vec<(Fault, u64)> = script.faults.iter().map(|fault| (fault.clone(), 0)).collect();
        let counted = fired.clone();
        self.hook(move |_, call| {
            let mut act = Act::Pass;
            for (fault, seen) in &mut armed {
                if !fault.place.is_here(call) {
                    continue;
                }
                *seen += 1;
                if *seen == fault.nth && matches!(act, Act::Pass) {
                    act = fault.begin(call.stage, &counted);
                }
            }
            act
        });
        fired
    }
}

impl Place {
    fn is_here(&self, call: &Call<'_>) -> bool {
        match self {
            Self::Connection => call.stage == Stage::Connected,
            Self::Step => true,
            Self::Continuation => call.stage == Stage::Continuation,
            Self::Literal(_) => call.stage == Stage::Part(0),
            Self::Reply(When::Replied) => call.stage == Stage::Replied,
            Self::Reply(_) => call.stage == Stage::Applied,
            Self::Command(word, when) => {
                let same = call.line.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
                let ends = matches!(call.line.as_bytes().get(word.len()), None | Some(b' '));
                let here = match when {
                    When::Line => call.stage == Stage::Line,
                    When::Received => match announced(call.line.as_bytes()) {
                        Some(_) => call.stage == Stage::Literal,
                        None => call.stage == Stage::Line,
                    },
                    When::Applied | When::Byte(_) => call.stage == Stage::Applied,
                    When::Replied => call.stage == Stage::Replied,
                };
                here && same && ends
            }
        }
    }
}

impl Fault {
    /// What is to be done now that the place has come, or is near.
    fn begin(&self, stage: Stage, fired: &Fired) -> Act {
        let byte = match self.place {
            Place::Literal(byte) | Place::Command(_, When::Byte(byte)) | Place::Reply(When::Byte(byte)) => {
                byte
            }
            _ => return self.act(stage, fired).unwrap_or(Act::Pass),
        };
        let (fault, fired) = (self.clone(), fired.clone());
        Act::At(byte, Box::new(move || fault.act(Stage::Half, &fired).unwrap_or(Act::Pass)))
    }

    /// What is to be done here; None where the deed cannot be.
    fn act(&self, stage: Stage, fired: &Fired) -> Option<Act> {
        let before = matches!(stage, Stage::Line | Stage::Literal);
        // What is done is refused only where the script says so: a server that does that lies.
        let lies = stage == Stage::Applied && self.place != Place::Step;
        let answers = before || lies || stage == Stage::Continuation;
        let act = match &self.deed {
            Deed::Drop => Act::Close,
            Deed::Reset => Act::Reset,
            Deed::Stall => Act::Hang,
            Deed::Wait(time) => Act::Wait(*time),
            Deed::Bye(text) => Act::Bye(text.clone()),
            Deed::Insert(bytes) => Act::Insert(bytes.clone()),
            Deed::Replica { changes, lag } => Act::Replica { changes: *changes, lag: *lag },
            Deed::No(text) if answers => Act::Say(format!("{{tag}} NO {text}\r\n")),
            Deed::Bad(text) if answers => Act::Say(format!("{{tag}} BAD {text}\r\n")),
            Deed::Say(text) if answers || stage == Stage::Connected => Act::Say(text.clone()),
            Deed::ApplyThenDrop if before => Act::Lose,
            Deed::ApplyThenDrop if stage == Stage::Applied => Act::Close,
            Deed::DropThenApply(after) if before => Act::LoseAndApply(*after),
            Deed::AnnounceLess(_) | Deed::AnnounceMore(_) | Deed::AnnounceNonsense
                if before || stage == Stage::Applied =>
            {
                // Whether there is a literal in the reply is seen only then.
                return Some(Act::Edit(self.announcement(fired)));
            }
            _ => return None,
        };
        fired.add(self.kind());
        Some(act)
    }

    fn announcement(&self, fired: &Fired) -> Edit {
        let (kind, deed, fired) = (self.kind(), self.deed.clone(), fired.clone());
        Box::new(move |reply| {
            let Some((digits, len)) = first_section(&reply) else { return reply };
            let wrong = match deed {
                Deed::AnnounceLess(bytes) => len.saturating_sub(bytes).to_string(),
                Deed::AnnounceMore(bytes) => len.saturating_add(bytes).to_string(),
                _ => "12x".to_owned(),
            };
            if wrong.as_bytes() == &reply[digits.clone()] {
                return reply;
            }
            fired.add(kind);
            [&reply[..digits.start], wrong.as_bytes(), &reply[digits.end..]].concat()
        })
    }
}

/// Where the number of the first `BODY[…] {n}` of a reply stands, and the number.
fn first_section(reply: &[u8]) -> Option<(std::ops::Range<usize>, u64)> {
    let mut at = 0;
    loop {
        let end = at + memchr::memmem::find(&reply[at..], b"\r\n")?;
        let line = &reply[at..end];
        at = end + 2;
        let Some((len, _)) = announced(line) else { continue };
        let name = unannounced(line).trim_ascii_end();
        if (name.ends_with(b"]") || name.ends_with(b">")) && memchr::memmem::find(name, b"BODY[").is_some() {
            let open = memchr::memrchr(b'{', line)? + 1;
            return Some((end - line.len() + open..end - 1, len));
        }
        at = at.checked_add(usize::try_from(len).ok()?).filter(|at| *at <= reply.len())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_section_announces_is_changed() {
        let reply = b"* LIST () \"/\" {3}\r\na]b\r\n* 1 FETCH (UID 1 BODY[] {5}\r\n{1}\r\n)\r\na1 OK\r\n";
        for (deed, number) in [
            (Deed::AnnounceLess(2), "{3}"),
            (Deed::AnnounceLess(9), "{0}"),
            (Deed::AnnounceMore(2), "{7}"),
            (Deed::AnnounceNonsense, "{12x}"),
        ] {
            let fired = Fired::default();
            let fault = Fault { place: Place::Step, nth: 1, deed };
            let changed = fault.announcement(&fired)(reply.to_vec());
            let expected = String::from_utf8_lossy(reply).replace("{5}", number);
            assert_eq!(String::from_utf8_lossy(&changed), expected);
            assert_eq!(fired.total(), 1);
        }
        let fired = Fired::default();
        let fault = Fault { place: Place::Step, nth: 1, deed: Deed::AnnounceLess(2) };
        let none = b"* 1 EXISTS\r\na1 OK\r\n".to_vec();
        assert_eq!(fault.announcement(&fired)(none.clone()), none);
        assert_eq!(fired.total(), 0);
    }
}
