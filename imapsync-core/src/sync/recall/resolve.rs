//! Which messages an interrupted run has appended, although nothing tells so by their headers: pure.
//!
//! Of what an intent names and the matching has left, against what it has left on the destination at or above the UID that
//! the intent notes. The same size under the same date is enough where that date is there once on both sides. Everywhere
//! else, where the size or the date agrees, the bodies decide; where several messages have one body, date and size, they
//! are taken for copies only if there is one for each: to lose one would be worse than to double one.

use crate::error::Side;
use crate::message::Digest;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A message that an intent names and that has no copy by what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ours {
    pub(super) uid: u32,
    pub(super) size: u64,
    /// The date of its copy in seconds; None: the destination has chosen it.
    pub(super) date: Option<i64>,
    /// Its copy has this UID or a higher one.
    pub(super) above: u32,
    /// It is on the source still.
    pub(super) is_there: bool,
}

/// A message of the destination that is nobody's copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Theirs {
    pub(super) uid: u32,
    pub(super) size: u64,
    pub(super) date: Option<i64>,
}

/// What has been found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Resolved {
    /// UIDs of messages and of their copies.
    pub(super) pairs: Vec<(u32, u32)>,
    /// Messages of the source and of the destination whose bodies decide, ascending.
    pub(super) in_doubt: [Vec<u32>; 2],
}

/// The digests of bodies that were read.
pub(super) type Bodies = HashMap<(Side, u32), Digest>;

/// May be called again with the bodies of those in doubt. A message without a body takes no part then.
pub(super) fn resolve(ours: &[Ours], theirs: &[Theirs], bodies: &Bodies) -> Resolved {
    let mut resolved = Resolved::default();
    let mut open = Open { ours: ours.iter().collect(), theirs: theirs.iter().collect() };
    // One date, one message on each side, one size.
    let once = |one: &Ours, other: &Theirs| one.size == other.size;
    open.join(
        |one| one.date,
        |other| other.date,
        once,
        |ours, theirs| ours == 1 && theirs == 1,
        &mut resolved,
    );
    let mut in_doubt = [BTreeSet::new(), BTreeSet::new()];
    open.doubts(&mut in_doubt);
    let body = |side, uid| bodies.get(&(side, uid)).copied();
    let here = |one: &Ours| body(Side::Source, one.uid);
    let there = |other: &Theirs| body(Side::Destination, other.uid);
    let all = |_: &Ours, _: &Theirs| true;
    let enough = |ours, theirs| ours <= theirs;
    let dates = |one: &Ours| Some((here(one)?, one.date?));
    let their_dates = |other: &Theirs| Some((there(other)?, other.date?));
    let whole = |one: &Ours| Some((dates(one)?, one.size));
    open.join(whole, |other| Some((their_dates(other)?, other.size)), all, enough, &mut resolved);
    open.join(dates, their_dates, all, enough, &mut resolved);
    let sizes = |one: &Ours| Some((here(one)?, one.size));
    open.join(sizes, |other| Some((there(other)?, other.size)), all, enough, &mut resolved);
    // Where the destination has chosen the dates, anything may be the copy.
    open.join(|one| here(one).filter(|_| one.date.is_none()), there, all, enough, &mut resolved);
    resolved.pairs.sort_unstable();
    resolved.in_doubt = in_doubt.map(|uids| uids.into_iter().collect());
    resolved
}

/// What has no partner yet.
struct Open<'a> {
    ours: Vec<&'a Ours>,
    theirs: Vec<&'a Theirs>,
}

impl Open<'_> {
    /// Pairs messages of one value in the order of their UIDs, where `enough` says so of their numbers.
    fn join<V: Ord>(
        &mut self,
        ours: impl Fn(&Ours) -> Option<V>,
        theirs: impl Fn(&Theirs) -> Option<V>,
        fits: impl Fn(&Ours, &Theirs) -> bool,
        enough: impl Fn(usize, usize) -> bool,
        resolved: &mut Resolved,
    ) {
        let mut groups: BTreeMap<V, (Vec<&Ours>, Vec<&Theirs>)> = BTreeMap::new();
        for one in &self.ours {
            if let Some(value) = ours(one) {
                groups.entry(value).or_default().0.push(one);
            }
        }
        for other in &self.theirs {
            if let Some((_, group)) = theirs(other).and_then(|value| groups.get_mut(&value)) {
                group.push(other);
            }
        }
        let mut taken = (BTreeSet::new(), BTreeSet::new());
        for (mut here, mut there) in groups.into_values() {
            let above = here.iter().map(|one| one.above).min().unwrap_or(0);
            there.retain(|other| other.uid >= above);
            if !enough(here.len(), there.len()) {
                continue;
            }
            here.sort_unstable_by_key(|one| one.uid);
            there.sort_unstable_by_key(|other| other.uid);
            for one in here.into_iter().filter(|one| one.is_there) {
                let free = |other: &&&Theirs| other.uid >= one.above && !taken.1.contains(&other.uid);
                let Some(other) = there.iter().find(free).filter(|other| fits(one, other)) else { continue };
                taken.0.insert(one.uid);
                taken.1.insert(other.uid);
                resolved.pairs.push((one.uid, other.uid));
            }
        }
        self.ours.retain(|one| !taken.0.contains(&one.uid));
        self.theirs.retain(|other| !taken.1.contains(&other.uid));
    }

    /// Those that agree with anything of the other side in size or date.
    fn doubts(&self, [here, there]: &mut [BTreeSet<u32>; 2]) {
        let highest = |uids: &mut u32, uid: u32| *uids = (*uids).max(uid);
        let (mut by_date, mut by_size): (HashMap<i64, u32>, HashMap<u64, u32>) = Default::default();
        for other in &self.theirs {
            highest(by_size.entry(other.size).or_default(), other.uid);
            if let Some(date) = other.date {
                highest(by_date.entry(date).or_default(), other.uid);
            }
        }
        let last = self.theirs.iter().map(|other| other.uid).max().unwrap_or(0);
        let (mut dates, mut sizes): (HashMap<i64, u32>, HashMap<u64, u32>) = Default::default();
        let mut any = u32::MAX;
        let lowest = |uids: &mut u32, uid: u32| *uids = (*uids).min(uid);
        for one in self.ours.iter().filter(|one| one.is_there) {
            let reaches = |highest: Option<&u32>| highest.is_some_and(|highest| *highest >= one.above);
            let agrees = match one.date {
                Some(date) => reaches(by_date.get(&date)) || reaches(by_size.get(&one.size)),
                None => last >= one.above,
            };
            if !agrees {
                continue;
            }
            here.insert(one.uid);
            lowest(sizes.entry(one.size).or_insert(u32::MAX), one.above);
            match one.date {
                Some(date) => lowest(dates.entry(date).or_insert(u32::MAX), one.above),
                None => any = any.min(one.above),
            }
        }
        for other in &self.theirs {
            let reached = |lowest: Option<&u32>| lowest.is_some_and(|lowest| other.uid >= *lowest);
            let date = other.date.and_then(|date| dates.get(&date));
            if reached(date) || reached(sizes.get(&other.size)) || other.uid >= any {
                there.insert(other.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_000_000;

    fn ours(uid: u32, size: u64, date: i64) -> Ours {
        Ours { uid, size, date: Some(date), above: 10, is_there: true }
    }

    fn theirs(uid: u32, size: u64, date: i64) -> Theirs {
        Theirs { uid, size, date: Some(date) }
    }

    /// The pairs without the bodies, who is in doubt, and the pairs with these bodies.
    fn check(
        (ours, theirs): (&[Ours], &[Theirs]),
        first: &[(u32, u32)],
        in_doubt: [&[u32]; 2],
        bodies: [&[(u32, u8)]; 2],
        last: &[(u32, u32)],
    ) {
        let resolved = resolve(ours, theirs, &Bodies::new());
        assert_eq!(resolved.pairs, first, "{ours:?} {theirs:?}");
        assert_eq!(resolved.in_doubt, in_doubt.map(<[u32]>::to_vec), "{ours:?} {theirs:?}");
        let known = [Side::Source, Side::Destination].into_iter().zip(bodies);
        let known =
            known.flat_map(|(side, all)| all.iter().map(move |(uid, n)| ((side, *uid), Digest([*n; 16]))));
        assert_eq!(resolve(ours, theirs, &known.collect()).pairs, last, "{ours:?} {theirs:?} {bodies:?}");
    }

    #[test]
    fn a_date_that_is_there_once_with_one_size_is_enough() {
        let (a, b) = (ours(1, 100, NOON), ours(2, 100, NOON + 1));
        check((&[a, b], &[theirs(10, 100, NOON)]), &[(1, 10)], [&[], &[]], [&[], &[]], &[(1, 10)]);
        // Both are there, and each has its date.
        let both = [theirs(10, 100, NOON + 1), theirs(11, 100, NOON)];
        check((&[a, b], &both), &[(1, 11), (2, 10)], [&[], &[]], [&[], &[]], &[(1, 11), (2, 10)]);
    }

    #[test]
    fn what_is_older_than_the_intent_is_nobodys_copy() {
        check((&[ours(1, 100, NOON)], &[theirs(9, 100, NOON)]), &[], [&[], &[]], [&[(1, 7)], &[(9, 7)]], &[]);
    }

    #[test]
    fn nothing_in_common_is_not_read() {
        check((&[ours(1, 100, NOON)], &[theirs(10, 99, NOON + 9)]), &[], [&[], &[]], [&[], &[]], &[]);
    }

    #[test]
    fn another_size_of_one_date_or_another_date_of_one_size_is_decided_by_the_body() {
        let ours = [ours(1, 100, NOON), ours(2, 200, NOON + 5)];
        let there = [theirs(10, 140, NOON), theirs(11, 200, NOON + 99)];
        let doubt: [&[u32]; 2] = [&[1, 2], &[10, 11]];
        check((&ours, &there), &[], doubt, [&[(1, 7), (2, 8)], &[(10, 7), (11, 8)]], &[(1, 10), (2, 11)]);
        check((&ours, &there), &[], doubt, [&[(1, 7), (2, 8)], &[(10, 6), (11, 5)]], &[]);
        // What is gone by now has no body.
        check((&ours, &there), &[], doubt, [&[(2, 8)], &[(10, 7), (11, 8)]], &[(2, 11)]);
        // The body alone, with another date and another size, is somebody else's.
        check((&ours[..1], &there[1..]), &[], [&[], &[]], [&[(1, 7)], &[(11, 7)]], &[]);
    }

    #[test]
    fn several_of_one_date_are_decided_by_their_bodies() {
        let ours = [ours(1, 100, NOON), ours(2, 120, NOON), ours(3, 120, NOON)];
        // The second one's copy has grown: by its size it could be anybody's.
        let there = [theirs(10, 120, NOON), theirs(11, 140, NOON)];
        let doubt: [&[u32]; 2] = [&[1, 2, 3], &[10, 11]];
        let bodies: [&[(u32, u8)]; 2] = [&[(1, 1), (2, 2), (3, 3)], &[(10, 1), (11, 2)]];
        check((&ours, &there), &[], doubt, bodies, &[(1, 10), (2, 11)]);
    }

    #[test]
    fn of_several_equal_ones_none_is_lost() {
        let ours = [ours(1, 100, NOON), ours(2, 100, NOON)];
        let bodies: [&[(u32, u8)]; 2] = [&[(1, 1), (2, 1)], &[(10, 1), (11, 1)]];
        let both = [theirs(10, 130, NOON), theirs(11, 130, NOON)];
        check((&ours, &both), &[], [&[1, 2], &[10, 11]], bodies, &[(1, 10), (2, 11)]);
        // Whose it is nobody can tell.
        check((&ours, &both[..1]), &[], [&[1, 2], &[10]], bodies, &[]);
    }

    #[test]
    fn what_is_gone_from_the_source_may_have_been_the_one() {
        let gone = Ours { is_there: false, ..ours(1, 100, NOON) };
        let ours = [gone, ours(2, 100, NOON)];
        let there = [theirs(10, 100, NOON)];
        check((&ours, &there), &[], [&[2], &[10]], [&[(2, 2)], &[(10, 1)]], &[]);
        check((&ours, &there), &[], [&[2], &[10]], [&[(2, 2)], &[(10, 2)]], &[(2, 10)]);
    }

    #[test]
    fn without_dates_all_bodies_above_are_compared() {
        let ours = [Ours { date: None, ..ours(1, 100, 0) }];
        let there = [theirs(9, 100, NOON), theirs(10, 130, NOON)];
        check((&ours, &there), &[], [&[1], &[10]], [&[(1, 1)], &[(9, 1), (10, 1)]], &[(1, 10)]);
    }
}
