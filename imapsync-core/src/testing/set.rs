//! Sets of numbers: read from a command, resolved against the messages that a session knows, written in an answer.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

/// A set of numbers such as `1:4,7,9:*`; `last` stands for `*`. None where it is none.
pub(super) fn ranges(set: &str, last: u32) -> Option<Vec<(u32, u32)>> {
    let number = |text: &str| match text {
        "*" => Some(last),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|number| *number > 0)
        }
        _ => None,
    };
    let range = |range: &str| {
        let (a, b) = range.split_once(':').unwrap_or((range, range));
        let (a, b) = (number(a)?, number(b)?);
        Some((a.min(b), a.max(b)))
    };
    set.split(',').map(range).collect()
}

/// The ranges in order, without overlaps.
pub(super) fn merged(mut ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    ranges.sort_unstable();
    let mut out: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match out.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => out.push((first, last)),
        }
    }
    out
}

/// Whether one of these has it; they must be [`merged`].
pub(super) fn within(ranges: &[(u32, u32)], number: u32) -> bool {
    let at = ranges.partition_point(|(_, last)| *last < number);
    ranges.get(at).is_some_and(|(first, _)| *first <= number)
}

/// Rising numbers as the shortest set.
pub(super) fn shown(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut out = String::new();
    let mut open: Option<(u32, u32)> = None;
    let write = |out: &mut String, (first, last): (u32, u32)| {
        let comma = if out.is_empty() { "" } else { "," };
        // Writing to memory cannot fail.
        let _ =
            if first == last { write!(out, "{comma}{first}") } else { write!(out, "{comma}{first}:{last}") };
    };
    for number in numbers {
        match &mut open {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => {
                if let Some(range) = open.replace((number, number)) {
                    write(&mut out, range);
                }
            }
        }
    }
    if let Some(range) = open {
        write(&mut out, range);
    }
    out
}

/// Some of the messages that a session knows, in order of their numbers.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The UIDs of all that it knows.
    known: Arc<Vec<u32>>,
    /// Which of them.
    chosen: VecDeque<Range<usize>>,
}

impl Places {
    /// Those that a set means, by UID or by number. A number without a message is none (RFC 9051: BAD).
    pub(super) fn resolve(known: &Arc<Vec<u32>>, set: &str, uid: bool) -> Option<Self> {
        let last = if uid { known.last().copied().unwrap_or(0) } else { known.len() as u32 };
        let chosen = merged(ranges(set, last)?).into_iter().map(|(first, last)| {
            if uid {
                known.partition_point(|one| *one < first)..known.partition_point(|one| *one <= last)
            } else {
                (first.saturating_sub(1) as usize).min(known.len())..(last as usize).min(known.len())
            }
        });
        Some(Self { known: Arc::clone(known), chosen: chosen.filter(|range| !range.is_empty()).collect() })
    }

    /// None at all.
    pub(super) fn none() -> Self {
        Self { known: Arc::default(), chosen: VecDeque::new() }
    }

    /// Whether it has none.
    pub(super) fn is_empty(&self) -> bool {
        self.chosen.is_empty()
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.chosen.iter().map(Range::len).sum()
    }

    /// Number and UID of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        self.chosen.iter().cloned().flatten().map(|at| (at + 1, self.known[at]))
    }

    /// The UIDs.
    pub(super) fn uids(&self) -> impl Iterator<Item = u32> + '_ {
        self.iter().map(|(_, uid)| uid)
    }

    /// Whether it has this UID.
    pub(super) fn has(&self, uid: u32) -> bool {
        self.known.binary_search(&uid).is_ok_and(|at| {
            let range = self.chosen.partition_point(|range| range.end <= at);
            self.chosen.get(range).is_some_and(|range| range.start <= at)
        })
    }

    /// Takes the first `most` off it.
    pub(super) fn split(&mut self, most: usize) -> Self {
        let (mut taken, mut left, mut whole) = (VecDeque::new(), most, 0);
        for range in &mut self.chosen {
            if left == 0 {
                break;
            }
            let take = range.len().min(left);
            taken.push_back(range.start..range.start + take);
            range.start += take;
            left -= take;
            whole += usize::from(Range::is_empty(range));
        }
        self.chosen.drain(..whole);
        Self { known: Arc::clone(&self.known), chosen: taken }
    }

    /// Its second half first.
    pub(super) fn rotated(mut self) -> Self {
        let half = self.len() / 2;
        let first = self.split(half);
        self.chosen.extend(first.chosen);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read() {
        assert_eq!(ranges("1:3,9:*,7", 12), Some(vec![(1, 3), (9, 12), (7, 7)]));
        assert_eq!(ranges("99:*", 12), Some(vec![(12, 99)]));
        for none in ["0", "", "1:", "+1", "1,,2", "a"] {
            assert_eq!(ranges(none, 12), None, "{none}");
        }
        assert_eq!(merged(vec![(9, 12), (1, 3), (4, 4), (10, 20)]), [(1, 4), (9, 20)]);
        assert!(within(&[(1, 4), (9, 20)], 4) && !within(&[(1, 4), (9, 20)], 5));
    }

    #[test]
    fn sets_are_written() {
        assert_eq!(shown([]), "");
        assert_eq!(shown([1, 2, 3, 5, 7, 8, u32::MAX]), "1:3,5,7:8,4294967295");
    }

    #[test]
    fn places() {
        let known = Arc::new(vec![2, 4, 6, 8, 10]);
        let of = |set: &str, uid: bool| Places::resolve(&known, set, uid).unwrap();
        let pairs = |places: &Places| places.iter().collect::<Vec<_>>();
        assert_eq!(pairs(&of("5,1:2,2", false)), [(1, 2), (2, 4), (5, 10)]);
        assert_eq!(pairs(&of("3:6,99:*", true)), [(2, 4), (3, 6), (5, 10)]);
        assert_eq!(pairs(&of("7:99", false)), []);
        let mut places = of("1:2,4:5", false);
        assert!(places.has(4) && !places.has(6) && places.has(8) && !places.has(9));
        assert_eq!(pairs(&places.clone().rotated()), [(4, 8), (5, 10), (1, 2), (2, 4)]);
        assert_eq!(pairs(&places.split(3)), [(1, 2), (2, 4), (4, 8)]);
        assert_eq!((pairs(&places), places.len()), (vec![(5, 10)], 1));
    }
}
