//! Engines that are broken on purpose, one promise each: a test that is worth its name fails with every one of them.
//!
//! Behind the feature `broken`, for tests of this crate alone. Without it [`is`] is a constant, and nothing of this is left
//! in the engine.

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// An APPEND in doubt is sent again at once, without looking whether it has arrived.
    ResendsWithoutLooking,
    /// The look for an APPEND in doubt does not wait until the folder stands still.
    LooksTooEarly,
    /// A folder that grows since it was listed, from APPENDs of a run that was killed, is not looked at again.
    IgnoresLateArrivals,
    /// A message whose APPEND was in doubt counts as copied.
    CallsLostCopied,
    /// `--delete1` takes messages whose APPEND was never acknowledged.
    DeletesUnacknowledged,
    /// `--delete2` acts although not every source message is known to be there.
    DeletesDespiteFailures,
    /// A listing with fewer messages than the server says are there counts as complete.
    TrustsShortListing,
    /// UIDs are used although the folder's UIDVALIDITY is another one by now.
    KeepsUidsOfAnotherFolder,
    /// STORE and EXPUNGE are sent behind a SELECT that was refused: into the folder that is still open.
    WritesBehindFailedSelect,
    /// What is read behind a SELECT or EXAMINE that was refused is taken for the wanted folder's.
    ReadsBehindFailedSelect,
    /// A streamed message whose source broke off is filled up to its length and stored.
    StoresHalfMessage,
    /// A body that came empty, although the listing gives a size, is stored as it came.
    StoresEmptyMessage,
    /// A message that the server did not give, or whose answer nobody could read, counts as gone.
    CallsUnreadVanished,
    /// EXPUNGE in place of UID EXPUNGE: the marks of others go too.
    ExpungesAll,
    /// Messages are told apart by their size alone.
    MatchesBySize,
    /// Messages that agree in key and size are duplicates, whatever is in them.
    CollapsesTwins,
    /// Our own `\Deleted` on the source is carried over to the copies.
    CarriesOwnMark,
    /// Flags that cannot be read count as none.
    WipesUnreadableFlags,
    /// A run with failures reports a success.
    HidesFailures,
}

#[cfg(feature = "broken")]
impl Broken {
    /// Every way to be broken.
    pub const ALL: [Self; 19] = [
        Self::ResendsWithoutLooking,
        Self::LooksTooEarly,
        Self::IgnoresLateArrivals,
        Self::CallsLostCopied,
        Self::DeletesUnacknowledged,
        Self::DeletesDespiteFailures,
        Self::TrustsShortListing,
        Self::KeepsUidsOfAnotherFolder,
        Self::WritesBehindFailedSelect,
        Self::ReadsBehindFailedSelect,
        Self::StoresHalfMessage,
        Self::StoresEmptyMessage,
        Self::CallsUnreadVanished,
        Self::ExpungesAll,
        Self::MatchesBySize,
        Self::CollapsesTwins,
        Self::CarriesOwnMark,
        Self::WipesUnreadableFlags,
        Self::HidesFailures,
    ];
}

#[cfg(feature = "broken")]
pub(crate) use switch::is;
#[cfg(feature = "broken")]
pub use switch::{Guard, set};

/// Whether the engine is broken in this way.
#[cfg(not(feature = "broken"))]
pub(crate) const fn is(_: Broken) -> bool {
    false
}

#[cfg(feature = "broken")]
mod switch {
    use super::Broken;
    use std::cell::Cell;
    use std::marker::PhantomData;

    thread_local! {
        static NOW: Cell<Option<Broken>> = const { Cell::new(None) };
    }

    /// Whether the engine is broken in this way, on this thread.
    pub(crate) fn is(broken: Broken) -> bool {
        NOW.get() == Some(broken)
    }

    /// Breaks every engine on this thread until the guard is dropped.
    ///
    /// ```
    /// use imapsync_core::sync::broken::{Broken, set};
    /// let guard = set(Broken::HidesFailures);
    /// // … runs on a runtime of this thread …
    /// drop(guard);
    /// ```
    pub fn set(broken: Broken) -> Guard {
        Guard { before: NOW.replace(Some(broken)), here: PhantomData }
    }

    /// While it lives, the engines of its thread are broken.
    #[derive(Debug)]
    #[must_use]
    pub struct Guard {
        before: Option<Broken>,
        /// It must not leave its thread.
        here: PhantomData<*const ()>,
    }

    impl Drop for Guard {
        fn drop(&mut self) {
            NOW.set(self.before);
        }
    }
}
