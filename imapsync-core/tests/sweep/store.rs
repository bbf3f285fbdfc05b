//! A store that fails, or in which the run dies, at one of its calls.

use futures_util::future::{BoxFuture, FutureExt};
use imapsync_core::imap::name::MailboxName;
use imapsync_core::state::{
    BlockSum, Changes, Fingerprint, Intent, IntentId, Known, MemoryStore, Remembered, StateStore,
};
use imapsync_core::{Error, ErrorKind, Side};
use std::sync::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The run dies before anything is done.
    KillBefore,
    /// The run dies when it is done.
    KillAfter,
    /// Nothing is done, and that is said.
    ErrorBefore,
    /// It is done, and an error is said.
    ErrorAfter,
}

impl Trouble {
    pub const ALL: [Self; 4] = [Self::KillBefore, Self::KillAfter, Self::ErrorBefore, Self::ErrorAfter];
}

/// Keeps the state over the runs of a point, in memory.
#[derive(Debug, Default)]
pub struct Watched {
    inner: MemoryStore,
    played: Mutex<Played>,
    killed: Notify,
}

#[derive(Debug, Default)]
struct Played {
    calls: usize,
    trouble: Option<(usize, Trouble)>,
}

impl Watched {
    fn played(&self) -> MutexGuard<'_, Played> {
        self.played.lock().unwrap()
    }

    /// Calls so far.
    pub fn calls(&self) -> usize {
        self.played().calls
    }

    /// The call with this number gets into trouble, counted from now on.
    pub fn trouble(&self, call: usize, trouble: Trouble) {
        let mut played = self.played();
        played.trouble = Some((played.calls + call, trouble));
    }

    /// From now on all goes well.
    pub fn behave(&self) {
        self.played().trouble = None;
    }

    /// Waits until the run is to die.
    pub async fn killed(&self) {
        self.killed.notified().await;
    }

    /// The next call.
    fn call<'a, T: Send + 'a>(
        &'a self,
        call: impl FnOnce(&'a MemoryStore) -> BoxFuture<'a, Result<T, Error>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, Error>> {
        async move {
            let trouble = {
                let mut played = self.played();
                played.calls += 1;
                played.trouble.filter(|(at, _)| *at == played.calls).map(|(_, trouble)| trouble)
            };
            match trouble {
                Some(Trouble::KillBefore) => return self.die().await,
                Some(Trouble::ErrorBefore) => return Err(refused()),
                _ => {}
            }
            let done = call(&self.inner).await;
            match trouble {
                Some(Trouble::KillAfter) => self.die().await,
                Some(Trouble::ErrorAfter) => Err(refused()),
                _ => done,
            }
        }
        .boxed()
    }

    async fn die<T>(&self) -> T {
        self.killed.notify_one();
        std::future::pending().await
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::State, "the disk is full")
}

impl StateStore for Watched {
    fn open(&self, fingerprint: Fingerprint) -> BoxFuture<'_, Result<Remembered, Error>> {
        self.call(move |store| store.open(fingerprint))
    }

    fn messages<'a>(&'a self, side: Side, name: &'a MailboxName) -> BoxFuture<'a, Result<Vec<Known>, Error>> {
        self.call(move |store| store.messages(side, name))
    }

    fn blocks<'a>(
        &'a self,
        side: Side,
        name: &'a MailboxName,
    ) -> BoxFuture<'a, Result<Vec<BlockSum>, Error>> {
        self.call(move |store| store.blocks(side, name))
    }

    fn save<'a>(&'a self, changes: Changes<'a>) -> BoxFuture<'a, Result<(), Error>> {
        self.call(move |store| store.save(changes))
    }

    fn intend(&self, intents: Vec<Intent>) -> BoxFuture<'_, Result<Vec<IntentId>, Error>> {
        self.call(move |store| store.intend(intents))
    }

    fn forget(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.call(MemoryStore::forget)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.call(MemoryStore::close)
    }
}
