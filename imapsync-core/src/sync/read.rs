//! Reads parts of single messages: headers that identity needs further, digests of suspects.

use super::broken::{self, Broken};
use super::link::Link;
use super::patience::Patience;
use super::survey::section;
use super::volley::{Reply, volley};
use crate::error::{Error, ErrorKind};
use crate::imap::backoff;
use crate::imap::command::{Command, FetchItems, Uids};
use crate::imap::date::InternalDate;
use crate::imap::flag::Flags;
use crate::imap::name::MailboxName;
use crate::imap::response::{Code, Item, Status, StatusKind, Untagged};
use crate::imap::uidset::UidSet;
use crate::message::{Digest, Digester};
use std::collections::HashSet;
use std::time::Duration;

/// Longest text of a UID set in one command.
pub(crate) const SET_BYTES: usize = 7000;

/// What to read of which messages of one folder.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// The caller's number of the folder, handed back.
    pub(crate) folder: usize,
    pub(crate) mailbox: MailboxName,
    /// What the UIDs belong to.
    pub(crate) uid_validity: u32,
    pub(crate) uids: Vec<u32>,
    pub(crate) part: Part,
}

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Fields(Vec<String>),
    /// The whole message; only its digests are kept.
    Digests,
    /// The internal date as well.
    Flags,
}

/// What was read of a message.
#[derive(Debug)]
pub(crate) enum Answer<'a> {
    Fields(&'a [u8]),
    Digests {
        /// Over all of it.
        whole: Digest,
        /// Over its body.
        body: Digest,
    },
    Flags(&'a Flags),
    Date(InternalDate),
}

/// Reads, in one volley. A message that is gone gets no answer; one may be answered twice after a reconnection.
///
/// # Errors
///
/// Only what ends the run. What the server refuses is given, with the number of the folder.
pub(crate) async fn read(
    link: &mut Link,
    readings: &[Reading],
    mut answer: impl FnMut(usize, u32, Answer<'_>),
) -> Result<Vec<(usize, Error)>, Error> {
    let mut refusals = Vec::new();
    let mut patience = Patience::default();
    // A step is one folder with one UID set: EXAMINE and FETCH. Steps are repeated whole after a loss.
    let mut steps: Vec<(usize, UidSet)> = Vec::new();
    for (at, reading) in readings.iter().enumerate() {
        steps.extend(
            UidSet::from_uids(reading.uids.iter().copied()).split(SET_BYTES).into_iter().map(|set| (at, set)),
        );
    }
    while !steps.is_empty() {
        let mut states: Vec<State> = steps.iter().map(|_| State::default()).collect();
        let commands = steps.iter().flat_map(|(at, set)| {
            let reading = &readings[*at];
            let items = match &reading.part {
                Part::Fields(names) => FetchItems::Header(names.clone()),
                Part::Digests => FetchItems::Full,
                Part::Flags => FetchItems::Listing,
            };
            [
                Command::Examine(reading.mailbox.clone()),
                Command::UidFetch { uids: Uids::Set(set.clone()), items },
            ]
        });
        let commands = commands.collect();
        let connection = link.ready().await?;
        let result = volley(connection, commands, |connection, number, reply| {
            let state = &mut states[number / 2];
            let reading = &readings[steps[number / 2].0];
            match reply {
                Reply::Done(status) if patience.allows(backoff::wait(&status)) => state.later = true,
                Reply::Done(_) if state.later => {}
                Reply::Done(_)
                    if state.is_short(&steps[number / 2].1) && patience.allows(Some(Duration::ZERO)) =>
                {
                    state.later = true;
                }
                Reply::Done(status) if number % 2 == 0 => {
                    state.learn(&status);
                    let right =
                        state.told == reading.uid_validity || broken::is(Broken::KeepsUidsOfAnotherFolder);
                    state.opened =
                        status.kind == StatusKind::Ok && right || broken::is(Broken::ReadsBehindFailedSelect);
                    state.another = status.kind == StatusKind::Ok && !right;
                }
                Reply::Done(status) => {
                    state.done = true;
                    let short = state.is_short(&steps[number / 2].1);
                    if status.kind != StatusKind::Ok || !state.opened || short {
                        let text = match state.another {
                            true => {
                                "the folder's UIDVALIDITY changed during the run: it is another folder now"
                            }
                            false if short => "messages could not be read: the answers make no sense",
                            false => "messages could not be read",
                        };
                        let error = Error::new(ErrorKind::Fetch, text)
                            .on(connection.side())
                            .in_folder(reading.mailbox.display())
                            .server_said(connection.said(&status));
                        refusals.push((reading.folder, error));
                    }
                }
                Reply::Untagged(Untagged::Status(status)) if number % 2 == 0 => state.learn(&status),
                Reply::Literal => state.large = Large::new(&reading.part),
                Reply::Chunk(bytes) => state.large.take(&bytes),
                Reply::Untagged(Untagged::Fetch(fetch)) if state.opened => {
                    let Item::Present(uid) = fetch.uid else { return Ok(()) };
                    let large = std::mem::take(&mut state.large);
                    state.answered.insert(uid);
                    match (&reading.part, large) {
                        (Part::Fields(_), large) => {
                            let bytes = section(&fetch, large.fields());
                            answer(reading.folder, uid, Answer::Fields(&bytes));
                        }
                        (Part::Flags, _) => {
                            if let Item::Present(flags) = &fetch.flags {
                                answer(reading.folder, uid, Answer::Flags(flags));
                            }
                            if let Item::Present(date) = fetch.internal_date {
                                answer(reading.folder, uid, Answer::Date(date));
                            }
                        }
                        (Part::Digests, Large::Digests(whole, body)) => {
                            let (whole, body) = (whole.finish(), body.finish());
                            answer(reading.folder, uid, Answer::Digests { whole, body });
                        }
                        (Part::Digests, _) => {
                            let bytes = section(&fetch, &[]);
                            if !bytes.is_empty() {
                                let (whole, body) = digests(&bytes);
                                answer(reading.folder, uid, Answer::Digests { whole, body });
                            }
                        }
                    }
                }
                Reply::Unreadable => {
                    state.garbled = true;
                    state.large = Large::None;
                }
                Reply::Untagged(_) => {}
            }
            Ok(())
        })
        .await;
        let mut done = states.iter().map(|state| state.done);
        let before = steps.len();
        steps.retain(|_| !done.next().unwrap_or(false));
        if steps.len() < before {
            link.progress();
        }
        let rested = patience.rest().await;
        if let Err(error) = result {
            link.lost(error)?;
        } else if steps.len() == before && !rested {
            return Err(Error::new(ErrorKind::Protocol, "commands were left without an answer").on(link.side));
        }
    }
    Ok(refusals)
}

/// Both digests of a message in memory.
pub(crate) fn digests(message: &[u8]) -> (Digest, Digest) {
    let (mut whole, mut body) = (Digester::whole(), Digester::body());
    whole.update(message);
    body.update(message);
    (whole.finish(), body.finish())
}

#[derive(Default)]
struct State {
    /// Refused for the time being.
    later: bool,
    /// The UIDVALIDITY that was told.
    told: u32,
    opened: bool,
    /// Opened, and another folder than the one whose UIDs are known.
    another: bool,
    done: bool,
    /// There was a line that nobody can read: it may have been any answer.
    garbled: bool,
    answered: HashSet<u32>,
    large: Large,
}

impl State {
    /// Whether answers are missing, and not because the messages are gone.
    fn is_short(&self, asked: &UidSet) -> bool {
        self.garbled && asked.iter().any(|uid| !self.answered.contains(&uid))
    }

    fn learn(&mut self, status: &Status) {
        if let Some(Code::UidValidity(n)) = status.code {
            self.told = n;
        }
    }
}

/// A large literal as it passes.
#[derive(Default)]
enum Large {
    #[default]
    None,
    Fields(Vec<u8>),
    Digests(Box<Digester>, Box<Digester>),
}

impl Large {
    fn new(part: &Part) -> Self {
        match part {
            Part::Fields(_) => Self::Fields(Vec::new()),
            Part::Flags => Self::None,
            Part::Digests => Self::Digests(Box::new(Digester::whole()), Box::new(Digester::body())),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Fields(fields) => {
                fields.extend_from_slice(&bytes[..bytes.len().min((16 << 20) - fields.len().min(16 << 20))])
            }
            Self::Digests(whole, body) => {
                whole.update(bytes);
                body.update(bytes);
            }
        }
    }

    fn fields(&self) -> &[u8] {
        match self {
            Self::Fields(fields) => fields,
            _ => &[],
        }
    }
}
