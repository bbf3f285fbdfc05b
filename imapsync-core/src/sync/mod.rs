//! The engine (layer 6): list, map, scan, plan, copy, flags, delete, report.

mod apply;
#[cfg(feature = "broken")]
pub mod broken;
#[cfg(not(feature = "broken"))]
#[expect(unreachable_pub, reason = "public where a test may set it")]
mod broken;
mod confirm;
mod copy;
mod discover;
mod doubtful;
pub mod event;
mod glance;
mod judge;
mod lacking;
mod link;
mod patience;
mod prepare;
mod quiet;
mod read;
mod recall;
pub mod report;
mod run;
mod stock;
mod survey;
mod titles;
mod unread;
mod volley;
mod work;

pub use event::{Event, Events};
pub use report::{Amount, FolderReport, NamedMessage, Report};

use crate::account::Account;
use crate::error::Error;
use crate::net::{Connector, NetConnector};
use crate::options::SyncOptions;
use crate::state::StateStore;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The wall clock of a run: reports and date rules ask it, so that a test may set it. Waiting goes by tokio's clock.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> DateTime<Utc>;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// One sync of one account to another.
pub struct SyncJob {
    source: Account,
    destination: Account,
    options: SyncOptions,
    connector: Arc<dyn Connector>,
    clock: Arc<dyn Clock>,
    state: Option<Arc<dyn StateStore>>,
    events: event::Emitter,
    cancel: CancellationToken,
}

impl SyncJob {
    /// A sync from `source` to `destination` with the default options.
    pub fn new(source: Account, destination: Account) -> Self {
        Self {
            source,
            destination,
            options: SyncOptions::default(),
            connector: Arc::new(NetConnector::default()),
            clock: Arc::new(SystemClock),
            state: None,
            events: event::Emitter::default(),
            cancel: CancellationToken::new(),
        }
    }

    /// Sets what shall be done.
    #[must_use]
    pub fn options(mut self, options: SyncOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets where connections come from; the default is TCP and TLS.
    #[must_use]
    pub fn connector(mut self, connector: Arc<dyn Connector>) -> Self {
        self.connector = connector;
        self
    }

    /// Sets the wall clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets where it is kept what runs have done, so that the next one need only look for what has changed; the default is
    /// nowhere. A run with state ends as one without.
    #[must_use]
    pub fn state(mut self, store: Arc<dyn StateStore>) -> Self {
        self.state = Some(store);
        self
    }

    /// The run's events; at most `capacity` wait to be read, further ones are dropped and counted. 10,000 is plenty.
    pub fn events(&mut self, capacity: usize) -> Events {
        let (emitter, events) = event::channel(capacity);
        self.events = emitter;
        events
    }

    /// A token that stops the run in order: what is in flight is settled, nothing new begins, the report is given.
    pub fn cancellation(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Runs the sync.
    ///
    /// # Errors
    ///
    /// An error where nothing could be begun: a side cannot be reached or logged in to, the options contradict each
    /// other, a wanted folder is missing. Everything later is in the report, which then is not a success.
    pub async fn run(self) -> Result<Report, Error> {
        run::run(self).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run can be spawned on a runtime with many threads.
    #[test]
    fn a_run_is_send() {
        fn is_send<T: Send>(_: impl FnOnce(SyncJob) -> T) {}
        is_send(|job| job.run());
    }
}
