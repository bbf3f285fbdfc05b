//! The planner: decisions as tables of a folder's course.

use super::*;

fn candidate(uid: u32, key: u8, size: u64, digest: Option<u8>) -> Candidate {
    let identity = Identity { key: Key([key; 16]), message_id: 0 };
    Candidate { uid, size, identity, digest: digest.map(|digest| Digest([digest; 16])) }
}

fn planner(pairs: &[(u32, u32)]) -> Planner {
    let pair = |(source, destination): &(u32, u32)| Pair {
        source: *source,
        destination: *destination,
        how: How::Key,
    };
    Planner::new(PlanRules::default(), &pairs.iter().map(pair).collect::<Vec<_>>())
}

fn need(uids: &[u32]) -> Decision {
    Decision::NeedDigests(uids.to_vec())
}

#[test]
fn only_messages_of_one_key_and_size_are_suspected() {
    let mut planner = planner(&[]);
    assert_eq!(planner.decide(candidate(1, b'a', 10, None)), Decision::Copy);
    assert_eq!(planner.decide(candidate(2, b'a', 11, None)), Decision::Copy);
    assert_eq!(planner.decide(candidate(3, b'b', 10, None)), Decision::Copy);
    assert_eq!(planner.decide(candidate(4, b'a', 10, None)), need(&[1, 4]));
    planner.learn_digest(1, Digest([1; 16]));
    assert_eq!(planner.decide(candidate(4, b'a', 10, Some(2))), Decision::Copy);
    // Two of one kind by now: one digest decides.
    assert_eq!(planner.decide(candidate(5, b'a', 10, None)), need(&[5]));
    assert_eq!(planner.decide(candidate(5, b'a', 10, Some(2))), Decision::Duplicate { of: 4 });
    assert_eq!(planner.decide(candidate(6, b'a', 10, Some(1))), Decision::Duplicate { of: 1 });
    assert_eq!(planner.decide(candidate(7, b'a', 10, Some(3))), Decision::Copy);
    assert_eq!(planner.decide(candidate(8, b'a', 10, Some(3))), Decision::Duplicate { of: 7 });
}

#[test]
fn what_is_there_has_duplicates_too() {
    let mut planner = planner(&[(2, 20), (3, 30)]);
    assert_eq!(planner.decide(candidate(1, b'a', 10, None)), Decision::Copy);
    let present = |destination| Decision::Present { destination, how: How::Key };
    assert_eq!(planner.decide(candidate(2, b'b', 10, None)), present(20));
    assert_eq!(planner.decide(candidate(3, b'b', 10, None)), present(30));
    assert_eq!(planner.decide(candidate(4, b'b', 10, Some(1))), need(&[2, 3]));
    planner.learn_digest(2, Digest([9; 16]));
    planner.learn_digest(3, Digest([1; 16]));
    assert_eq!(planner.decide(candidate(4, b'b', 10, None)), Decision::Duplicate { of: 3 });
}

#[test]
fn a_failed_message_is_no_original() {
    let mut planner = planner(&[]);
    for (uid, digest) in [(1, 7), (2, 7), (3, 7), (4, 8)] {
        planner.decide(candidate(uid, b'a', 10, Some(digest)));
    }
    planner.forget(1);
    assert_eq!(planner.decide(candidate(2, b'a', 10, None)), Decision::Copy);
    assert_eq!(planner.decide(candidate(3, b'a', 10, None)), Decision::Duplicate { of: 2 });
    planner.forget(2);
    assert_eq!(planner.decide(candidate(3, b'a', 10, None)), Decision::Copy);
    assert_eq!(planner.decide(candidate(5, b'a', 10, Some(8))), Decision::Duplicate { of: 4 });
    assert_eq!(planner.decide(candidate(6, b'a', 10, Some(7))), Decision::Duplicate { of: 3 });
    // It succeeds after all.
    planner.forget(4);
    assert_eq!(planner.decide(candidate(4, b'a', 10, None)), Decision::Copy);
    assert_eq!(planner.decide(candidate(5, b'a', 10, None)), Decision::Duplicate { of: 4 });

    // One that cannot be digested any more.
    let mut planner = self::planner(&[]);
    planner.decide(candidate(1, b'a', 10, None));
    assert_eq!(planner.decide(candidate(2, b'a', 10, Some(1))), need(&[1]));
    assert_eq!(planner.decide(candidate(2, b'a', 10, Some(1))), need(&[1]));
    planner.forget(1);
    assert_eq!(planner.decide(candidate(2, b'a', 10, Some(1))), Decision::Copy);
    assert_eq!(planner.decide(candidate(3, b'a', 10, Some(1))), Decision::Duplicate { of: 2 });
}

#[test]
fn rules() {
    let rules = PlanRules { append_limit: Some(10), ..PlanRules::default() };
    assert_eq!(rules.skip(10), None);
    let pair = Pair { source: 3, destination: 30, how: How::Adopted };
    let mut planner = Planner::new(rules, &[pair]);
    assert_eq!(planner.decide(candidate(1, b'a', 10, None)), Decision::Copy);
    let reason = SkipReason::TooLargeForServer { limit: 10 };
    assert_eq!(planner.decide(candidate(2, b'b', 11, None)), Decision::Skip(reason));
    // What is there is there, however large, and what is left out has no duplicates.
    let present = Decision::Present { destination: 30, how: How::Adopted };
    assert_eq!(planner.decide(candidate(3, b'c', 11, None)), present);
    assert_eq!(planner.decide(candidate(4, b'b', 11, None)), Decision::Skip(reason));

    let mut planner = Planner::new(PlanRules { sync_duplicates: true, ..PlanRules::default() }, &[pair]);
    for uid in [1, 2] {
        assert_eq!(planner.decide(candidate(uid, b'a', 10, Some(1))), Decision::Copy);
    }
    assert_eq!(planner.decide(candidate(3, b'a', 10, Some(1))), present);
}

#[test]
fn many_of_one_kind_take_linear_time() {
    const MANY: u32 = 50_000;
    let pairs: Vec<(u32, u32)> = (1..=MANY).map(|uid| (uid, uid)).collect();
    let digest = |uid: u32| Digest(*blake3::hash(&uid.to_le_bytes()).as_bytes().first_chunk().unwrap());
    let mut planner = planner(&pairs);
    let mut needed = 0;
    // All are asked about before any is read.
    for uid in 1..=2 * MANY {
        if let Decision::NeedDigests(uids) = planner.decide(candidate(uid, b'a', 10, None)) {
            needed += uids.len();
        }
    }
    assert_eq!(needed, 2 * MANY as usize);
    for uid in 1..=2 * MANY {
        planner.learn_digest(uid, digest(uid));
    }
    for uid in MANY + 1..=2 * MANY {
        assert_eq!(planner.decide(candidate(uid, b'a', 10, None)), Decision::Copy);
    }
}
