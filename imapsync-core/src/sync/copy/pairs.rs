//! How many pairs of connections a copy uses: measured, not guessed.
//!
//! Pure: time and work done come in, a number comes out. The number doubles as long as twice the pairs move clearly more,
//! and never again reaches what a server refused.

use crate::options::Connections;
use std::time::Duration;
use tokio::time::Instant;

/// How long the throughput is measured at each number of pairs.
const INTERVAL: Duration = Duration::from_millis(500);
/// Twice the pairs must move so much more to be worth them.
const WORTH: f64 = 1.25;
/// Messages that must be left for each pair, for another one to be opened.
const LEFT: usize = 64;
/// With so many messages or bytes to copy two pairs are opened at once.
const LARGE: (usize, u64) = (2000, 16 << 20);

/// The present number of pairs, and what is known about it.
#[derive(Debug)]
pub(super) struct Pairs {
    fixed: bool,
    wanted: usize,
    /// What no server has refused.
    most: usize,
    /// When the measurement began, and what was done by then.
    began: Option<(Instant, u64)>,
    /// Throughput with half the pairs.
    before: Option<f64>,
    /// More pairs were tried and did not pay.
    settled: bool,
}

impl Pairs {
    /// For a copy of so many messages and bytes.
    pub(super) fn new(choice: Connections, messages: usize, bytes: u64) -> Self {
        let most = choice.most();
        let large = messages >= LARGE.0 || (bytes >= LARGE.1 && messages > 1);
        let (fixed, wanted) = match choice {
            Connections::Fixed(_) => (true, most.min(messages.max(1))),
            Connections::Auto => (false, if large { 2 } else { 1 }),
        };
        Self { fixed, wanted, most, began: None, before: None, settled: fixed }
    }

    /// How many pairs there shall be.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// Takes notice of what is done: `done` grows with every message, `left` messages wait, so many pairs are open.
    pub(super) fn measure(&mut self, now: Instant, done: u64, left: usize, open: usize) {
        if self.settled || open != self.wanted {
            self.began = None;
            return;
        }
        let (began, then) = *self.began.get_or_insert((now, done));
        let time = now.saturating_duration_since(began);
        if time < INTERVAL || done == then {
            return;
        }
        self.began = None;
        let rate = (done - then) as f64 / time.as_secs_f64();
        if self.before.is_some_and(|before| rate < before * WORTH) {
            self.settled = true;
            self.wanted = self.wanted.div_ceil(2);
        } else if self.wanted >= self.most || left < LEFT * self.wanted {
            // Nothing is left to gain; should much more come, it is measured anew.
            self.before = None;
        } else {
            self.before = Some(rate);
            self.wanted = (self.wanted * 2).min(self.most);
        }
    }

    /// A connection was refused, or lost soon after it was opened, while so many pairs stay: no more than these are tried
    /// again. What several pairs had in hand is theirs.
    pub(super) fn refused(&mut self, stay: usize) {
        self.most = stay.max(1);
        self.wanted = self.wanted.min(self.most);
        self.settled |= !self.fixed;
        self.began = None;
    }

    /// A server asks to wait: half the pairs are enough.
    pub(super) fn throttled(&mut self) {
        self.refused(self.wanted.div_ceil(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroUsize;

    /// Runs a copy of 100,000 messages whose pairs move so many each second; the numbers of pairs in turn.
    fn course(rate: impl Fn(usize) -> f64) -> Vec<usize> {
        let mut pairs = Pairs::new(Connections::Auto, 100_000, 1 << 30);
        let (start, mut done, mut seen) = (Instant::now(), 0.0, vec![pairs.wanted()]);
        for step in 0..200 {
            done += rate(pairs.wanted()) / 10.0;
            pairs.measure(start + Duration::from_millis(100) * step, done as u64, 50_000, pairs.wanted());
            if seen.last() != Some(&pairs.wanted()) {
                seen.push(pairs.wanted());
            }
        }
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn pairs_grow_while_that_pays() {
        assert_eq!(course(|pairs| 100.0 * pairs as f64), [2, 4, 8, 16]);
        assert_eq!(course(|_| 1000.0), [2, 4, 2], "a limit of the line");
        assert_eq!(course(|pairs| 100.0 * pairs.min(5) as f64), [2, 4, 8, 16, 8], "five fill the line");
        assert_eq!(course(|pairs| if pairs > 2 { 10.0 } else { 100.0 }), [2, 4, 2], "worse with more");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_refused_is_not_tried_again() {
        let mut pairs = Pairs::new(Connections::Auto, 100_000, 1 << 30);
        pairs.refused(1);
        let start = Instant::now();
        for step in 0..100 {
            pairs.measure(start + Duration::from_secs(step), step * 100, 50_000, 1);
            assert_eq!(pairs.wanted(), 1);
        }
        let eight = NonZeroUsize::new(8).unwrap();
        let mut pairs = Pairs::new(Connections::Fixed(eight), 100_000, 1 << 30);
        assert_eq!(pairs.wanted(), 8);
        pairs.throttled();
        assert_eq!(pairs.wanted(), 4);
        pairs.refused(3);
        assert_eq!(pairs.wanted(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_copy_takes_one() {
        assert_eq!(Pairs::new(Connections::Auto, 100, 1 << 20).wanted(), 1);
        assert_eq!(Pairs::new(Connections::Auto, 1, 1 << 30).wanted(), 1);
        assert_eq!(Pairs::new(Connections::Auto, 60, 700 << 20).wanted(), 2);
        let eight = NonZeroUsize::new(8).unwrap();
        assert_eq!(Pairs::new(Connections::Fixed(eight), 3, 1000).wanted(), 3);
    }
}
