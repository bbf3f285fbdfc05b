//! Which pairs of folders need no look: nothing was left to do there, and nothing has changed on either side since.

use super::standing::{Standing, standing};
use super::{Link, Mode, Recall, Side, Work};
use crate::error::Error;
use crate::imap::command::{Command, FetchItems, Uids};
use crate::imap::name::MailboxName;
use crate::imap::response::{Code, Item, Status, StatusKind, Untagged};
use crate::state::{BlockSum, BlockSums, Mailbox};
use crate::sync::discover::Account as Found;
use crate::sync::survey::{Held, Listing};
use crate::sync::volley::{Reply, try_volley};
use std::collections::HashSet;

impl Recall {
    /// Marks the jobs of such pairs as done, with what the report of an earlier run said of them. Where a server counts no
    /// changes, the flags of all messages are added up and compared.
    ///
    /// # Errors
    ///
    /// Only what ends the run.
    pub(in crate::sync) async fn untouched(
        &self,
        links: (&mut Link, &mut Link),
        found: (&Found, &Found),
        work: &mut Work,
    ) -> Result<(), Error> {
        let mut targets: Vec<usize> = (0..work.targets.len())
            .filter(|at| {
                let mut jobs = work.jobs.iter().filter(|job| job.target == *at);
                jobs.all(|job| self.is_settled(job.mode, &job.source, &work.targets[*at].name))
            })
            .collect();
        let (mut unsure, mut unsure_too) = (Vec::new(), Vec::new());
        targets.retain(|at| {
            let name = &work.targets[*at].name;
            let there = self.standing(Side::Destination, name, found.1);
            let mut all = vec![there];
            if there == Standing::Unsure {
                unsure_too.push(name.clone());
            }
            for job in work.jobs.iter().filter(|job| job.target == *at) {
                let here = self.standing(Side::Source, &job.source, found.0);
                all.push(here);
                if here == Standing::Unsure {
                    unsure.push(job.source.clone());
                }
            }
            all.iter().all(|one| *one != Standing::Changed)
        });
        if targets.is_empty() {
            return Ok(());
        }
        let (here, there) = tokio::join!(
            self.changed(links.0, Side::Source, unsure),
            self.changed(links.1, Side::Destination, unsure_too)
        );
        let (here, there) = (here?, there?);
        for at in targets {
            let sources = || work.jobs.iter().filter(|job| job.target == at).map(|job| &job.source);
            if there.contains(&work.targets[at].name) || sources().any(|source| here.contains(source)) {
                continue;
            }
            self.adopt(work, at);
        }
        Ok(())
    }

    fn is_settled(&self, mode: Mode, source: &MailboxName, target: &MailboxName) -> bool {
        let here = self.mailbox(Side::Source, source);
        mode == Mode::Scanned
            && !self.has_intents(source, target)
            && here.is_some_and(|one| one.settled && one.pair.as_ref() == Some(target))
            && self.mailbox(Side::Destination, target).is_some_and(|one| one.settled)
    }

    fn standing(&self, side: Side, name: &MailboxName, found: &Found) -> Standing {
        let both = self.mailbox(side, name).zip(found.status.get(name));
        both.map_or(Standing::Changed, |(remembered, status)| standing(remembered, status))
    }

    /// Those of the folders in which a flag has changed or a message has gone, or that nobody can tell.
    async fn changed(
        &self,
        link: &mut Link,
        side: Side,
        folders: Vec<MailboxName>,
    ) -> Result<HashSet<MailboxName>, Error> {
        let mut changed: HashSet<MailboxName> = folders.iter().cloned().collect();
        let Some(store) = self.store.as_ref().filter(|_| !folders.is_empty()) else { return Ok(changed) };
        let mut checks = Vec::new();
        for name in folders {
            if let (Ok(sums), Some(mailbox)) = (store.blocks(side, &name).await, self.mailbox(side, &name)) {
                checks.push(Check {
                    mailbox,
                    expected: sums,
                    sums: BlockSums::default(),
                    ok: true,
                    opened: false,
                });
            }
        }
        let commands = checks
            .iter()
            .flat_map(|check| {
                let fetch = Command::UidFetch { uids: Uids::From(1), items: FetchItems::Flags };
                [Command::Examine(check.mailbox.name.clone()), fetch]
            })
            .collect();
        let answered = try_volley(link, commands, |_, number, reply| {
            checks[number / 2].take(number % 2 == 0, reply);
            Ok(())
        })
        .await?;
        for check in checks {
            if answered && check.opened && check.ok && check.sums.finish() == check.expected {
                changed.remove(&check.mailbox.name);
            }
        }
        Ok(changed)
    }

    fn adopt(&self, work: &mut Work, at: usize) {
        let Some(there) = self.mailbox(Side::Destination, &work.targets[at].name) else { return };
        let target = &mut work.targets[at];
        target.listing = as_remembered(there);
        target.untouched = Some(there.summary);
        for job in work.jobs.iter_mut().filter(|job| job.target == at) {
            let Some(here) = self.mailbox(Side::Source, &job.source) else { continue };
            job.mode = Mode::Untouched;
            job.listing = as_remembered(here);
            job.tally = here.summary.tally;
        }
    }
}

/// The listing of a folder whose messages nobody needs to see.
fn as_remembered(mailbox: &Mailbox) -> Listing {
    let held = Held { messages: mailbox.messages.into(), bytes: mailbox.summary.bytes };
    Listing::held(mailbox.uid_validity, mailbox.uid_next, mailbox.messages, held)
}

/// The flags of one folder as they come, added up.
struct Check<'a> {
    mailbox: &'a Mailbox,
    expected: Vec<BlockSum>,
    sums: BlockSums,
    opened: bool,
    ok: bool,
}

impl Check<'_> {
    fn take(&mut self, opening: bool, reply: Reply) {
        match reply {
            Reply::Untagged(Untagged::Status(status)) if opening => self.code(&status),
            Reply::Untagged(Untagged::Exists(n)) if opening => self.ok &= n == self.mailbox.messages,
            Reply::Untagged(Untagged::Fetch(fetch)) if self.opened => match (&fetch.uid, &fetch.flags) {
                (Item::Present(uid), Item::Present(flags)) => self.sums.add(*uid, Some(flags)),
                (Item::Present(uid), _) => self.sums.add(*uid, None),
                _ => self.ok = false,
            },
            Reply::Done(status) => {
                if opening {
                    self.code(&status);
                    self.opened = status.kind == StatusKind::Ok;
                }
                self.ok &= status.kind == StatusKind::Ok;
            }
            Reply::Unreadable => self.ok = false,
            _ => {}
        }
    }

    fn code(&mut self, status: &Status) {
        if let Some(Code::UidValidity(n)) = status.code {
            self.ok &= n == self.mailbox.uid_validity;
        }
    }
}
