//! The limits that the user sets: of speed and of bytes, over the whole run and all connections together.
//!
//! Pure: what moves and the time come in, how long to wait comes out.

use crate::options::Pace;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// What has moved, and since when.
#[derive(Debug)]
pub(super) struct Meter {
    pace: Pace,
    began: Option<Instant>,
    /// When the bytes that are free had moved.
    counted_from: Option<Instant>,
    bytes: u64,
    messages: u64,
}

impl Meter {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, began: None, counted_from: None, bytes: 0, messages: 0 }
    }

    /// Takes notice of so much that has moved; how long nothing more may move. So the mean is kept at any time, whatever
    /// passed too fast before is made up for.
    pub(super) fn moved(&mut self, now: Instant, bytes: u64, messages: u64) -> Duration {
        let began = *self.began.get_or_insert(now);
        self.bytes += bytes;
        self.messages += messages;
        let mut wait = Duration::ZERO;
        if let Some(rate) = self.pace.bytes_per_second
            && self.bytes > self.pace.bytes_after
        {
            let since = *self.counted_from.get_or_insert(now);
            wait =
                wait.max(ahead(now - since, (self.bytes - self.pace.bytes_after) as f64, rate.get() as f64));
        }
        if let Some(rate) = self.pace.messages_per_second {
            wait = wait.max(ahead(now - began, self.messages as f64, rate));
        }
        self.pace.longest_sleep.map_or(wait, |longest| wait.min(longest))
    }

    /// The bytes and messages that may be on their way at a time, so that no server waits for us for minutes.
    pub(super) fn ahead(&self) -> (u64, usize) {
        let bytes = match self.pace.bytes_per_second {
            Some(rate) if self.bytes >= self.pace.bytes_after => rate.get().saturating_mul(2),
            _ => u64::MAX,
        };
        let messages = self.pace.messages_per_second.map_or(usize::MAX, |rate| (rate * 2.0).ceil() as usize);
        (bytes, messages.max(1))
    }
}

/// The bytes that the run may copy in all. Each message counts once, however often it is asked for.
#[derive(Debug)]
pub(super) struct Allowance {
    most: Option<u64>,
    bytes: u64,
    /// By job and UID; only where there is a limit.
    counted: HashSet<(usize, u32)>,
    used_up: bool,
}

impl Allowance {
    pub(super) fn new(pace: Pace) -> Self {
        Self { most: pace.stop_over, bytes: 0, counted: HashSet::new(), used_up: false }
    }

    /// Whether a message of so many bytes may be copied. After the first that may not, only those that were counted before.
    pub(super) fn admits(&mut self, message: (usize, u32), bytes: u64) -> bool {
        let Some(most) = self.most else { return true };
        if self.counted.contains(&message) {
            return true;
        }
        let sum = self.bytes.saturating_add(bytes);
        self.used_up |= sum > most;
        if !self.used_up {
            self.bytes = sum;
            self.counted.insert(message);
        }
        !self.used_up
    }

    /// Whether a message was turned away.
    pub(super) fn is_used_up(&self) -> bool {
        self.used_up
    }
}

/// How much earlier than the rate allows so many have come.
fn ahead(time: Duration, count: f64, rate: f64) -> Duration {
    // No run lasts longer than a year.
    let due = (count / rate).min(366.0 * 86400.0);
    Duration::try_from_secs_f64(due).unwrap_or_default().saturating_sub(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU64;

    /// How long so many messages of so many bytes take when every wait is obeyed.
    fn takes(pace: Pace, messages: u64, bytes: u64) -> f64 {
        let (mut meter, start) = (Meter::new(pace), Instant::now());
        let mut now = start;
        for _ in 0..messages {
            now += meter.moved(now, bytes, 1);
        }
        (now - start).as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn the_mean_is_kept_exactly() {
        let bytes = |rate| Pace { bytes_per_second: NonZeroU64::new(rate), ..Pace::default() };
        let near = |took: f64, wanted: f64| assert!((took - wanted).abs() < 1e-3, "{took}, not {wanted}");
        near(takes(Pace::default(), 1000, 1000), 0.0);
        near(takes(bytes(20_000), 100, 1000), 5.0);
        near(takes(bytes(20_000), 1, 10_000_000), 500.0);
        near(takes(Pace { bytes_after: 50_000, ..bytes(20_000) }, 100, 1000), 2.5);
        near(takes(Pace { messages_per_second: Some(2.5), ..Pace::default() }, 100, 1000), 40.0);
        near(takes(Pace { messages_per_second: Some(100.0), ..bytes(20_000) }, 100, 1000), 5.0);
        let longest_sleep = Some(Duration::from_secs(2));
        near(takes(Pace { longest_sleep, ..bytes(20_000) }, 1, 10_000_000), 2.0);
    }

    #[test]
    fn no_more_bytes_than_allowed_and_each_message_once() {
        let mut allowance = Allowance::new(Pace { stop_over: Some(10), ..Pace::default() });
        let asked =
            [((0, 1), 6, true), ((0, 2), 4, true), ((0, 1), 6, true), ((0, 3), 1, false), ((0, 4), 0, false)];
        for (message, bytes, admitted) in asked {
            assert_eq!(allowance.admits(message, bytes), admitted, "{message:?}");
        }
        assert!(allowance.is_used_up() && allowance.admits((0, 2), 4));
        let mut none = Allowance::new(Pace::default());
        assert!(none.admits((0, 1), u64::MAX) && none.admits((0, 2), u64::MAX) && !none.is_used_up());
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_passed_by_itself_counts() {
        let mut meter = Meter::new(Pace { messages_per_second: Some(1.0), ..Pace::default() });
        let start = Instant::now();
        assert_eq!(meter.moved(start, 0, 1), Duration::from_secs(1));
        assert_eq!(meter.moved(start + Duration::from_secs(10), 0, 1), Duration::ZERO);
    }
}
