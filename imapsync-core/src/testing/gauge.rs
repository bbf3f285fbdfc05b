//! Counts bytes between both servers, and says when a number is reached.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

#[derive(Debug, Default)]
struct Counts {
    /// Asked of the source and not yet acknowledged by the destination.
    open: i64,
    most: i64,
    moved: u64,
    tell_at: Option<u64>,
}

/// Bytes that moved over all servers that share it. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Gauge {
    counts: Arc<Mutex<Counts>>,
    told: Arc<Notify>,
}

impl Gauge {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes over the wire so far, both directions, all connections.
    pub fn moved(&self) -> u64 {
        self.counts().moved
    }

    /// Most bytes of messages that were handed out by one server and not yet stored by another.
    pub fn most(&self) -> i64 {
        self.counts().most
    }

    /// [`Gauge::reached`] shall come back once this many bytes have moved in all; None: never.
    pub fn tell_at(&self, bytes: Option<u64>) {
        self.counts().tell_at = bytes;
    }

    /// Comes back once the number given to [`Gauge::tell_at`] is reached.
    pub async fn reached(&self) {
        self.told.notified().await;
    }

    pub(super) fn count(&self, bytes: usize) {
        let mut counts = self.counts();
        counts.moved += bytes as u64;
        if counts.tell_at.is_some_and(|at| counts.moved >= at) {
            counts.tell_at = None;
            self.told.notify_one();
        }
    }

    pub(super) fn handed_out(&self, bytes: u64) {
        let mut counts = self.counts();
        counts.open += bytes as i64;
        counts.most = counts.most.max(counts.open);
    }

    pub(super) fn stored(&self, bytes: u64) {
        self.counts().open -= bytes as i64;
    }
}
