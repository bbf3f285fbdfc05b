//! Matching: a table of groups, adoption, and the multiset by brute force.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn listed(uid: u32, key: u8, size: u64) -> Listed {
    Listed { uid, size, identity: Identity { key: Key([key; 16]), message_id: 0 }, flags: 0 }
}

/// `1:a10=x 2:a10`: UID, key, size, and the content that a digest shows.
fn folder(text: &str) -> (Vec<Listed>, BTreeMap<u32, u8>) {
    let mut contents = BTreeMap::new();
    let message = |word: &str| {
        let (uid, rest) = word.split_once(':').unwrap();
        let (size, content) = rest[1..].split_once('=').unwrap_or((&rest[1..], ""));
        let uid = uid.parse().unwrap();
        if let [content] = content.as_bytes() {
            contents.insert(uid, *content);
        }
        listed(uid, rest.as_bytes()[0], size.parse().unwrap())
    };
    (text.split_whitespace().map(message).collect(), contents)
}

/// `1-7k`: source, destination, and the first letter of how.
fn show(matching: &Matching) -> String {
    let pair = |pair: &Pair| {
        let how = match pair.how {
            How::Key => 'k',
            How::KeyOtherSize => 'o',
            How::Digest => 'd',
            How::Adopted => 'a',
            How::Remembered => 'r',
        };
        format!("{}-{}{how}", pair.source, pair.destination)
    };
    matching.pairs.iter().map(pair).collect::<Vec<_>>().join(" ")
}

#[test]
fn groups() {
    // source, destination, whether messages are read, pairs, left on the source, left on the destination
    type Row = (&'static str, &'static str, bool, &'static str, &'static [u32], &'static [u32]);
    let table: &[Row] = &[
        ("", "", false, "", &[], &[]),
        ("1:a10", "", false, "", &[1], &[]),
        ("", "7:a10", false, "", &[], &[7]),
        ("1:a10 2:b20", "7:b20 8:a10", false, "1-8k 2-7k", &[], &[]),
        ("1:a10", "7:a11", false, "1-7o", &[], &[]),
        ("2:a10 1:b10", "7:c10 8:a10", false, "2-8k", &[1], &[7]),
        // As many of each size: nothing to ask.
        ("1:a10 2:a10 3:a20", "7:a20 8:a10 9:a10", false, "1-8k 2-9k 3-7k", &[], &[]),
        ("1:a10", "7:a20 8:a10 9:a10", false, "1-8k", &[], &[7, 9]),
        // A true duplicate, copied once: the lower UID has the copy.
        ("1:a10=x 2:a10=x", "7:a10=x", true, "1-7d", &[2], &[]),
        // The stored copy is that of the second message.
        ("1:a10=x 2:a10=y", "7:a10=y", true, "2-7d", &[1], &[]),
        ("1:a10=x 2:a20=y", "7:a20=y", true, "2-7d", &[1], &[]),
        ("1:a10=x 2:a20=y", "7:a10=y", true, "2-7d", &[1], &[]),
        // The second copy of the second message is not the copy of the first.
        ("1:a10=x 2:a20=y", "7:a20=y 8:a20=y", true, "2-7d", &[1], &[8]),
        // A server that rewrites messages: sizes, then order.
        ("1:a10=x 2:a20=y 3:a30=z", "7:a20=p 8:a35=q", true, "1-8o 2-7k", &[3], &[]),
        ("1:a10=x 2:a20=y", "7:a25=p 8:a15=q", true, "1-7o 2-8o", &[], &[]),
        // Duplicates come last where copies are short.
        ("1:a10=x 2:a10=x 3:a20=y", "7:a12=p 8:a22=q", true, "1-7o 3-8o", &[2], &[]),
        ("1:a10=x 2:a10=x 3:a20=y", "7:a12=p 8:a13=q 9:a22=r", true, "1-7o 2-8o 3-9o", &[], &[]),
        // One that cannot be read.
        ("1:a10 2:a20=y", "7:a20=y", true, "2-7d", &[1], &[]),
        ("1:a10 2:a20", "7:a20", true, "2-7k", &[1], &[]),
        ("1:a10 2:a20", "7:a21", true, "1-7o", &[2], &[]),
        ("1:a10=x 2:a20=y", "7:a10", true, "1-7k", &[2], &[]),
    ];
    for (source, destination, read, pairs, left, destination_left) in table {
        let ((source, ours), (destination, theirs)) = (folder(source), folder(destination));
        let first = match_folder(&source, &destination, &PlanRules::default(), &Answers::default());
        assert_eq!(!first.questions.is_empty(), *read, "{source:?} {destination:?}");
        if *read {
            let uids = |listing: &[Listed]| listing.iter().map(|message| message.uid).collect::<Vec<_>>();
            assert_eq!(first.questions.digests_source, uids(&source));
            assert_eq!(first.questions.digests_destination, uids(&destination));
        }
        let mut answers = Answers::default();
        for (side, contents) in [(Side::Source, ours), (Side::Destination, theirs)] {
            for (uid, content) in contents {
                answers.learn_digest(side, uid, Digest([content; 16]));
            }
        }
        let found = match_folder(&source, &destination, &PlanRules::default(), &answers);
        assert_eq!(show(&found), *pairs, "{source:?} {destination:?}");
        assert_eq!((&found.source_left[..], &found.destination_left[..]), (*left, *destination_left));
    }
}

fn with_id(uid: u32, key: u8, message_id: u64) -> Listed {
    Listed { uid, size: 10, identity: Identity { key: Key([key; 16]), message_id }, flags: 0 }
}

#[test]
fn adoption() {
    let source = [with_id(1, b'a', 5), with_id(2, b'b', 6), with_id(3, b'c', 0), with_id(4, b'd', 8)];
    let destination = [with_id(7, b'A', 5), with_id(8, b'b', 6), with_id(9, b'C', 0)];
    let first = match_folder(&source, &destination, &PlanRules::default(), &Answers::default());
    assert_eq!(
        (first.questions.rewrite_source.as_slice(), first.questions.rewrite_destination.as_slice()),
        (&[1][..], &[7][..])
    );
    assert!(first.questions.digests_source.is_empty());

    let answer = |ours: Option<u8>, theirs: Option<u8>| {
        let mut answers = Answers::default();
        answers.learn_rewrite(Side::Source, 1, ours.map(|key| [key; 16]));
        answers.learn_rewrite(Side::Destination, 7, theirs.map(|key| [key; 16]));
        let found = match_folder(&source, &destination, &PlanRules::default(), &answers);
        assert!(found.questions.is_empty());
        (show(&found), found.source_left, found.destination_left)
    };
    assert_eq!(answer(Some(1), Some(1)), ("1-7a 2-8k".to_owned(), vec![3, 4], vec![9]));
    for (ours, theirs) in [(Some(1), Some(2)), (None, None), (Some(1), None)] {
        assert_eq!(answer(ours, theirs), ("2-8k".to_owned(), vec![1, 3, 4], vec![7, 9]));
    }
}

#[test]
fn only_a_unique_message_id_is_adopted() {
    // The Message-Ids 5 of: what is left on both sides, and what has its copy.
    let cases = [
        (vec![with_id(1, b'a', 5), with_id(2, b'b', 5)], vec![with_id(7, b'A', 5)]),
        (vec![with_id(1, b'a', 5)], vec![with_id(7, b'A', 5), with_id(8, b'B', 5)]),
        (vec![with_id(1, b'a', 5), with_id(2, b'b', 5)], vec![with_id(7, b'A', 5), with_id(8, b'b', 5)]),
        (vec![with_id(1, b'a', 5), with_id(2, b'b', 5)], vec![with_id(7, b'A', 5), with_id(8, b'b', 6)]),
        (vec![with_id(1, b'a', 5), with_id(2, b'b', 6)], vec![with_id(7, b'A', 5), with_id(8, b'b', 5)]),
        (vec![with_id(1, b'a', 0)], vec![with_id(7, b'A', 0)]),
    ];
    for (source, destination) in cases {
        let found = match_folder(&source, &destination, &PlanRules::default(), &Answers::default());
        assert!(found.questions.is_empty(), "{source:?} {destination:?}");
        assert_eq!(found.source_left.len() + found.pairs.len(), source.len());
    }
}

/// The largest number of pairs of equal size in a group, by trying all.
fn most_of_equal_size(source: &[u64], destination: &[u64]) -> usize {
    let Some((our, source)) = source.split_first() else { return 0 };
    let without = most_of_equal_size(source, destination);
    let Some(at) = destination.iter().position(|their| their == our) else { return without };
    let mut rest = destination.to_vec();
    rest.remove(at);
    without.max(1 + most_of_equal_size(source, &rest))
}

proptest! {
    #[test]
    fn a_multiset_for_each_key(source in prop::collection::vec((0..3_u8, 1..4_u64), 0..12),
                               destination in prop::collection::vec((0..3_u8, 1..4_u64), 0..12)) {
        let listing = |messages: &[(u8, u64)], uid: u32| -> Vec<Listed> {
            messages.iter().zip(uid..).map(|((key, size), uid)| listed(uid, *key, *size)).collect()
        };
        let (ours, theirs) = (listing(&source, 1), listing(&destination, 101));
        let found = match_folder(&ours, &theirs, &PlanRules::default(), &Answers::default());
        for key in 0..3_u8 {
            let sizes = |messages: &[(u8, u64)]| -> Vec<u64> {
                messages.iter().filter(|message| message.0 == key).map(|message| message.1).collect()
            };
            let (s, d) = (sizes(&source), sizes(&destination));
            let size = |listing: &[Listed], uid| listing.iter().find(|m| m.uid == uid && m.identity.key.0[0] == key).map(|m| m.size);
            let pairs: Vec<_> = found.pairs.iter().filter_map(|pair| Some((size(&ours, pair.source)?, size(&theirs, pair.destination)?))).collect();
            // As many as there can be, and as many of equal size as there can be.
            prop_assert_eq!(pairs.len(), s.len().min(d.len()));
            let equal = pairs.iter().filter(|(our, their)| our == their).count();
            prop_assert_eq!(equal, most_of_equal_size(&s, &d));
            let asked = found.questions.digests_source.iter().filter(|uid| size(&ours, **uid).is_some()).count();
            let plain = equal == s.len() || d.is_empty() || s.len() == 1 && d.len() == 1;
            prop_assert_eq!(asked, if plain { 0 } else { s.len() });
        }
        // Each message once.
        let mut all: Vec<u32> = found.pairs.iter().flat_map(|pair| [pair.source, pair.destination]).collect();
        all.extend(found.source_left.iter().chain(&found.destination_left));
        all.sort_unstable();
        let expected: Vec<u32> = ours.iter().chain(&theirs).map(|message| message.uid).collect();
        prop_assert_eq!(all, expected);
    }
}

/// `cargo test -- --ignored --nocapture million`. When written: both listings take 80 MB, matching 45 MB more, and
/// planning 32 MB more.
#[test]
#[ignore = "a measurement"]
fn a_million_messages() {
    let listing = |first: u32, step: u64| -> Vec<Listed> {
        let message = |n: u64| {
            let key = Key(*blake3::hash(&n.to_le_bytes()).as_bytes().first_chunk().unwrap());
            let identity = Identity { key, message_id: n + 1 };
            Listed { uid: first + n as u32, size: 1000 + n % 7, identity, flags: 0 }
        };
        (0..1_000_000).map(|n| message(n * step)).collect()
    };
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("no VmHWM here").to_owned()
    };
    let (source, destination) = (listing(1, 1), listing(1, 2));
    let (before, start) = (peak(), std::time::Instant::now());
    let found = match_folder(&source, &destination, &PlanRules::default(), &Answers::default());
    println!("matching: {:?}, {before} before, {} after", start.elapsed(), peak());
    assert_eq!((found.pairs.len(), found.source_left.len()), (500_000, 500_000));

    let start = std::time::Instant::now();
    let mut planner = crate::plan::Planner::new(crate::plan::PlanRules::default(), &found.pairs);
    let mut copies = 0;
    for Listed { uid, size, identity, .. } in source {
        let decision = planner.decide(crate::plan::Candidate { uid, size, identity, digest: None });
        copies += u32::from(decision == crate::plan::Decision::Copy);
    }
    println!("planning: {:?}, {}", start.elapsed(), peak());
    assert_eq!(copies, 500_000);
}

#[test]
fn several_of_one_size_are_read_where_it_matters() {
    let flagged = |uid, flags| Listed { flags, ..listed(uid, 1, 10) };
    let mirror = PlanRules { delete2: true, ..PlanRules::default() };
    let usual = PlanRules::default();
    // flags here, flags there, rules, whether they are read
    let table: [(&[u64], &[u64], &PlanRules, bool); 7] = [
        (&[7, 8], &[7, 8], &usual, false),
        (&[7, 8], &[8, 7], &usual, true),
        (&[7, 7], &[7, 7], &mirror, false),
        (&[7], &[7], &mirror, false),
        (&[7], &[8], &usual, false),
        (&[7], &[7, 7], &usual, false),
        (&[7], &[7, 7], &mirror, true),
    ];
    for (here, there, rules, read) in table {
        let side = |flags: &[u64]| -> Vec<Listed> {
            flags.iter().zip(1..).map(|(flags, uid)| flagged(uid, *flags)).collect()
        };
        let matching = match_folder(&side(here), &side(there), rules, &Answers::default());
        assert_eq!(!matching.questions.is_empty(), read, "{here:?} {there:?} {rules:?}");
        assert_eq!(!matching.doubtful.is_empty(), read);
    }
}

#[test]
fn equals_keep_their_flags() {
    let flagged = |uid, flags| Listed { flags, ..listed(uid, 1, 10) };
    let (here, there) = ([flagged(1, 7), flagged(2, 8)], [flagged(4, 8), flagged(5, 7)]);
    let mut answers = Answers::default();
    for (side, uids) in [(Side::Source, [1, 2]), (Side::Destination, [4, 5])] {
        uids.into_iter().for_each(|uid| answers.learn_digest(side, uid, Digest([1; 16])));
    }
    let rules = PlanRules { sync_duplicates: true, ..PlanRules::default() };
    let matching = match_folder(&here, &there, &rules, &answers);
    let pairs: Vec<_> = matching.pairs.iter().map(|pair| (pair.source, pair.destination)).collect();
    assert_eq!(pairs, [(1, 5), (2, 4)]);
}
