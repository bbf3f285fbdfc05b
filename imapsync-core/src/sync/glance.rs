//! After the copy, where the server names the UIDs of copies: is each there, with the flags and the date it was sent with?
//!
//! One FETCH of flags for each folder, of which nothing is kept. Dates cost a server more than all the rest, and it keeps
//! either all or none of those it is given: a sample of the copies tells. What does not fit is looked at closely
//! ([`confirm`](super::confirm), [`lacking`](super::lacking)).

use super::judge::header_names;
use super::lacking::system;
use super::link::Link;
use super::survey::section;
use super::volley::{Reply, try_volley};
use super::work::{Copied, Work};
use crate::error::Error;
use crate::imap::command::{Command, FetchItems, Uids};
use crate::imap::response::{Code, Fetch, Item, Status, StatusKind, Untagged};
use crate::imap::uidset::UidSet;
use crate::message::IdentityRules;
use std::collections::HashSet;

/// Copies of each folder whose dates are compared.
const DATED: usize = 100;

/// Those of the targets whose copies are all there as they were sent. A target that is not among them may be in order, too.
///
/// # Errors
///
/// Only what ends the run.
pub(super) async fn glance(
    link: &mut Link,
    rules: &IdentityRules,
    work: &mut Work,
    targets: &[usize],
    dates: bool,
) -> Result<HashSet<usize>, Error> {
    for at in targets {
        work.targets[*at].copied.sort_unstable_by_key(|copied| copied.named);
    }
    let whole = look_at_all(link, rules, work, targets, dates).await?;
    for (at, alike) in &whole {
        work.targets[*at].alike = *alike;
    }
    Ok(whole.into_iter().map(|(at, _)| at).collect())
}

/// The targets that are whole, and whether the newest copy has the header and the size of its message.
async fn look_at_all(
    link: &mut Link,
    rules: &IdentityRules,
    work: &Work,
    targets: &[usize],
    dates: bool,
) -> Result<Vec<(usize, bool)>, Error> {
    let glance = |at: &usize| Glance::new(rules, work, *at, dates);
    let mut glances: Vec<Glance> = targets.iter().filter_map(glance).collect();
    let mut owners = Vec::new();
    let mut commands = Vec::new();
    for (number, glance) in glances.iter().enumerate() {
        let asked = glance.commands();
        owners.extend((0..asked.len()).map(|place| (number, place == 0)));
        commands.extend(asked);
    }
    // What was seen before a loss was seen.
    try_volley(link, commands, |_, number, reply| {
        let (owner, opening) = owners[number];
        glances[owner].take(opening, reply);
        Ok(())
    })
    .await?;
    Ok(glances.into_iter().filter(Glance::is_whole).map(|glance| (glance.target, glance.alike)).collect())
}

/// The copies in one target, and which of them were seen.
struct Glance<'a> {
    rules: &'a IdentityRules,
    work: &'a Work,
    target: usize,
    dates: bool,
    /// By the UID that the server named.
    copies: &'a [Copied],
    seen: Vec<bool>,
    left: usize,
    opened: bool,
    /// The folder is the one that was copied into.
    same: bool,
    refused: bool,
    /// The newest copy is what its message is.
    alike: bool,
}

impl<'a> Glance<'a> {
    /// None: that cannot be seen at a glance.
    fn new(rules: &'a IdentityRules, work: &'a Work, at: usize, dates: bool) -> Option<Self> {
        let target = &work.targets[at];
        let copies = &target.copied;
        let unnamed = copies.first().is_none_or(|first| first.named == 0);
        let twice = copies.windows(2).any(|pair| pair[0].named == pair[1].named);
        let unfound = |copied: &Copied| {
            work.jobs[copied.job()].bare.get(&copied.uid).is_some_and(|bare| bare.copy.is_none())
        };
        if unnamed || twice || target.listing.uid_validity == 0 || copies.iter().any(unfound) {
            return None;
        }
        let (seen, left) = (vec![false; copies.len()], copies.len());
        let (opened, same, refused, alike) = (false, false, false, false);
        Some(Self { rules, work, target: at, dates, copies, seen, left, opened, same, refused, alike })
    }

    fn commands(&self) -> Vec<Command> {
        let dated = &self.copies[..self.copies.len().min(DATED)];
        let set = UidSet::from_uids(dated.iter().map(|copied| copied.named));
        let mut commands = vec![
            Command::Examine(self.work.targets[self.target].name.clone()),
            Command::UidFetch { uids: Uids::Set(set), items: FetchItems::Listing },
        ];
        let newest = self.copies.last().map(|copied| copied.named);
        let items = FetchItems::Look(header_names(self.rules));
        commands.push(Command::UidFetch { uids: Uids::Set(UidSet::from_uids(newest)), items });
        if let Some(next) = self.copies.get(dated.len()) {
            commands.push(Command::UidFetch { uids: Uids::From(next.named), items: FetchItems::Flags });
        }
        commands
    }

    fn take(&mut self, opening: bool, reply: Reply) {
        match reply {
            Reply::Untagged(Untagged::Status(status)) if opening => self.learn(&status),
            Reply::Untagged(Untagged::Fetch(fetch)) if self.opened && self.same => self.look(&fetch),
            Reply::Done(status) => {
                let ok = status.kind == StatusKind::Ok;
                if opening {
                    self.learn(&status);
                }
                self.refused |= !ok;
                self.opened |= opening && ok;
            }
            _ => {}
        }
    }

    fn learn(&mut self, status: &Status) {
        if let Some(Code::UidValidity(n)) = status.code {
            self.same = n == self.work.targets[self.target].listing.uid_validity;
        }
    }

    /// Looks at a message. One that has not what it was sent with counts as not seen.
    fn look(&mut self, fetch: &Fetch) {
        if let (false, Item::Present(size)) = (fetch.sections.is_empty(), &fetch.size) {
            return self.compare(fetch, *size);
        }
        let (Item::Present(uid), Item::Present(flags)) = (&fetch.uid, &fetch.flags) else { return };
        let Ok(at) = self.copies.binary_search_by_key(uid, |copied| copied.named) else { return };
        let copied = self.copies[at];
        let (work, job) = (self.work, copied.job());
        let sent = system(&work.harmless_flags(job, copied.uid));
        let date = work.jobs[job].listing.row(copied.uid).and_then(|row| row.date).filter(|_| self.dates);
        let dated = match (&fetch.internal_date, date) {
            (Item::Present(there), Some(date)) => there.seconds() == date.clamped().seconds(),
            _ => true,
        };
        if dated && system(flags).contains(sent) && !std::mem::replace(&mut self.seen[at], true) {
            self.left -= 1;
        }
    }

    fn compare(&mut self, fetch: &Fetch, size: u64) {
        let (Some(newest), Item::Present(uid)) = (self.copies.last(), &fetch.uid) else { return };
        let sent = self.work.jobs[newest.job()].listing.row(newest.uid).map(|row| row.size);
        let there = self.rules.from_header(&section(fetch, &[]));
        self.alike |= *uid == newest.named && sent == Some(size) && there == newest.identity(&self.work.jobs);
    }

    fn is_whole(&self) -> bool {
        self.left == 0 && !self.refused
    }
}
