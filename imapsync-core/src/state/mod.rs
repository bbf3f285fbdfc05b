//! What earlier runs have done, remembered (layer 4): the last scan of both sides, and what is being appended.
//!
//! A run takes what is remembered of a mailbox in place of a listing, asks the servers only for what has changed since, and
//! plans as ever. The state is an accelerator: it is trusted only as far as the servers confirm it, it may be lost at any
//! time, and it is never the reason for a delete.
//!
//! ```text
//! open ─► mailboxes, intents ─► blocks (nothing changed?) ─► messages (what was there) ─► intend · save ─► close
//! ```
//!
//! Messages stand in blocks of 512 UIDs, which are the unit that is read, compared and written. Every block and record
//! bears a seal whose key comes from the pair of accounts, the side and the mailbox, so that no damage, no older version
//! and nobody else's file passes for what was saved last.
//!
//! Two stores: [`MemoryStore`], and `SqliteStore` with the feature `state`.

mod block;
mod bytes;
mod coded;
mod memory;
mod record;
#[cfg(feature = "state")]
mod sqlite;
mod sum;

pub use memory::MemoryStore;
pub use record::{
    AccountPair, Changes, Fingerprint, IntendedMessage, Intent, IntentId, Known, KnownIdentity, Mailbox,
    Remembered, Rows, Summary,
};
#[cfg(feature = "state")]
pub use sqlite::{SqliteStore, StateFile};
pub use sum::{BlockSum, BlockSums, FlagsDigest};

use crate::error::{Error, Side};
use crate::imap::name::MailboxName;
use futures_util::future::BoxFuture;
use std::fmt::Debug;

/// The notice where what is remembered was saved under another fingerprint.
const OTHER_OPTIONS: &str =
    "what earlier runs have remembered was made with other options: it is made anew from the servers";

/// Keeps the state of one pair of accounts.
///
/// Its errors are of the kind [`State`](crate::ErrorKind::State). None of them need end a run: what cannot be read is asked
/// of the servers, what cannot be kept is told and done again by the next run.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use imapsync_core::Side;
/// use imapsync_core::imap::name::MailboxName;
/// use imapsync_core::state::{
///     Changes, Fingerprint, Known, KnownIdentity, Mailbox, MemoryStore, Rows, StateStore, Summary,
/// };
///
/// let store: &dyn StateStore = &MemoryStore::new();
/// let options = Fingerprint::of(["Message-Id", "Received"]);
/// assert!(store.open(options).await?.mailboxes.is_empty());
///
/// let inbox = Mailbox {
///     side: Side::Source,
///     name: MailboxName::inbox(),
///     uid_validity: 1,
///     uid_next: 8,
///     highest_modseq: None,
///     messages: 1,
///     settled: true,
///     pair: Some(MailboxName::inbox()),
///     summary: Summary::default(),
/// };
/// let message =
///     Known { uid: 7, size: 100, flags: None, date: None, identity: KnownIdentity::Unknown, partner: Some(3) };
/// let rows = Rows::new([message.clone()]);
/// store.save(Changes { mailboxes: vec![(inbox.clone(), rows)], ..Changes::default() }).await?;
///
/// assert_eq!(store.open(options).await?.mailboxes, [inbox]);
/// assert_eq!(store.messages(Side::Source, &MailboxName::inbox()).await?, [message]);
/// assert!(store.open(Fingerprint::of(["Subject"])).await?.mailboxes.is_empty());
/// # Ok::<(), imapsync_core::Error>(())
/// # }).unwrap();
/// ```
pub trait StateStore: Send + Sync + Debug {
    /// Opens the state and gives all of it but the messages. What was saved under another fingerprint is not given, and
    /// goes with the next save or intent. Where nothing can be kept (another run is using it, the disk is read-only) the
    /// notice says so, nothing is remembered, and whatever is saved is forgotten without an error.
    ///
    /// May be called again; it then gives what was saved since.
    ///
    /// # Errors
    ///
    /// None that is to be expected: trouble is told in the notice.
    fn open(&self, fingerprint: Fingerprint) -> BoxFuture<'_, Result<Remembered, Error>>;

    /// The messages of a mailbox, ascending by UID.
    ///
    /// # Errors
    ///
    /// Where nothing is remembered of the mailbox, or what is remembered is damaged: list the server.
    fn messages<'a>(&'a self, side: Side, name: &'a MailboxName) -> BoxFuture<'a, Result<Vec<Known>, Error>>;

    /// The sums of a mailbox's blocks, ascending, without reading its messages.
    ///
    /// # Errors
    ///
    /// As those of [`messages`](Self::messages).
    fn blocks<'a>(&'a self, side: Side, name: &'a MailboxName)
    -> BoxFuture<'a, Result<Vec<BlockSum>, Error>>;

    /// Remembers all of these changes or none.
    ///
    /// # Errors
    ///
    /// Where they cannot be kept; what was remembered before is then still there, or lost as a whole.
    fn save<'a>(&'a self, changes: Changes<'a>) -> BoxFuture<'a, Result<(), Error>>;

    /// Writes down what is about to be appended. It is safe from a crash and a power cut when this returns. The ids are
    /// given back in [`Changes::settled`], in the order of the intents.
    ///
    /// # Errors
    ///
    /// Where it could not be written down: all of it or none is remembered.
    fn intend(&self, intents: Vec<Intent>) -> BoxFuture<'_, Result<Vec<IntentId>, Error>>;

    /// Forgets everything about this pair of accounts, and is closed.
    ///
    /// # Errors
    ///
    /// Where another run is using it, or it cannot be removed.
    fn forget(&self) -> BoxFuture<'_, Result<(), Error>>;

    /// Gives free what is held; the store may be opened again. A store that is dropped instead has lost nothing, but may
    /// be held for another moment.
    ///
    /// # Errors
    ///
    /// None so far.
    fn close(&self) -> BoxFuture<'_, Result<(), Error>>;
}

#[cfg(test)]
mod contract;
