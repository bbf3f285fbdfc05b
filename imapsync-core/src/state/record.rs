//! What is remembered, as plain data.

use crate::account::Account;
use crate::error::Side;
use crate::imap::date::InternalDate;
use crate::imap::flag::Flags;
use crate::imap::name::MailboxName;
use crate::message::Identity;
use crate::plan::Tally;

/// Whose state it is: the two accounts of a sync.
///
/// ```
/// use imapsync_core::Account;
/// use imapsync_core::state::AccountPair;
/// let account = |host: &str| Account::new(host, "alice", "secret");
/// let pair = AccountPair::new(&account("OLD.example"), &account("new.example"));
/// assert_eq!(pair.to_string(), "alice@old.example to alice@new.example");
/// assert_ne!(pair, AccountPair::new(&account("new.example"), &account("old.example")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountPair {
    /// User, host and port (0: the usual one), source first.
    accounts: [(String, String, u16); 2],
}

impl AccountPair {
    /// The pair of these accounts. A host in other letters is the same, another port is another account: test servers
    /// and tunnels differ in nothing else.
    pub fn new(source: &Account, destination: &Account) -> Self {
        let known_by = |account: &Account| {
            (account.user.clone(), account.host.to_ascii_lowercase(), account.port.unwrap_or_default())
        };
        Self { accounts: [known_by(source), known_by(destination)] }
    }

    /// `user@host` of each side, source first.
    pub(super) fn names(&self) -> [String; 2] {
        self.accounts.each_ref().map(|(user, host, port)| match port {
            0 => format!("{user}@{host}"),
            port => format!("{user}@{host}:{port}"),
        })
    }

    /// All that tells one pair from another.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (user, host, port) in &self.accounts {
            super::bytes::put_bytes(&mut bytes, user.as_bytes());
            super::bytes::put_bytes(&mut bytes, host.as_bytes());
            super::bytes::put_number(&mut bytes, (*port).into());
        }
        bytes
    }

    /// The pair that has these [`bytes`](Self::bytes).
    #[cfg(feature = "state")]
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = super::bytes::Reader::new(bytes);
        let mut account = || {
            let mut text = || String::from_utf8(reader.bytes()?.to_vec()).ok();
            Some((text()?, text()?, u16::try_from(reader.number()?).ok()?))
        };
        let accounts = [account()?, account()?];
        reader.end()?;
        Some(Self { accounts })
    }
}

/// For people.
impl std::fmt::Display for AccountPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [source, destination] = self.names();
        write!(f, "{source} to {destination}")
    }
}

/// A digest of the options that decide identity and mapping: what was remembered under others is of no use.
///
/// ```
/// use imapsync_core::state::Fingerprint;
/// assert_ne!(Fingerprint::of(["ab", "c"]), Fingerprint::of(["a", "bc"]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// Of these parts, in this order.
    pub fn of<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Self {
        let mut bytes = b"imapsync fingerprint 1\n".to_vec();
        for part in parts {
            super::bytes::put_bytes(&mut bytes, part.as_ref());
        }
        Self(super::bytes::hash128(&bytes))
    }
}

/// What [`StateStore::open`](super::StateStore::open) gives: everything but the messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The mailboxes of both sides, in no order.
    pub mailboxes: Vec<Mailbox>,
    /// What may have been appended without anybody having seen the answer, oldest first.
    pub intents: Vec<(IntentId, Intent)>,
    /// What the user is to be told, once.
    pub notice: Option<String>,
}

/// One mailbox as the last run left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Whose it is.
    pub side: Side,
    /// Its name there.
    pub name: MailboxName,
    /// UIDVALIDITY: with another, nothing that is remembered of it holds.
    pub uid_validity: u32,
    /// UIDNEXT; 0 where the server does not tell.
    pub uid_next: u32,
    /// HIGHESTMODSEQ (RFC 7162), up to which the rows tell all changes.
    pub highest_modseq: Option<u64>,
    /// MESSAGES: how many were there.
    pub messages: u32,
    /// Nothing was left to do here.
    pub settled: bool,
    /// The destination mailbox it was copied to; of source mailboxes alone.
    pub pair: Option<MailboxName>,
    /// What the report of a run says that has nothing to do here.
    pub summary: Summary,
}

/// What the engine wants to be able to report of a mailbox without looking at its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// What became of the messages of a source mailbox.
    pub tally: Tally,
    /// The bytes of all messages.
    pub bytes: u64,
    /// Messages that are there twice.
    pub duplicates: u64,
    /// Messages of a destination mailbox that no source message corresponds to.
    pub unmatched: u64,
}

/// One message as the last run left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its UID, never 0.
    pub uid: u32,
    /// RFC822.SIZE.
    pub size: u64,
    /// None: unreadable, to be left alone.
    pub flags: Option<Flags>,
    /// INTERNALDATE, where it was readable.
    pub date: Option<InternalDate>,
    /// What it is known by.
    pub identity: KnownIdentity,
    /// The UID of its copy on the destination; of source messages alone.
    pub partner: Option<u32>,
}

/// What a remembered message is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownIdentity {
    /// Nobody has looked.
    Unknown,
    /// This.
    Of(Identity),
    /// The same as the source message whose [`partner`](Known::partner) it is. Saves 24 bytes.
    AsPartner,
}

/// What is about to be appended: written down and on the disk before the first byte of it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Where the messages come from.
    pub source: MailboxName,
    /// Where they go.
    pub destination: MailboxName,
    /// UIDVALIDITY of the destination.
    pub destination_uid_validity: u32,
    /// UIDNEXT of the destination when the intent was written: what has been appended is there or above.
    pub destination_uid_next: u32,
    /// Which messages.
    pub messages: Vec<IntendedMessage>,
}

/// One message of an [`Intent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntendedMessage {
    /// Its UID on the source.
    pub uid: u32,
    /// Its size in bytes.
    pub size: u64,
    /// The internal date that its copy is given.
    pub date: Option<InternalDate>,
    /// What it is known by, where that was known before it was read.
    pub identity: Option<Identity>,
}

/// Which intent; never given twice by an open store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentId(pub u64);

/// What is to be remembered from now on: all of it or, where it cannot be saved, nothing.
#[derive(Debug, Default)]
pub struct Changes<'a> {
    /// Mailboxes that are new or have changed.
    pub mailboxes: Vec<(Mailbox, Rows<'a>)>,
    /// Mailboxes that are no more. One that is not known is no error.
    pub dropped: Vec<(Side, MailboxName)>,
    /// Intents of which no doubt is left. One that is not known is no error.
    pub settled: Vec<IntentId>,
}

/// The messages of a mailbox that is saved: all of them, ascending by UID. Only what differs is written. They are taken one by
/// one: never are more than those of a block in memory.
pub struct Rows<'a>(pub(super) Box<dyn Iterator<Item = Known> + Send + 'a>);

impl<'a> Rows<'a> {
    /// These.
    pub fn new<I: IntoIterator<Item = Known>>(rows: I) -> Self
    where
        I::IntoIter: Send + 'a,
    {
        Self(Box::new(rows.into_iter()))
    }
}

impl std::fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rows(..)")
    }
}
