//! Whether the line is so slow that compressing what travels over it saves time: measured while the copy goes on.

use std::time::Duration;
use tokio::time::Instant;

/// How long each measurement takes.
const INTERVAL: Duration = Duration::from_secs(1);
/// Bytes in a second. A processor compresses some ten times as many, a LAN carries more.
const SLOW: u64 = 2 << 20;

/// The throughput of a copy.
#[derive(Debug, Default)]
pub(super) struct Line {
    began: Option<(Instant, u64)>,
    slow: bool,
}

impl Line {
    /// Takes notice of the bytes moved so far; true once, when the line has proved slow.
    pub(super) fn proves_slow(&mut self, now: Instant, moved: u64) -> bool {
        let (began, then) = *self.began.get_or_insert((now, moved));
        let time = now.saturating_duration_since(began);
        if self.slow || time < INTERVAL {
            return false;
        }
        self.began = Some((now, moved));
        self.slow = ((moved - then) as f64) < SLOW as f64 * time.as_secs_f64();
        self.slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_a_slow_line_is_called_slow_and_only_once() {
        for (rate, slow) in [(100_u64 << 20, 0), (3 << 20, 0), (1 << 20, 1), (10_000, 1)] {
            let (mut line, start) = (Line::default(), Instant::now());
            let called = (0..100_u64)
                .filter(|step| line.proves_slow(start + Duration::from_millis(100 * step), rate * step / 10));
            assert_eq!(called.count(), slow, "{rate}");
        }
    }
}
