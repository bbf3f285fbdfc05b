//! How long a step is repeated that the server refuses for the time being.

use crate::imap::backoff::USUAL;
use std::time::Duration;

/// Pauses of one step.
const MOST: u32 = 3;

/// The patience with one step: a listing, a reading, a volley of changes.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    pauses: u32,
    pause: Option<Duration>,
}

impl Patience {
    /// Whether what was refused, with this wait asked for, shall be tried once more after [`Patience::rest`].
    pub(crate) fn allows(&mut self, wait: Option<Duration>) -> bool {
        let allowed = wait.is_some() && self.pauses < MOST;
        if allowed {
            self.pause = self.pause.max(wait);
        }
        allowed
    }

    /// Waits as long as was asked for since the last time; whether anything was. Later pauses are not shorter than ones that
    /// double.
    pub(crate) async fn rest(&mut self) -> bool {
        let Some(pause) = self.pause.take() else { return false };
        let least = if self.pauses == 0 { Duration::ZERO } else { USUAL * (1 << self.pauses) };
        self.pauses += 1;
        tokio::time::sleep(pause.max(least)).await;
        true
    }
}
