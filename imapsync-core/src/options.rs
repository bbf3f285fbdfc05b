//! What a sync shall do, as plain data: which folders, what they are called over there, which messages, what is deleted.

use crate::folder::{MappingRules, Selection};
use crate::message::{IdentityRules, MessageTransform};
use crate::plan::PlanRules;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

/// What a sync shall do. The default copies everything, deletes nothing, and is what most people want.
///
/// ```
/// use imapsync_core::{Delete1, SyncOptions};
/// let options = SyncOptions { delete1: Delete1::Expunge, ..SyncOptions::default() };
/// assert!(!options.dry);
/// ```
#[derive(Clone)]
pub struct SyncOptions {
    /// Which source folders (`--folder`, `--folderrec`, `--include`, `--exclude`, `--subscribed`).
    pub folders: Selection,
    /// What each is called on the destination (`--f1f2`, `--automap`, `--prefix2`, `--regextrans2`, …).
    pub mapping: MappingRules,
    /// Which headers say that two messages are one and the same (`--useheader`).
    pub identity: IdentityRules,
    /// Copy true duplicates of a source folder too (`--syncduplicates`).
    pub sync_duplicates: bool,
    /// Keep the internal dates (`--nosyncinternaldates` leaves them to the destination).
    pub internal_dates: bool,
    /// Bring the flags of messages that are already there up to date (`--noresyncflags` leaves them).
    pub resync_flags: bool,
    /// Where an earlier run is remembered, change on the destination only those flags that have changed on the source since
    /// then: the others stay as somebody has set them there (`--mergeflags`).
    pub merge_flags: bool,
    /// Subscribe on the destination what the source subscribes (`--nosubscribe`).
    pub subscribe: bool,
    /// Remove messages from the source once they are on the destination (`--delete1`).
    pub delete1: Delete1,
    /// Expunge source messages that bear `\Deleted` and are known to be on the destination (`--expunge1`).
    pub expunge1: bool,
    /// Remove messages from the destination folders that the source folder does not have (`--delete2`).
    pub delete2: bool,
    /// Change nothing anywhere; plan and report only (`--dry`).
    pub dry: bool,
    /// Bytes of messages that may be in memory at a time. A message larger than an eighth of it streams through.
    pub memory: usize,
    /// Lines of a list of folders that are read at most, on each side: a server that lists without end must not fill the
    /// memory. Names beyond 1000 bytes count several times.
    pub folder_limit: usize,
    /// How many pairs of connections copy at a time (`--connections`).
    pub connections: Connections,
    /// How fast the copy may be.
    pub pace: Pace,
    /// Changes made to each message on its way, in order.
    pub transforms: Vec<Arc<dyn MessageTransform>>,
}

impl SyncOptions {
    /// The rules of a plan that follow from these options and the server's APPENDLIMIT.
    pub fn plan_rules(&self, append_limit: Option<u64>) -> PlanRules {
        PlanRules { sync_duplicates: self.sync_duplicates, delete2: self.delete2, append_limit }
    }

    /// Whether messages may leave the source: a `\Deleted` there may be our own mark then, and is no flag to copy.
    pub fn deletes_on_source(&self) -> bool {
        self.delete1 != Delete1::No || self.expunge1
    }
}

impl Default for SyncOptions {
    fn default() -> Self {
        Self {
            folders: Selection::default(),
            mapping: MappingRules::default(),
            identity: IdentityRules::default(),
            sync_duplicates: false,
            internal_dates: true,
            resync_flags: true,
            merge_flags: false,
            subscribe: true,
            delete1: Delete1::No,
            expunge1: false,
            delete2: false,
            dry: false,
            memory: 16 << 20,
            folder_limit: 500_000,
            connections: Connections::Auto,
            pace: Pace::default(),
            transforms: Vec::new(),
        }
    }
}

/// How fast the copy may be: all connections together, over the whole run. The default sets no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pace {
    /// Bytes of messages in a second, on the average (`--maxbytespersecond`).
    pub bytes_per_second: Option<NonZeroU64>,
    /// So many bytes pass before that limit begins (`--maxbytesafter`).
    pub bytes_after: u64,
    /// Messages in a second, on the average; more than 0 (`--maxmessagespersecond`).
    pub messages_per_second: Option<f64>,
    /// No single pause is longer than this, even if the limits are not kept then (`--maxsleep`).
    pub longest_sleep: Option<Duration>,
    /// The run stops before it has copied more bytes than these (`--exitwhenover`).
    pub stop_over: Option<u64>,
}

/// How many pairs of connections, one to each side, copy at a time. A server that takes fewer gets fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connections {
    /// As many as pay: two to begin with where there is much to copy, then more while twice as many move clearly more.
    #[default]
    Auto,
    /// So many.
    Fixed(NonZeroUsize),
}

impl Connections {
    /// No server was seen that gains from more.
    pub const MOST: usize = 16;

    /// How many there may come to be.
    pub fn most(self) -> usize {
        match self {
            Self::Auto => Self::MOST,
            Self::Fixed(n) => n.get().min(Self::MOST),
        }
    }
}

/// What becomes of a source message once it is on the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delete1 {
    /// It stays.
    #[default]
    No,
    /// It is marked `\Deleted` and stays until somebody expunges (`--delete1 --noexpunge1`, the two-phase way of 2003).
    Mark,
    /// It is marked and expunged, by UID (`--delete1`).
    Expunge,
}
