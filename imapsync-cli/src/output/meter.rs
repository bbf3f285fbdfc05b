//! How far a run is and how fast: the figures behind the per-message lines and the progress bar. No clock: time is told.

use super::text::{bytes, date, float, ratio};
use chrono::{DateTime, FixedOffset, TimeDelta};
use std::time::Duration;

/// The progress of a run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Meter {
    /// Messages before the run.
    pub(crate) total: u64,
    /// Messages that have their outcome.
    pub(crate) done: u64,
    /// Messages copied.
    pub(crate) copied: u64,
    /// Bytes copied.
    pub(crate) bytes: u64,
}

impl Meter {
    /// Messages that have no outcome yet.
    pub(crate) const fn left(&self) -> u64 {
        self.total.saturating_sub(self.done)
    }

    /// The time that the rest will take if it goes on like this.
    pub(crate) fn remaining(&self, elapsed: Duration) -> Duration {
        let seconds = ratio(elapsed.as_secs_f64(), float(self.done)) * float(self.left());
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
    }

    /// The tail of a per-message line: rates, amount, the time of arrival, what is left.
    pub(crate) fn tail(&self, elapsed: Duration, now: DateTime<FixedOffset>) -> String {
        let seconds = elapsed.as_secs_f64();
        let remaining = self.remaining(elapsed);
        let arrival =
            TimeDelta::from_std(remaining).ok().and_then(|left| now.checked_add_signed(left)).unwrap_or(now);
        format!(
            "{:.2} msgs/s  {}/s {} copied ETA: {}  {} s  {}/{} msgs left",
            ratio(float(self.copied), seconds),
            bytes(ratio(float(self.bytes), seconds)),
            bytes(float(self.bytes)),
            date(&arrival),
            remaining.as_secs(),
            self.left(),
            self.total,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_arrival() {
        let meter = Meter { total: 10, done: 4, copied: 2, bytes: 4096 };
        let now = DateTime::parse_from_rfc3339("2022-06-29T14:05:41+02:00").unwrap();
        assert_eq!(
            meter.tail(Duration::from_secs(2), now),
            "1.00 msgs/s  2.000 KiB/s 4.000 KiB copied ETA: Wednesday 29 June 2022-06-29 14:05:44 +0200  3 s  \
             6/10 msgs left"
        );
    }

    #[test]
    fn extremes_are_survived() {
        let now = DateTime::parse_from_rfc3339("2022-06-29T14:05:41+02:00").unwrap();
        for meter in [
            Meter::default(),
            Meter { total: u64::MAX, done: 1, copied: u64::MAX, bytes: u64::MAX },
            Meter { total: 0, done: u64::MAX, copied: 0, bytes: 0 },
        ] {
            for elapsed in [Duration::ZERO, Duration::MAX] {
                assert!(meter.tail(elapsed, now).contains("msgs left"));
            }
        }
    }
}
