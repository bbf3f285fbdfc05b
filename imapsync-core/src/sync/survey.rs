//! What is in the folders: SELECT or EXAMINE with the listing behind it, many folders in one volley.

use super::broken::{self, Broken};
use super::link::Link;
use super::patience::Patience;
use super::quiet::look;
use super::volley::{Reply, volley};
use crate::error::{Error, ErrorKind};
use crate::imap::backoff;
use crate::imap::command::{Command, FetchItems, Uids};
use crate::imap::date::InternalDate;
use crate::imap::flag::{Flags, PermanentFlags};
use crate::imap::name::MailboxName;
use crate::imap::response::{Body, Code, Fetch, Item, Status, StatusKind, Untagged};
use bytes::Bytes;

/// Listings that come out short are asked for again: somebody else may have expunged meanwhile.
const LISTING_TRIES: u32 = 3;

/// For so many rows room is made before they come; a server may claim any number.
const EXPECTED: usize = 1 << 20;

/// Sizes beyond what a literal may have are made up.
const LARGEST: u64 = 16 << 30;

/// One message of a listing.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) uid: u32,
    pub(crate) size: u64,
    pub(crate) date: Option<InternalDate>,
    /// None: unreadable, to be left alone.
    pub(crate) flags: Option<Flags>,
}

// A folder has a million of them.
const _: () = assert!(size_of::<Row>() == 40);

/// Messages that are there and not listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// What one folder holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    /// 0 where the server has not told.
    pub(crate) uid_validity: u32,
    /// 0 where the server has not told.
    pub(crate) uid_next: u32,
    pub(crate) exists: u32,
    /// The server was asked and has not told `exists`.
    pub(crate) uncounted: bool,
    pub(crate) read_only: bool,
    pub(crate) permanent: Option<PermanentFlags>,
    /// HIGHESTMODSEQ when it was opened (CONDSTORE, RFC 7162).
    pub(crate) modseq: Option<u64>,
    /// What is there and was not listed, as nothing of it has changed since an earlier run.
    pub(crate) held: Held,
    /// By UID, ascending.
    pub(crate) rows: Vec<Row>,
    /// Flags that came without the rest of their row.
    apart: Vec<(u32, Flags)>,
    /// Every message that the server says is there has been listed, without any error.
    pub(crate) complete: bool,
    /// Why the folder cannot be worked on.
    pub(crate) problem: Option<Error>,
}

impl Listing {
    /// Nothing has been told yet.
    pub(super) fn untold() -> Self {
        Self { uncounted: true, ..Self::default() }
    }

    /// Of a folder whose messages nobody needs to see.
    pub(crate) fn held(uid_validity: u32, uid_next: u32, exists: u32, held: Held) -> Self {
        Self { uid_validity, uid_next, exists, held, complete: true, ..Self::default() }
    }

    /// How many messages are there.
    pub(crate) fn messages(&self) -> u64 {
        self.rows.len() as u64 + self.held.messages
    }

    pub(crate) fn row(&self, uid: u32) -> Option<&Row> {
        self.rows.binary_search_by_key(&uid, |row| row.uid).ok().map(|at| &self.rows[at])
    }

    /// Takes in what SELECT or EXAMINE says.
    pub(super) fn opened(&mut self, data: &Untagged) {
        match data {
            Untagged::Exists(n) => (self.exists, self.uncounted) = (*n, false),
            Untagged::Status(status) => self.code(status),
            _ => {}
        }
    }

    pub(super) fn code(&mut self, status: &Status) {
        match &status.code {
            Some(Code::UidValidity(n)) => self.uid_validity = *n,
            Some(Code::UidNext(n)) => self.uid_next = *n,
            Some(Code::HighestModSeq(n)) => self.modseq = Some(*n),
            Some(Code::PermanentFlags(flags)) => self.permanent = Some(flags.clone()),
            Some(Code::ReadOnly) => self.read_only = true,
            _ => {}
        }
    }

    pub(super) fn add(&mut self, fetch: &Fetch) {
        let Item::Present(uid) = fetch.uid else { return };
        if uid == 0 {
            return;
        }
        // Flags alone are no row: they were sent apart from it, or somebody changes them meanwhile.
        if matches!((&fetch.size, &fetch.internal_date), (Item::Absent, Item::Absent)) {
            if let Item::Present(flags) = &fetch.flags {
                self.apart.push((uid, flags.clone()));
            }
            return;
        }
        // No more than a hint, and of no use where a message of that size could not be received.
        let size = fetch.size.as_ref().present().copied().filter(|size| *size <= LARGEST).unwrap_or(0);
        let date = match fetch.internal_date {
            Item::Present(date) => Some(date),
            _ => None,
        };
        let flags = match &fetch.flags {
            Item::Present(flags) => Some(flags.clone()),
            _ => broken::is(Broken::WipesUnreadableFlags).then(Flags::default),
        };
        if self.rows.capacity() == 0 {
            // Growing by and by would leave holes of half the size in memory.
            self.rows.reserve_exact((self.exists as usize).clamp(1, EXPECTED));
        }
        self.rows.push(Row { uid, size, date, flags });
    }

    /// Sorts what came in any order; what came of one message in several pieces, or twice, is put together.
    pub(super) fn finish(&mut self) {
        if !self.rows.is_sorted_by_key(|row| row.uid) {
            self.rows.sort_by_key(|row| row.uid);
        }
        self.rows.dedup_by(|next, row| {
            let same = next.uid == row.uid;
            if same {
                row.size = row.size.max(next.size);
                row.date = row.date.or(next.date);
                row.flags = next.flags.take().or(row.flags.take());
            }
            same
        });
        for (uid, flags) in std::mem::take(&mut self.apart) {
            if let Ok(at) = self.rows.binary_search_by_key(&uid, |row| row.uid) {
                self.rows[at].flags = Some(flags);
            }
        }
        self.rows.shrink_to_fit();
        // What has arrived since it was opened makes up for nothing.
        let since = if self.uid_next == 0 { u32::MAX } else { self.uid_next };
        let before = self.rows.partition_point(|row| row.uid < since);
        let whole = before as u64 >= u64::from(self.exists) || broken::is(Broken::TrustsShortListing);
        self.complete = self.problem.is_none() && !self.uncounted && whole;
    }
}

/// How a folder is opened for its listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// EXAMINE: nothing can change.
    Examine,
    /// SELECT: tells which flags can be kept.
    Select,
}

impl Opening {
    /// The command that opens it so.
    pub(super) fn command(self, mailbox: &MailboxName) -> Command {
        match self {
            Self::Examine => Command::Examine(mailbox.clone()),
            Self::Select => Command::Select(mailbox.clone()),
        }
    }
}

/// Which folder to list, and how.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) mailbox: MailboxName,
    pub(crate) opening: Opening,
    /// From this UID on; 1: all of it.
    pub(crate) from: u32,
    /// Also the listing; without it only what SELECT says.
    pub(crate) rows: bool,
    /// With the internal dates, which cost a server and the line as much as all the rest.
    pub(crate) dates: bool,
    /// Also these header fields of every message; the whole header where none is named.
    pub(crate) headers: Option<Vec<String>>,
}

impl Wanted {
    fn commands(&self) -> Vec<Command> {
        let all = || Uids::From(self.from);
        let mut commands = vec![self.opening.command(&self.mailbox)];
        if self.rows {
            let items = if self.dates { FetchItems::Listing } else { FetchItems::Sizes };
            commands.push(Command::UidFetch { uids: all(), items });
        }
        if let Some(names) = &self.headers {
            commands.push(Command::UidFetch { uids: all(), items: FetchItems::Header(names.clone()) });
        }
        commands
    }
}

/// Lists the folders, in one volley where nothing goes wrong. `header` is given each header answer, empty where the
/// server sent none: number of the folder, UID, bytes. It may be told the same message again after a reconnection.
///
/// # Errors
///
/// Only what ends the run. A folder that cannot be opened or listed says so in its listing.
pub(crate) async fn survey(
    link: &mut Link,
    wanted: &[Wanted],
    mut header: impl FnMut(usize, u32, &[u8]),
) -> Result<Vec<Listing>, Error> {
    let mut listings: Vec<Option<Listing>> = vec![None; wanted.len()];
    let mut tries = vec![0u32; wanted.len()];
    let mut patience = Patience::default();
    loop {
        let todo: Vec<usize> = (0..wanted.len()).filter(|at| listings[*at].is_none()).collect();
        if todo.is_empty() {
            return Ok(listings.into_iter().flatten().collect());
        }
        let mut batch: Vec<Progress> =
            todo.iter().map(|at| Progress::new(*at, wanted[*at].commands().len())).collect();
        let owners: Vec<usize> = batch
            .iter()
            .enumerate()
            .flat_map(|(slot, p)| std::iter::repeat_n(slot, p.open_commands))
            .collect();
        let commands = todo.iter().flat_map(|at| wanted[*at].commands()).collect();
        let connection = link.ready().await?;
        let result = volley(connection, commands, |connection, number, reply| {
            let slot = owners[number];
            let is_opening = number == 0 || owners[number - 1] != slot;
            let progress = &mut batch[slot];
            progress.take(connection, is_opening, reply, &mut header, &mut patience);
            Ok(())
        })
        .await;
        if result.is_ok() {
            count(link, wanted, &mut batch).await?;
        }
        for progress in batch {
            let at = progress.folder;
            if progress.open_commands > 0 || progress.later {
                continue;
            }
            link.progress();
            let mut listing = progress.listing;
            listing.finish();
            tries[at] += 1;
            let all = wanted[at].rows && wanted[at].from == 1;
            let short = all && !listing.complete && listing.problem.is_none();
            if !short || tries[at] >= LISTING_TRIES {
                listings[at] = Some(listing);
            }
        }
        if let Err(error) = result {
            link.lost(error)?;
        }
        patience.rest().await;
    }
}

/// Where EXISTS was missing, STATUS says how many messages are there.
async fn count(link: &mut Link, wanted: &[Wanted], batch: &mut [Progress]) -> Result<(), Error> {
    let mut missing: Vec<&mut Progress> =
        batch.iter_mut().filter(|progress| progress.opened && progress.listing.uncounted).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&MailboxName> = missing.iter().map(|progress| &wanted[progress.folder].mailbox).collect();
    for (progress, count) in missing.iter_mut().zip(look(link, &names).await?) {
        if let Some((_, messages)) = count {
            progress.listing.exists = messages;
            progress.listing.uncounted = false;
        }
    }
    Ok(())
}

/// The answers for one folder as they come.
struct Progress {
    folder: usize,
    open_commands: usize,
    opened: bool,
    /// Refused for the time being.
    later: bool,
    listing: Listing,
    large: Vec<u8>,
}

/// Header bytes kept of a message whose header is beyond all reason; identity needs no more.
pub(super) const LARGEST_HEADER: usize = 16 << 20;

impl Progress {
    fn new(folder: usize, open_commands: usize) -> Self {
        Self {
            folder,
            open_commands,
            opened: false,
            later: false,
            listing: Listing::untold(),
            large: Vec::new(),
        }
    }

    fn take(
        &mut self,
        connection: &mut crate::client::Connection,
        is_opening: bool,
        reply: Reply,
        header: &mut impl FnMut(usize, u32, &[u8]),
        patience: &mut Patience,
    ) {
        match reply {
            Reply::Untagged(data) if is_opening => self.listing.opened(&data),
            // The reads behind a SELECT that failed answer for another folder, if at all.
            Reply::Untagged(_) | Reply::Chunk(_) | Reply::Literal if !self.opened => {}
            Reply::Untagged(Untagged::Fetch(fetch)) => {
                if fetch.sections.is_empty() {
                    self.listing.add(&fetch);
                } else if let Item::Present(uid) = fetch.uid {
                    header(self.folder, uid, &section(&fetch, &self.large));
                    self.large.clear();
                }
            }
            Reply::Untagged(_) | Reply::Unreadable => {}
            Reply::Literal => self.large.clear(),
            Reply::Chunk(bytes) => {
                let room = LARGEST_HEADER.saturating_sub(self.large.len());
                self.large.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Reply::Done(status) => {
                self.open_commands -= 1;
                self.later |= patience.allows(backoff::wait(&status));
                let ok = status.kind == StatusKind::Ok || broken::is(Broken::ReadsBehindFailedSelect);
                if is_opening && ok {
                    self.opened = true;
                    self.listing.code(&status);
                } else if !ok && self.listing.problem.is_none() {
                    let what = if is_opening {
                        "the folder cannot be opened"
                    } else {
                        "the folder cannot be listed"
                    };
                    self.listing.problem =
                        Some(Error::new(ErrorKind::Select, what).server_said(connection.said(&status)));
                }
            }
        }
    }
}

/// The bytes of the first section of a FETCH; `large` stands for a literal that came in chunks.
pub(crate) fn section(fetch: &Fetch, large: &[u8]) -> Bytes {
    match fetch.sections.first() {
        Some((_, Body::Bytes(bytes))) => bytes.clone(),
        Some((_, Body::Detached { .. })) => Bytes::copy_from_slice(large),
        Some((_, Body::Nil)) | None => Bytes::new(),
    }
}
