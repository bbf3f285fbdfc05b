//! Sets of UIDs, kept as sorted ranges and split into commands of bounded length.

use std::fmt;

/// A set of UIDs (1..=u32::MAX).
///
/// It costs eight bytes a range, however many UIDs the range spans: `1:4294967295` from a hostile server is cheap to
/// hold, to count and to intersect. Only [`iter`](Self::iter) walks over single UIDs.
///
/// ```
/// use imapsync_core::imap::uidset::UidSet;
/// let set = UidSet::from_uids([9, 2, 3, 1, 7]);
/// assert_eq!(set.to_string(), "1:3,7,9");
/// assert_eq!(UidSet::parse(b"9,7,3:1"), Some(set));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UidSet {
    /// Both ends included; sorted, disjoint, and with a gap between neighbours.
    ranges: Vec<(u32, u32)>,
}

impl UidSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// From any UIDs in any order; 0 is ignored.
    pub fn from_uids(uids: impl IntoIterator<Item = u32>) -> Self {
        Self::from_ranges(uids.into_iter().map(|uid| (uid, uid)))
    }

    /// From any ranges in any order, their ends in either order; 0 is ignored.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut set = Self::new();
        // Ascending input, the common case, is merged as it comes; only a step back makes a sort necessary.
        let mut late = Vec::new();
        for range in ranges {
            let Some((first, last)) = ordered(range) else { continue };
            if !set.push(first, last) {
                late.push((first, last));
            }
        }
        if late.is_empty() {
            return set;
        }
        late.append(&mut set.ranges);
        late.sort_unstable();
        for (first, last) in late {
            set.push(first, last);
        }
        set
    }

    /// One range, both ends included, in either order.
    pub fn range(first: u32, last: u32) -> Self {
        Self { ranges: ordered((first, last)).into_iter().collect() }
    }

    /// Adds one UID (cheap when ascending).
    pub fn insert(&mut self, uid: u32) {
        self.insert_range(uid, uid);
    }

    /// Adds a range (cheap when ascending).
    pub fn insert_range(&mut self, first: u32, last: u32) {
        let Some((mut first, mut last)) = ordered((first, last)) else { return };
        if self.push(first, last) {
            return;
        }
        // The ranges that the new one overlaps or touches are replaced by one.
        let start = self.ranges.partition_point(|range| range.1 < first - 1);
        let end = self.ranges.partition_point(|range| range.0 <= last.saturating_add(1));
        if let Some(absorbed) = self.ranges.get(start..end) {
            first = absorbed.first().map_or(first, |range| range.0.min(first));
            last = absorbed.last().map_or(last, |range| range.1.max(last));
            self.ranges.splice(start..end, [(first, last)]);
        }
    }

    /// Adds a range that does not begin before the last one; false if it does.
    fn push(&mut self, first: u32, last: u32) -> bool {
        match self.ranges.last_mut() {
            Some(tail) if first < tail.0 => return false,
            Some(tail) if first <= tail.1.saturating_add(1) => tail.1 = tail.1.max(last),
            _ => self.ranges.push((first, last)),
        }
        true
    }

    /// Takes one UID out.
    pub fn remove(&mut self, uid: u32) {
        if self.contains(uid) {
            *self = self.difference(&Self::range(uid, uid));
        }
    }

    /// Parses `1:4,7,9:12` (ranges in either order); None for anything else, for 0 and for `*`.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let ranges: Option<Vec<_>> = bytes
            .split(|byte| *byte == b',')
            .map(|part| match part.iter().position(|byte| *byte == b':') {
                Some(colon) => Some((uid(part.get(..colon)?)?, uid(part.get(colon + 1..)?)?)),
                None => uid(part).map(|uid| (uid, uid)),
            })
            .collect();
        Some(Self::from_ranges(ranges?))
    }

    /// Whether the UID is in it (binary search).
    pub fn contains(&self, uid: u32) -> bool {
        let at = self.ranges.partition_point(|range| range.1 < uid);
        uid != 0 && self.ranges.get(at).is_some_and(|range| range.0 <= uid)
    }

    /// How many UIDs.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The lowest UID.
    pub fn first(&self) -> Option<u32> {
        self.ranges.first().map(|range| range.0)
    }

    /// The highest UID.
    pub fn last(&self) -> Option<u32> {
        self.ranges.last().map(|range| range.1)
    }

    /// Ascending UIDs. A set that a server gave may hold four thousand million of them: look at [`len`](Self::len)
    /// first, or intersect it with what is known.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// What is in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.ranges.iter().chain(&other.ranges).copied())
    }

    /// What is in both sets; the cost is that of the ranges, not of the UIDs.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut out = Self::new();
        let (mut left, mut right) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                out.push(first, last);
            }
            // The one that ends first can meet nothing more.
            if a.1 <= b.1 {
                left.next()
            } else {
                right.next()
            };
        }
        out
    }

    /// What is in this set and not in the other; the cost is that of the ranges, not of the UIDs.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut out = Self::new();
        let mut holes = other.ranges.iter().peekable();
        for (first, last) in &self.ranges {
            // What is left of this range; None once a hole has swallowed its end.
            let mut rest = Some(*first);
            while let Some((hole_first, hole_last)) = holes.peek()
                && let Some(start) = rest
                && hole_first <= last
            {
                if start < *hole_first {
                    out.push(start, hole_first - 1);
                }
                rest = hole_last.checked_add(1).map(|next| next.max(start)).filter(|next| next <= last);
                if hole_last > last {
                    // It may reach into the next range too.
                    break;
                }
                holes.next();
            }
            if let Some(start) = rest {
                out.push(start, *last);
            }
        }
        out
    }

    /// Splits into sets whose text is at most `max_bytes` long each (7,000 suits every known server).
    ///
    /// Ranges are never cut, so there are at most as many parts as ranges; a single range that is longer than
    /// `max_bytes` (21 bytes at most) stands alone.
    pub fn split(&self, max_bytes: usize) -> Vec<UidSet> {
        let mut parts: Vec<UidSet> = Vec::new();
        let mut used = 0;
        for range in &self.ranges {
            let length = text_length(*range);
            match parts.last_mut() {
                Some(part) if used + 1 + length <= max_bytes => {
                    part.ranges.push(*range);
                    used += 1 + length;
                }
                _ => {
                    parts.push(UidSet { ranges: vec![*range] });
                    used = length;
                }
            }
        }
        parts
    }
}

/// The range from its lower to its upper end, without 0; None if nothing else is in it.
fn ordered((one, other): (u32, u32)) -> Option<(u32, u32)> {
    let (first, last) = (one.min(other).max(1), one.max(other));
    (last != 0).then_some((first, last))
}

/// One UID: digits only, not 0, within 32 bits.
fn uid(digits: &[u8]) -> Option<u32> {
    // `parse` alone would also take a sign.
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|uid| *uid != 0)
}

/// How long the range is as text.
fn text_length((first, last): (u32, u32)) -> usize {
    let digits = |uid: u32| uid.checked_ilog10().unwrap_or(0) as usize + 1;
    if first == last { digits(first) } else { digits(first) + 1 + digits(last) }
}

/// As it stands in a command: `1:4,7`.
impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{first}")?;
            if first != last {
                write!(f, ":{last}")?;
            }
        }
        Ok(())
    }
}

impl FromIterator<u32> for UidSet {
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> Self {
        Self::from_uids(uids)
    }
}

impl Extend<u32> for UidSet {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, uids: I) {
        *self = self.union(&Self::from_uids(uids));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn parses() {
        for (text, expected) in [
            ("1", Some("1")),
            ("1:4,7,9:12", Some("1:4,7,9:12")),
            ("9:7", Some("7:9")),
            ("5,4,3,1:2", Some("1:5")),
            ("3:3", Some("3")),
            ("1:9,2:3,20,9:12", Some("1:12,20")),
            ("4294967295", Some("4294967295")),
            ("1:4294967295,5", Some("1:4294967295")),
            ("4294967295:4294967294,1", Some("1,4294967294:4294967295")),
            ("", None),
            (",", None),
            ("1,", None),
            (",1", None),
            ("0", None),
            ("0:5", None),
            ("*", None),
            ("1:*", None),
            ("1:2:3", None),
            ("1:", None),
            (":1", None),
            (" 1", None),
            ("+1", None),
            ("-1", None),
            ("1 2", None),
            ("4294967296", None),
            ("99999999999999999999999", None),
            ("x", None),
            ("\u{661}", None),
        ] {
            assert_eq!(
                UidSet::parse(text.as_bytes()).map(|set| set.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
        assert_eq!(UidSet::parse(b"\xff"), None);
    }

    #[test]
    fn the_whole_space_is_cheap() {
        let all = UidSet::parse(b"1:4294967295").unwrap();
        assert_eq!(all.len(), u64::from(u32::MAX));
        assert_eq!((all.first(), all.last()), (Some(1), Some(u32::MAX)));
        assert_eq!(all.split(7000), std::slice::from_ref(&all));
        assert_eq!(all.difference(&all), UidSet::new());
        assert_eq!(all.difference(&UidSet::from_uids([1, 7, u32::MAX])).to_string(), "2:6,8:4294967294");
        assert_eq!(all.intersection(&UidSet::range(9, 7)).to_string(), "7:9");
        assert_eq!(all.union(&all), all);
        assert_eq!(all.iter().take(3).collect::<Vec<_>>(), [1, 2, 3]);
        let mut more = all.clone();
        more.insert(u32::MAX);
        more.insert(0);
        more.insert_range(5, 0);
        assert_eq!(more, all);
        more.remove(u32::MAX);
        assert_eq!(more.last(), Some(u32::MAX - 1));
    }

    #[test]
    fn a_million_ascending_uids_are_one_range() {
        let mut set = UidSet::new();
        (1..=1_000_000).for_each(|uid| set.insert(uid));
        assert_eq!(set.ranges(), [(1, 1_000_000)]);
    }

    #[test]
    fn a_long_descending_list_is_not_quadratic() {
        let text = (1..200_000u32).rev().map(|n| (n * 2).to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(UidSet::parse(text.as_bytes()).map(|set| set.len()), Some(199_999));
    }

    #[test]
    fn splits() {
        let set = UidSet::parse(b"1:4,7,9:12,100").unwrap();
        let texts = |max| set.split(max).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(14), ["1:4,7,9:12,100"]);
        assert_eq!(texts(13), ["1:4,7,9:12", "100"]);
        assert_eq!(texts(5), ["1:4,7", "9:12", "100"]);
        assert_eq!(texts(0), ["1:4", "7", "9:12", "100"]);
        assert!(UidSet::new().split(100).is_empty());
    }

    /// Ranges that touch, overlap and lie at both ends of the space.
    fn range() -> impl Strategy<Value = (u32, u32)> {
        let base = prop_oneof![Just(0u32), Just(u32::MAX - 60)];
        (base, 0u32..60, 0u32..12, any::<bool>()).prop_map(|(base, at, length, swap)| {
            let (first, last) = (base + at, base.saturating_add(at + length));
            if swap { (last, first) } else { (first, last) }
        })
    }

    fn model(ranges: &[(u32, u32)]) -> BTreeSet<u32> {
        ranges.iter().flat_map(|(a, b)| *a.min(b)..=*a.max(b)).filter(|uid| *uid != 0).collect()
    }

    fn check(set: &UidSet, model: &BTreeSet<u32>) -> Result<(), TestCaseError> {
        prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
        prop_assert_eq!(set.len(), model.len() as u64);
        prop_assert_eq!(set.is_empty(), model.is_empty());
        prop_assert_eq!((set.first(), set.last()), (model.first().copied(), model.last().copied()));
        for pair in set.ranges().windows(2) {
            prop_assert!(u64::from(pair[0].1) + 1 < u64::from(pair[1].0), "{:?}", pair);
        }
        for uid in (0..80).chain(u32::MAX - 80..=u32::MAX) {
            prop_assert_eq!(set.contains(uid), model.contains(&uid));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn like_a_set_of_numbers(
            a in prop::collection::vec(range(), 0..12), b in prop::collection::vec(range(), 0..12), max in 0usize..60,
        ) {
            let (one, other) = (UidSet::from_ranges(a.iter().copied()), UidSet::from_ranges(b.iter().copied()));
            let (in_one, in_other) = (model(&a), model(&b));
            check(&one, &in_one)?;

            let mut inserted = UidSet::new();
            a.iter().for_each(|(first, last)| inserted.insert_range(*first, *last));
            prop_assert_eq!(&inserted, &one);
            prop_assert_eq!(&in_one.iter().rev().copied().collect::<UidSet>(), &one);
            if !one.is_empty() {
                prop_assert_eq!(UidSet::parse(one.to_string().as_bytes()), Some(one.clone()));
            }

            check(&one.union(&other), &in_one.union(&in_other).copied().collect())?;
            check(&one.intersection(&other), &in_one.intersection(&in_other).copied().collect())?;
            check(&one.difference(&other), &in_one.difference(&in_other).copied().collect())?;

            let parts = one.split(max);
            for part in &parts {
                prop_assert!(part.to_string().len() <= max || part.ranges().len() == 1);
                prop_assert!(!part.is_empty());
            }
            prop_assert_eq!(parts.iter().flat_map(UidSet::iter).collect::<UidSet>(), one);
        }

        #[test]
        fn single_steps(steps in prop::collection::vec((any::<bool>(), 0u32..40), 0..60)) {
            let (mut set, mut model) = (UidSet::new(), BTreeSet::new());
            for (add, uid) in steps {
                if add {
                    set.insert(uid);
                    model.insert(uid);
                } else {
                    set.remove(uid);
                    model.remove(&uid);
                }
                model.remove(&0);
                check(&set, &model)?;
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..30), text in "[0-9:,*]{0,30}") {
            let _ = UidSet::parse(&bytes);
            let _ = UidSet::parse(text.as_bytes());
        }
    }
}
