//! What earlier runs have remembered, as far as the servers confirm it.
//!
//! ```text
//! open ─► untouched: which folders need no look ─► refresh: only what has changed ─► plan and copy as ever ─► keep
//! ```
//!
//! What is remembered stands in place of a listing, and the planner sees no difference: runs with and without it end alike.
//! It is never the reason for a delete: where something may be deleted everything is listed.

mod base;
mod intents;
mod keep;
mod refresh;
mod resolve;
mod standing;
mod untouched;

use super::event::{Emitter, Event};
use super::link::Link;
use super::survey::{Listing, Opening};
use super::work::{Job, Mode, Target, Work};
use crate::error::{Error, Side};
use crate::imap::name::MailboxName;
use crate::message::{Identity, IdentityRules};
use crate::options::SyncOptions;
use crate::state::{Fingerprint, Intent, IntentId, Known, KnownIdentity, Mailbox, StateStore};
pub(super) use refresh::Refreshed;
use refresh::{Remembered, refresh};
use std::collections::HashMap;
use std::sync::Arc;

/// The state of this pair of accounts, and what it held when the run began.
#[derive(Debug, Default)]
pub(super) struct Recall {
    store: Option<Arc<dyn StateStore>>,
    mailboxes: HashMap<(Side, MailboxName), Mailbox>,
    /// What was on its way when an earlier run ended.
    intents: Vec<(IntentId, Intent)>,
    /// Nothing that is remembered is believed, only what is new is kept.
    distrusted: bool,
    /// Flags are merged: those that are remembered are the base.
    merging: bool,
}

impl Recall {
    /// Opens the state, where there is one. Trouble is told and no reason to stop.
    pub(super) async fn open(
        store: Option<Arc<dyn StateStore>>,
        options: &SyncOptions,
        events: &Emitter,
    ) -> Self {
        // What a transform makes of a message nobody else knows.
        let Some(store) = store.filter(|_| options.transforms.is_empty()) else { return Self::default() };
        let remembered = match store.open(fingerprint(options)).await {
            Ok(remembered) => remembered,
            Err(error) => {
                events.emit(|| Event::Notice { side: None, text: error.to_string() });
                return Self::default();
            }
        };
        if let Some(text) = remembered.notice {
            events.emit(|| Event::Notice { side: None, text });
        }
        let mailboxes = remembered.mailboxes.into_iter();
        Self {
            store: Some(store),
            mailboxes: mailboxes.map(|one| ((one.side, one.name.clone()), one)).collect(),
            intents: remembered.intents,
            distrusted: options.deletes_on_source() || options.delete2,
            merging: options.merge_flags,
        }
    }

    /// Where it is kept.
    pub(super) fn store(&self) -> Option<Arc<dyn StateStore>> {
        self.store.clone()
    }

    /// What is remembered of a mailbox, where it may be believed.
    fn mailbox(&self, side: Side, name: &MailboxName) -> Option<&Mailbox> {
        self.mailboxes.get(&(side, name.clone())).filter(|_| !self.distrusted)
    }

    async fn messages(&self, side: Side, name: &MailboxName) -> Option<Vec<Known>> {
        let known = self.store.as_ref()?.messages(side, name).await;
        known.inspect_err(|error| tracing::info!("state: {error}")).ok()
    }

    /// Source folders as they are now, by their jobs, from what is remembered and what has changed since.
    ///
    /// # Errors
    ///
    /// Only what ends the run.
    pub(super) async fn source(
        &self,
        link: &mut Link,
        rules: &IdentityRules,
        jobs: &[Job],
    ) -> Result<HashMap<usize, Refreshed>, Error> {
        let mut wanted = Vec::new();
        for (at, job) in jobs.iter().enumerate().filter(|(_, job)| job.mode == Mode::Scanned) {
            let Some(mailbox) = self.mailbox(Side::Source, &job.source) else { continue };
            let Some(known) = self.messages(Side::Source, &job.source).await else { continue };
            wanted.push(Remembered::new(at, mailbox, known, Opening::Examine));
        }
        refresh(link, rules, wanted).await
    }

    /// The same for destination folders.
    ///
    /// # Errors
    ///
    /// Only what ends the run.
    pub(super) async fn destination(
        &self,
        link: &mut Link,
        rules: &IdentityRules,
        targets: &[(usize, MailboxName)],
        opening: Opening,
    ) -> Result<HashMap<usize, Refreshed>, Error> {
        let mut wanted = Vec::new();
        for (at, name) in targets {
            let Some(mailbox) = self.mailbox(Side::Destination, name) else { continue };
            let Some(mut known) = self.messages(Side::Destination, name).await else { continue };
            if known.iter().any(|one| one.identity == KnownIdentity::AsPartner) {
                let partners = self.partners(name).await;
                for one in known.iter_mut().filter(|one| one.identity == KnownIdentity::AsPartner) {
                    one.identity =
                        partners.get(&one.uid).map_or(KnownIdentity::Unknown, |one| KnownIdentity::Of(*one));
                }
            }
            wanted.push(Remembered::new(*at, mailbox, known, opening));
        }
        refresh(link, rules, wanted).await
    }

    /// What the copies in a destination folder are known by: as the messages that they were made of.
    async fn partners(&self, target: &MailboxName) -> HashMap<u32, Identity> {
        let mut partners = HashMap::new();
        let sources = self.mailboxes.values().filter(|one| one.side == Side::Source);
        for source in sources.filter(|one| one.pair.as_ref() == Some(target)) {
            for one in self.messages(Side::Source, &source.name).await.unwrap_or_default() {
                if let (Some(partner), KnownIdentity::Of(identity)) = (one.partner, one.identity) {
                    partners.insert(partner, identity);
                }
            }
        }
        partners
    }

    /// The pairs that are remembered, as far as the target is the folder that they were found in: that a message of it was
    /// read again vouches for those below the remembered UIDNEXT, the date for a later one.
    pub(super) fn confirmed(
        &self,
        job: &Job,
        target: &Target,
        mut pairs: Vec<(u32, u32)>,
    ) -> Vec<(u32, u32)> {
        let here =
            self.mailbox(Side::Source, &job.source).filter(|one| one.pair.as_ref() == Some(&target.name));
        let there = self.mailbox(Side::Destination, &target.name).filter(|_| target.refreshed);
        let Some((_, there)) = here.zip(there) else { return Vec::new() };
        let date = |listing: &Listing, uid| {
            listing.row(uid).and_then(|row| row.date).map(|date| date.clamped().seconds())
        };
        pairs.retain(|(uid, copy)| {
            let now = date(&target.listing, *copy);
            *copy < there.uid_next || (now.is_some() && now == date(&job.listing, *uid))
        });
        pairs
    }
}

/// What decides which message is which, and which folder goes where: what was remembered under other options is of no use.
fn fingerprint(options: &SyncOptions) -> Fingerprint {
    let SyncOptions { identity, mapping, sync_duplicates, resync_flags, internal_dates, .. } = options;
    Fingerprint::of([
        format!("{identity:?}"),
        format!("{mapping:?}"),
        format!("{sync_duplicates} {resync_flags} {internal_dates}"),
    ])
}
