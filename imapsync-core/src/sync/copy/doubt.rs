//! APPENDs whose reply was lost: the destination is looked at before anything is sent again.

use super::Copier;
use super::outflow::Flight;
use crate::error::{Error, Side};
use crate::imap::command::{Command, FetchItems, Uids};
use crate::imap::response::{Item, Untagged};
use crate::message::{Identity, IdentityRules, Key};
use crate::plan::Outcome;
use crate::sync::link::Link;
use crate::sync::read::{Answer, Part, Reading, read};
use crate::sync::survey::{Listing, section};
use crate::sync::volley::{Reply, volley};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// Between two looks; two looks that agree mean that the folder stands still.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// Looks at a folder that never stands still.
const MOST_LOOKS: usize = 20;

/// An APPEND that may have been applied.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) flight: Flight,
    pub(super) target: usize,
    /// If it was applied, its UID is this or higher.
    pub(super) above: u32,
}

/// From where on a target's UIDs are not accounted for.
#[derive(Debug)]
pub(super) struct Floor {
    /// All APPENDs acknowledged so far have lower UIDs, or are counted in `unnamed`.
    pub(super) uid: u32,
    /// Acknowledged copies at or above the floor, where the server named them.
    named: BTreeSet<u32>,
    /// Acknowledged copies whose UID the server did not tell, by key.
    unnamed: HashMap<Key, usize>,
}

impl Floor {
    pub(super) fn new(listing: &Listing) -> Self {
        Self { uid: listing.uid_next.max(1), named: BTreeSet::new(), unnamed: HashMap::new() }
    }

    /// Replies in the order of sending raise the floor: what is still in flight gets higher UIDs.
    pub(super) fn acknowledged(&mut self, uid: Option<u32>, identity: Option<Identity>, in_order: bool) {
        match (uid, identity) {
            (Some(uid), _)
                if in_order && uid >= self.uid && self.named.is_empty() && self.unnamed.is_empty() =>
            {
                self.uid = uid.saturating_add(1);
            }
            (Some(uid), _) => {
                self.named.insert(uid);
            }
            (None, Some(identity)) => *self.unnamed.entry(identity.key).or_default() += 1,
            (None, None) => {}
        }
    }
}

impl Copier<'_> {
    /// Looks for every copy in doubt. What is there is done, what is not is sent again.
    pub(super) async fn settle_doubts(&mut self) -> Result<(), Error> {
        let mut by_target: BTreeMap<usize, Vec<Doubt>> = BTreeMap::new();
        for doubt in std::mem::take(&mut self.doubts) {
            by_target.entry(doubt.target).or_default().push(doubt);
        }
        for (target_at, doubts) in by_target {
            let above = doubts.iter().map(|doubt| doubt.above).min().unwrap_or(1);
            let target = &self.work.targets[target_at];
            let found = look(self.destination, &self.options.identity, &target.name, above).await?;
            self.destination_open = None;
            let mut free: HashMap<Key, Vec<u32>> = HashMap::new();
            let floor = self.floors.get(&target_at);
            for (uid, identity) in found {
                if floor.is_none_or(|floor| !floor.named.contains(&uid)) {
                    free.entry(identity.key).or_default().push(uid);
                }
            }
            if let Some(floor) = floor {
                for (key, count) in &floor.unnamed {
                    if let Some(uids) = free.get_mut(key) {
                        uids.drain(..(*count).min(uids.len()));
                    }
                }
            }
            for doubt in doubts {
                let Flight { job, uid, identity } = doubt.flight;
                let there =
                    identity.and_then(|identity| free.get_mut(&identity.key)).filter(|uids| !uids.is_empty());
                if let Some(uids) = there {
                    let destination = uids.remove(0);
                    if let Some(floor) = self.floors.get_mut(&target_at) {
                        floor.named.insert(destination);
                    }
                    self.work.settle(job, uid, Outcome::Copied { destination: Some(destination) });
                } else {
                    let lost = Error::new(
                        crate::error::ErrorKind::ConnectionLost,
                        "the connection was lost each time the message was sent",
                    )
                    .on(Side::Destination)
                    .in_folder(&*self.work.jobs[job].source_text)
                    .for_message(uid);
                    self.again(job, uid, &lost);
                }
            }
        }
        Ok(())
    }
}

/// The messages at or above a UID, once the folder stands still.
async fn look(
    link: &mut Link,
    rules: &IdentityRules,
    mailbox: &crate::imap::name::MailboxName,
    above: u32,
) -> Result<BTreeMap<u32, Identity>, Error> {
    let mut names: Vec<String> = rules.wanted().into_iter().map(str::to_owned).collect();
    for name in IdentityRules::FALLBACK {
        if !rules.wants_all() && !names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    let mut last: Option<BTreeMap<u32, Option<Identity>>> = None;
    for _ in 0..MOST_LOOKS {
        if last.is_some() {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        let seen = look_once(link, rules, mailbox, above, &names).await?;
        let still = last.as_ref().is_some_and(|last| last.keys().eq(seen.keys()));
        last = Some(seen);
        if still {
            break;
        }
    }
    let mut found = last.unwrap_or_default();
    let bodies: Vec<u32> =
        found.iter().filter(|(_, identity)| identity.is_none()).map(|(uid, _)| *uid).collect();
    if !bodies.is_empty() {
        let reading = Reading { folder: 0, mailbox: mailbox.clone(), uids: bodies, part: Part::Digests };
        read(link, &[reading], |_, uid, answer| {
            if let Answer::Digests { body, .. } = answer {
                found.insert(uid, Some(IdentityRules::from_body(body)));
            }
        })
        .await?;
    }
    Ok(found.into_iter().filter_map(|(uid, identity)| identity.map(|identity| (uid, identity))).collect())
}

async fn look_once(
    link: &mut Link,
    rules: &IdentityRules,
    mailbox: &crate::imap::name::MailboxName,
    above: u32,
    names: &[String],
) -> Result<BTreeMap<u32, Option<Identity>>, Error> {
    loop {
        let mut seen = BTreeMap::new();
        let commands = [
            Command::Examine(mailbox.clone()),
            Command::UidFetch { uids: Uids::From(above), items: FetchItems::Look(names.to_vec()) },
        ];
        let connection = link.ready().await?;
        let result = volley(connection, commands, |_, number, reply| {
            if let (1, Reply::Untagged(Untagged::Fetch(fetch))) = (number, reply)
                && let Item::Present(uid) = fetch.uid
            {
                let header = section(&fetch, &[]);
                let identity = rules.from_wanted(&header).or_else(|| rules.from_fallback(&header));
                seen.insert(uid, identity);
            }
            Ok(())
        })
        .await;
        match result {
            Ok(()) => return Ok(seen),
            Err(error) => link.lost(error)?,
        }
    }
}
