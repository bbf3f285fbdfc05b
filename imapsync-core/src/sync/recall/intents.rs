//! What earlier runs were about to append when they ended: looked for on the destination before it is sent again.

use super::Recall;
use super::resolve::{Bodies, Ours, Theirs, resolve};
use crate::error::{Error, Side};
use crate::imap::date::InternalDate;
use crate::imap::name::MailboxName;
use crate::plan::{How, Pair};
use crate::state::{IntendedMessage, Intent, IntentId, Mailbox, Rows};
use crate::sync::link::Link;
use crate::sync::read::{Answer, Part, Reading, read};
use crate::sync::work::{Job, Mode, State, Target, Work, Written};
use std::collections::{BTreeMap, HashSet};

impl Recall {
    /// The intents of a pair of folders.
    fn intents(&self, source: &MailboxName, target: &MailboxName) -> impl Iterator<Item = &Intent> {
        let intents = self.intents.iter().map(|(_, intent)| intent).filter(|_| !self.distrusted);
        intents.filter(move |intent| intent.source == *source && intent.destination == *target)
    }

    /// Whether copies may have been on their way to this target when the last run ended.
    pub(in crate::sync) fn is_awaited(&self, target: &MailboxName) -> bool {
        self.intents.iter().any(|(_, intent)| intent.destination == *target)
    }

    /// Whether an earlier run may have left copies that nobody has seen.
    pub(super) fn has_intents(&self, source: &MailboxName, target: &MailboxName) -> bool {
        self.intents(source, target).next().is_some()
    }

    /// Pairs what the matching has left with what earlier runs were about to append. Bodies are read where nothing else can
    /// tell.
    ///
    /// # Errors
    ///
    /// Only what ends the run.
    pub(in crate::sync) async fn resolve(
        &self,
        source: &mut Link,
        destination: &mut Link,
        work: &mut Work,
    ) -> Result<(), Error> {
        let mut doubts: BTreeMap<usize, (Vec<Ours>, Bodies)> = BTreeMap::new();
        let (mut ask_source, mut ask_destination) = (Vec::new(), Vec::new());
        for at in 0..work.jobs.len() {
            let (job, target) = (&work.jobs[at], &work.targets[work.jobs[at].target]);
            let ours = self.ours(job, target);
            if ours.is_empty() || job.mode != Mode::Scanned {
                continue;
            }
            let [here, there] = resolve(&ours, &theirs(target), &Bodies::new()).in_doubt;
            let reading = |mailbox: &MailboxName, uid_validity, uids| {
                let (mailbox, part) = (mailbox.clone(), Part::Digests);
                Reading { folder: at, mailbox, uid_validity, uids, part }
            };
            if !here.is_empty() {
                ask_source.push(reading(&job.source, job.listing.uid_validity, here));
                ask_destination.push(reading(&target.name, target.listing.uid_validity, there));
            }
            doubts.insert(at, (ours, Bodies::new()));
        }
        let (mut bodies, mut bodies_there) = (Vec::new(), Vec::new());
        let (one, other) = tokio::join!(
            read(source, &ask_source, |at, uid, answer| {
                if let Answer::Digests { body, .. } = answer {
                    bodies.push((at, Side::Source, uid, body));
                }
            }),
            read(destination, &ask_destination, |at, uid, answer| {
                if let Answer::Digests { body, .. } = answer {
                    bodies_there.push((at, Side::Destination, uid, body));
                }
            }),
        );
        one?;
        other?;
        for (at, side, uid, body) in bodies.into_iter().chain(bodies_there) {
            if let Some((_, bodies)) = doubts.get_mut(&at) {
                bodies.insert((side, uid), body);
            }
        }
        for (at, (ours, bodies)) in doubts {
            let job = &mut work.jobs[at];
            let target = &mut work.targets[job.target];
            for (source, destination) in resolve(&ours, &theirs(target), &bodies).pairs {
                job.pairs.push(Pair { source, destination, how: How::Remembered });
                target.taken.insert(destination);
            }
        }
        Ok(())
    }

    /// What the intents name and the matching has left.
    fn ours(&self, job: &Job, target: &Target) -> Vec<Ours> {
        let uid_validity = target.listing.uid_validity;
        let holds = |intent: &&Intent| uid_validity != 0 && intent.destination_uid_validity == uid_validity;
        let paired: HashSet<u32> = match self.has_intents(&job.source, &target.name) {
            true => job.pairs.iter().map(|pair| pair.source).chain(job.doubtful.iter().copied()).collect(),
            false => return Vec::new(),
        };
        let mut ours: BTreeMap<u32, Ours> = BTreeMap::new();
        for intent in self.intents(&job.source, &target.name).filter(holds) {
            for message in intent.messages.iter().filter(|message| !paired.contains(&message.uid)) {
                let above = intent.destination_uid_next;
                let one = ours.entry(message.uid).or_insert_with(|| Ours {
                    uid: message.uid,
                    size: message.size,
                    date: message.date.map(|date| seconds(&date)),
                    above,
                    is_there: is_there(job, message),
                });
                one.above = one.above.min(above);
            }
        }
        ours.into_values().collect()
    }

    /// The intents of which no doubt is left once these mailboxes are saved: those of earlier runs, and those of this run
    /// whose messages are all known to be there. `gone` says which folders are no more.
    pub(super) fn settled(
        &self,
        work: &Work,
        saved: &[(Mailbox, Rows)],
        gone: impl Fn(Side, &MailboxName) -> bool,
    ) -> Vec<IntentId> {
        let pairs: HashSet<(&MailboxName, &MailboxName)> =
            saved.iter().filter_map(|(mailbox, _)| Some((&mailbox.name, mailbox.pair.as_ref()?))).collect();
        let earlier = self.intents.iter().filter(|(_, intent)| {
            pairs.contains(&(&intent.source, &intent.destination))
                || gone(Side::Source, &intent.source)
                || gone(Side::Destination, &intent.destination)
        });
        let own = work.written.iter().filter(|written| {
            let job = &work.jobs[written.job];
            pairs.contains(&(&job.source, &work.targets[job.target].name)) && is_answered(job, written)
        });
        earlier.map(|(id, _)| *id).chain(own.map(|written| written.id)).collect()
    }
}

/// Each message is on the destination, or not on the source any more.
fn is_answered(job: &Job, written: &Written) -> bool {
    written.uids.iter().all(|uid| {
        job.state(*uid).is_none_or(|state| matches!(state, State::Settled { safe: true } | State::Gone))
    })
}

fn seconds(date: &InternalDate) -> i64 {
    date.clamped().seconds()
}

/// Whether it is on the source still, and no other message under its UID.
fn is_there(job: &Job, message: &IntendedMessage) -> bool {
    let identity = message.identity.zip(job.identity(message.uid));
    job.listing.row(message.uid).is_some_and(|row| {
        let date = message.date.as_ref().map(seconds);
        row.size == message.size
            && (date.is_none() || row.date.as_ref().map(seconds) == date)
            && identity.is_none_or(|(then, now)| then == now)
    })
}

fn theirs(target: &Target) -> Vec<Theirs> {
    let free = target.listing.rows.iter().filter(|row| !target.taken.contains(&row.uid));
    free.map(|row| Theirs { uid: row.uid, size: row.size, date: row.date.as_ref().map(seconds) }).collect()
}
