//! Decisions: the folder map, the matching of two listings, and the plan.

mod counted;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use imapsync_core::folder::{Folder, Layout, MappingRules, Selection, map};
use imapsync_core::imap::name::MailboxName;
use imapsync_core::message::{Identity, IdentityRules};
use imapsync_core::plan::{Answers, Candidate, Decision, Listed, PlanRules, Planner, match_folder};
use imapsync_core::substitution::Substitution;
use std::hint::black_box;
use std::time::Duration;

const MESSAGES: u32 = 100_000;

fn identity(n: u32) -> Identity {
    IdentityRules::default().from_message(format!("Message-Id: <{n}@example.org>\r\n\r\n").as_bytes())
}

/// Messages `from..to`; each tenth has grown on the way where `grown`.
fn listing(from: u32, to: u32, grown: bool) -> Vec<Listed> {
    let size = |n: u32| u64::from(n * 37 % 90_000 + u32::from(grown && n.is_multiple_of(10)));
    (from..to).map(|n| Listed { uid: n, size: size(n), identity: identity(n), flags: 0 }).collect()
}

fn folders(criterion: &mut Criterion) {
    let source: Vec<Folder> = (0..1_000)
        .map(|n| {
            let text = format!("Projets/Été {}/Thème {n}/Reçus", n / 50);
            Folder::from_list(MailboxName::from_text(&text), Some(b'/'), &[])
        })
        .collect();
    let destination: Vec<Folder> = (0..500)
        .map(|n| {
            let text = format!("INBOX.Projets.Été {}.Thème {n}.Reçus", n / 50);
            Folder::from_list(MailboxName::from_text(&text), Some(b'.'), &[])
        })
        .collect();
    let layout1 = Layout { prefix: Vec::new(), separator: b'/' };
    let layout2 = Layout { prefix: b"INBOX.".to_vec(), separator: b'.' };
    let chosen = Selection::default().select(&source, &layout1).expect("nothing is asked for by name");
    let edits =
        ["s/Thème (\\d+)/Sujet $1/", "tr/é/e/"].map(|edit| Substitution::parse(edit).expect("it is good"));
    let edited = MappingRules { regextrans2: edits.to_vec(), ..MappingRules::default() };

    let mut group = criterion.benchmark_group("folder map");
    group.throughput(Throughput::Elements(1_000));
    for (name, rules) in [("1,000 folders", MappingRules::default()), ("1,000 folders, edited", edited)] {
        counted::bench(&mut group, name, 1_000, || {
            map(&source, &chosen, &layout1, black_box(&destination), &layout2, &rules)
        });
    }
    group.finish();
}

fn messages(criterion: &mut Criterion) {
    let rules = PlanRules::default();
    let source = listing(1, MESSAGES + 1, false);
    let mut group = criterion.benchmark_group("plan");
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    let half = listing(1, MESSAGES / 2, false);
    for (name, destination) in [
        ("the same", source.clone()),
        ("sizes changed", listing(1, MESSAGES + 1, true)),
        ("half of them", half),
    ] {
        let matching = match_folder(&source, &destination, &rules, &Answers::default());
        assert_eq!((matching.pairs.len(), matching.questions.is_empty()), (destination.len(), true));
        counted::bench(&mut group, &format!("matching, {name}"), u64::from(MESSAGES), || {
            match_folder(&source, black_box(&destination), &rules, &Answers::default())
        });
    }
    let pairs = match_folder(&source, &source, &rules, &Answers::default()).pairs;
    for (name, pairs) in [("all there", &pairs[..]), ("none there", &[])] {
        let decide = |mut planner: Planner| {
            for Listed { uid, size, identity, .. } in source.iter().copied() {
                let decision = planner.decide(Candidate { uid, size, identity, digest: None });
                assert!(matches!(black_box(decision), Decision::Copy | Decision::Present { .. }));
            }
            planner
        };
        let planner = Planner::new(rules.clone(), pairs);
        counted::allocations(&format!("decisions, {name}"), u64::from(MESSAGES), || decide(planner));
        group.bench_function(format!("decisions, {name}"), |b| {
            b.iter_batched(|| Planner::new(rules.clone(), pairs), decide, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group! {
    name = all;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3)).sample_size(20);
    targets = folders, messages
}
criterion_main!(all);
