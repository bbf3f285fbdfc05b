//! What happens during a run, as it happens: a bounded stream that never makes the engine wait.

use crate::error::{Error, Side};
use crate::plan::Outcome;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// One thing that happened. Names are decoded and escaped for people.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A server greeted us.
    Connected {
        /// Which one.
        side: Side,
        /// Its greeting, escaped.
        greeting: String,
        /// Protocol and cipher, or None in clear.
        encryption: Option<String>,
    },
    /// The server took the credentials.
    LoggedIn {
        /// Which one.
        side: Side,
        /// The capabilities it has now.
        capabilities: String,
    },
    /// Something the user should know that is no error.
    Notice {
        /// The side it is about.
        side: Option<Side>,
        /// The text.
        text: String,
    },
    /// The folders of one side are known.
    Listed {
        /// Which side.
        side: Side,
        /// How many folders.
        folders: usize,
        /// The separator that is used.
        separator: String,
        /// The personal namespace's prefix.
        prefix: String,
    },
    /// One source folder and where it goes; told for all folders before any is copied.
    Mapped {
        /// The source folder.
        source: Arc<str>,
        /// The destination folder.
        destination: Arc<str>,
        /// Whether it is there already; if not it is created (or would be, under `dry`).
        exists: bool,
    },
    /// A destination folder was created (or would be, under `dry`).
    Created {
        /// The folder.
        folder: Arc<str>,
    },
    /// The listings are there: what the run has before it.
    Totals {
        /// Messages of all chosen source folders.
        messages: u64,
        /// Their bytes.
        bytes: u64,
        /// Chosen folders.
        folders: usize,
    },
    /// Work on a folder begins.
    FolderStarted {
        /// The source folder.
        source: Arc<str>,
        /// The destination folder.
        destination: Arc<str>,
        /// Messages in the source folder.
        messages: u64,
        /// Messages in the destination folder before the run.
        destination_messages: u64,
    },
    /// A source message reached its outcome. Under `dry` `Copied` means: would be copied.
    Message {
        /// The source folder.
        folder: Arc<str>,
        /// Its UID.
        uid: u32,
        /// Its size in bytes.
        size: u64,
        /// The destination folder.
        destination: Arc<str>,
        /// What became of it.
        outcome: Outcome,
    },
    /// The flags of a message on the destination were brought up to date (or would be).
    FlagsChanged {
        /// The destination folder.
        folder: Arc<str>,
        /// The destination UID.
        uid: u32,
        /// The flags it has now.
        flags: String,
    },
    /// Messages were marked `\Deleted`, or expunged (or would be).
    Deleted {
        /// On which side.
        side: Side,
        /// In which folder.
        folder: Arc<str>,
        /// How many.
        messages: u64,
        /// Expunged; false: only marked.
        expunged: bool,
    },
    /// A connection was lost and opened again.
    Reconnected {
        /// Which side.
        side: Side,
        /// Why.
        reason: Error,
    },
    /// Something failed; the run goes on where it can.
    Failed(Error),
    /// This many events were dropped because the receiver was too slow. The report has lost nothing.
    Lost(u64),
}

/// The receiving end of a run's events.
#[derive(Debug)]
pub struct Events {
    receiver: mpsc::Receiver<Event>,
    lost: Arc<AtomicU64>,
}

impl Events {
    /// The next event; None when the run is over.
    pub async fn next(&mut self) -> Option<Event> {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            return Some(Event::Lost(lost));
        }
        self.receiver.recv().await
    }

    /// The next event, where there is one already.
    pub fn waiting(&mut self) -> Option<Event> {
        self.receiver.try_recv().ok()
    }
}

/// The engine's end: dropped events are counted, nobody waits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Emitter(Option<(mpsc::Sender<Event>, Arc<AtomicU64>)>);

/// An emitter and its stream, holding at most `capacity` events.
pub(crate) fn channel(capacity: usize) -> (Emitter, Events) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let lost = Arc::new(AtomicU64::new(0));
    (Emitter(Some((sender, lost.clone()))), Events { receiver, lost })
}

impl Emitter {
    /// Tells an event; `make` is called only where somebody listens.
    pub(crate) fn emit(&self, make: impl FnOnce() -> Event) {
        if let Some((sender, lost)) = &self.0
            && sender.try_send(make()).is_err()
        {
            lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_receiver_loses_events_and_is_told_how_many() {
        let (emitter, mut events) = channel(2);
        for n in 0..5 {
            emitter.emit(|| Event::Notice { side: None, text: n.to_string() });
        }
        assert!(matches!(events.next().await, Some(Event::Lost(3))));
        assert!(matches!(events.next().await, Some(Event::Notice { text, .. }) if text == "0"));
        drop(emitter);
        assert!(events.next().await.is_some());
        assert!(events.next().await.is_none());
    }
}
