//! What is about to be appended is written down before the first byte of it is sent, so that a run that is killed leaves
//! nothing to guess.
//!
//! An intent is begun when its window is asked for: the disk works while the bodies travel. What arrives before it is done
//! waits in its group. The store has one call at a time, for all intents that have come together by then: a slow disk writes
//! fewer and larger ones.

use super::Copier;
use super::doubt::unlisted;
use crate::error::Error;
use crate::state::{IntendedMessage, Intent, IntentId, StateStore};
use crate::sync::event::Event;
use crate::sync::work::Written;
use futures_util::future::BoxFuture;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Which of a copy's intents, from 1; 0: none is needed.
pub(super) type Number = u64;

/// The intents of one copy.
#[derive(Default)]
pub(super) struct Intents {
    /// None: nothing is written down.
    store: Option<Arc<dyn StateStore>>,
    /// Begun and not yet given to the store, each with its job.
    waiting: Vec<(usize, Intent)>,
    writing: Option<Writing>,
    begun: Number,
    /// They are safe up to this one.
    written: Number,
}

/// A call of the store.
struct Writing {
    /// The job and the messages of each intent.
    what: Vec<(usize, Box<[u32]>)>,
    done: BoxFuture<'static, Result<Vec<IntentId>, Error>>,
}

impl Intents {
    pub(super) fn new(store: Option<Arc<dyn StateStore>>) -> Self {
        Self { store, ..Self::default() }
    }

    /// Whether what is named by an intent may be sent.
    pub(super) fn is_written(&self, number: Number) -> bool {
        number <= self.written || self.store.is_none()
    }

    fn begin(&mut self, job: usize, intent: Intent) -> Number {
        self.waiting.push((job, intent));
        self.begun += 1;
        self.begun
    }

    /// What has been written since, once a call of the store is done.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<Written>, Error>> {
        let Some(store) = &self.store else { return Poll::Pending };
        let writing = match &mut self.writing {
            Some(writing) => writing,
            None if self.waiting.is_empty() => return Poll::Pending,
            None => {
                let (what, intents): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
                    .into_iter()
                    .map(|(job, intent)| {
                        let uids = intent.messages.iter().map(|message| message.uid).collect();
                        ((job, uids), intent)
                    })
                    .unzip();
                let store = Arc::clone(store);
                let done = Box::pin(async move { store.intend(intents).await });
                self.writing.insert(Writing { what, done })
            }
        };
        let ids = ready!(writing.done.as_mut().poll(cx));
        let what = self.writing.take().map(|writing| writing.what).unwrap_or_default();
        self.written += what.len() as Number;
        Poll::Ready(ids.map(|ids| {
            ids.into_iter().zip(what).map(|(id, (job, uids))| Written { id, job, uids }).collect()
        }))
    }

    fn is_idle(&self) -> bool {
        self.store.is_none() || (self.writing.is_none() && self.waiting.is_empty())
    }
}

impl Copier<'_> {
    /// Begins to write down that these messages may be appended. What goes to a folder without a UIDVALIDITY nobody could
    /// find again by it.
    pub(super) fn intend(&mut self, at: usize, uids: &[u32]) -> Number {
        let job = &self.work.jobs[at];
        let target = &self.work.targets[job.target];
        if self.intents.store.is_none() || target.listing.uid_validity == 0 {
            return 0;
        }
        let messages = uids.iter().filter_map(|uid| job.listing.row(*uid)).map(|row| IntendedMessage {
            uid: row.uid,
            size: row.size,
            date: row.date.filter(|_| self.options.internal_dates).map(|date| date.clamped()),
            identity: job.identity(row.uid),
        });
        let intent = Intent {
            source: job.source.clone(),
            destination: target.name.clone(),
            destination_uid_validity: target.listing.uid_validity,
            // What the server says may be anything; what was not listed is either new or not there.
            destination_uid_next: unlisted(&target.listing),
            messages: messages.collect(),
        };
        self.intents.begin(at, intent)
    }

    /// Looks whether intents are written. Where they cannot be, that is told and the copy goes on without.
    pub(super) fn poll_intents(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(self.intents.poll(cx)) {
            Ok(written) => self.work.written.extend(written),
            Err(error) => {
                self.intents = Intents::default();
                self.work.ledger.events.emit(|| Event::Notice { side: None, text: error.to_string() });
            }
        }
        Poll::Ready(())
    }

    /// Waits for what the store is still at.
    pub(super) async fn intents_end(&mut self) {
        while !self.intents.is_idle() {
            poll_fn(|cx| self.poll_intents(cx)).await;
        }
    }
}
