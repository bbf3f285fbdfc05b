//! Plans carried out on a model of two folders: nothing is lost, nothing is doubled, and a second plan is empty.

use super::*;
use crate::error::Side;
use crate::message::{Digest, Identity, Key};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A message of the model. `content` is the truth that the plan does not see: two messages are the same if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Message {
    uid: u32,
    content: Content,
    /// How often servers have rewritten it.
    rewritten: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Content {
    key: u8,
    size: u8,
    text: u8,
}

impl Message {
    fn size(&self) -> u64 {
        u64::from(self.content.size) + 100 * u64::from(self.rewritten)
    }

    fn digest(&self) -> Digest {
        let Content { key, size, text } = self.content;
        let mut digest = [0; 16];
        digest[..4].copy_from_slice(&[key, size, text, self.rewritten]);
        Digest(digest)
    }

    fn listed(&self) -> Listed {
        let identity = Identity { key: Key([self.content.key; 16]), message_id: 0 };
        Listed { uid: self.uid, size: self.size(), identity, flags: 0 }
    }
}

#[derive(Debug, Clone, Default)]
struct Model {
    source: Vec<Message>,
    destination: Vec<Message>,
    sync_duplicates: bool,
    /// The destination stores other bytes than it is given.
    rewrites: bool,
    /// It takes no message with this content.
    refuses: Option<Content>,
    /// The source messages of the last run whose content it has.
    safe: BTreeSet<u32>,
}

impl Model {
    fn rules(&self) -> PlanRules {
        PlanRules { sync_duplicates: self.sync_duplicates, ..PlanRules::default() }
    }

    /// Answers every question of the matching.
    fn pairs(&self) -> Vec<Pair> {
        let listing = |messages: &[Message]| messages.iter().map(Message::listed).collect::<Vec<_>>();
        let (source, destination) = (listing(&self.source), listing(&self.destination));
        let mut answers = Answers::default();
        for _ in 0..3 {
            let matching = match_folder(&source, &destination, &self.rules(), &answers);
            let questions = matching.questions;
            if questions.is_empty() {
                return matching.pairs;
            }
            for (side, messages, uids) in [
                (Side::Source, &self.source, questions.digests_source),
                (Side::Destination, &self.destination, questions.digests_destination),
            ] {
                for message in messages.iter().filter(|message| uids.contains(&message.uid)) {
                    answers.learn_digest(side, message.uid, message.digest());
                }
            }
        }
        panic!("the matching never ends");
    }

    /// Runs until the first `copies` messages are copied; gives how many were.
    fn run(&mut self, copies: usize) -> usize {
        let mut planner = Planner::new(self.rules(), &self.pairs());
        let mut copied = 0;
        self.safe.clear();
        let source = self.source.clone();
        for message in &source {
            if copied == copies {
                break;
            }
            let Listed { uid, size, identity, .. } = message.listed();
            let mut candidate = Candidate { uid, size, identity, digest: None };
            let mut decision = planner.decide(candidate);
            if let Decision::NeedDigests(uids) = &decision {
                for message in source.iter().filter(|message| uids.contains(&message.uid)) {
                    planner.learn_digest(message.uid, message.digest());
                }
                candidate.digest = Some(message.digest());
                decision = planner.decide(candidate);
            }
            match decision {
                Decision::Copy if self.refuses == Some(message.content) => planner.forget(uid),
                Decision::Copy => {
                    self.safe.insert(uid);
                    let uid = self.destination.last().map_or(1001, |last| last.uid + 1);
                    let rewritten = u8::from(self.rewrites);
                    self.destination.push(Message { uid, content: message.content, rewritten });
                    copied += 1;
                }
                Decision::Present { destination, .. } => {
                    assert!(self.destination.iter().any(|there| there.uid == destination));
                    self.safe.insert(uid);
                }
                Decision::Duplicate { of } => {
                    let first = source.iter().find(|first| first.uid == of).unwrap();
                    assert_eq!(first.content, message.content);
                    assert!(of < uid && self.safe.contains(&of));
                    self.safe.insert(uid);
                }
                Decision::NeedDigests(_) | Decision::Skip(_) => panic!("{decision:?}"),
            }
        }
        copied
    }

    /// Deletes as `--delete1` does, and is killed after so many.
    fn delete1(&mut self, deletes: usize) {
        let listing = self.source.iter().map(|message| deletes::SourceMessage {
            uid: message.uid,
            key: Some(message.listed().identity.key),
            safe: self.safe.contains(&message.uid),
            marked: false,
        });
        let gone: Vec<u32> = deletes::delete1(listing).into_iter().take(deletes).collect();
        self.source.retain(|message| !gone.contains(&message.uid));
    }

    /// How often each content is in the folder.
    fn count(messages: &[Message]) -> BTreeMap<Content, usize> {
        let mut count = BTreeMap::new();
        for message in messages {
            *count.entry(message.content).or_default() += 1;
        }
        count
    }

    /// What the destination must hold in the end, where it began with `before`: all of the source, and nothing twice that
    /// was not.
    fn expected(&self, before: &[Message]) -> BTreeMap<Content, usize> {
        let mut expected = Self::count(before);
        for (content, count) in Self::count(&self.source) {
            let wanted = if self.sync_duplicates { count } else { 1 };
            let there = expected.entry(content).or_default();
            *there = (*there).max(wanted);
        }
        expected
    }
}

fn contents() -> impl Strategy<Value = Vec<Content>> {
    let content = (0..3_u8, 1..3_u8, 0..3_u8).prop_map(|(key, size, text)| Content { key, size, text });
    prop::collection::vec(content, 0..14)
}

fn messages(contents: &[Content]) -> Vec<Message> {
    contents.iter().zip(1..).map(|(content, uid)| Message { uid, content: *content, rewritten: 0 }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// The destination may hold copies of any of the messages, made in any order by any tool, at most one of each, and
    /// others that have nothing to do with them.
    #[test]
    fn every_plan_is_carried_out_once(source in contents(), others in contents(), sync_duplicates in any::<bool>(),
                                      shuffled in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
                                      kills in prop::collection::vec(0..5_usize, 0..5)) {
        let source = messages(&source);
        let mut destination: Vec<Message> = Vec::new();
        let mut free = source.clone();
        for index in shuffled {
            if !free.is_empty() {
                let message = free.remove(index.index(free.len()));
                // Without --syncduplicates one copy of each is what a tool like ours leaves.
                if sync_duplicates || !destination.iter().any(|there| there.content == message.content) {
                    destination.push(message);
                }
            }
        }
        let others = others.iter().map(|content| Message { content: Content { key: content.key + 100, ..*content }, uid: 0, rewritten: 0 });
        destination.extend(others);
        for (message, uid) in destination.iter_mut().zip(501..) {
            message.uid = uid;
        }
        let mut model = Model { source, destination: destination.clone(), sync_duplicates, ..Model::default() };
        let expected = model.expected(&destination);
        for copies in kills {
            model.run(copies);
            let now = Model::count(&model.destination);
            prop_assert!(now.iter().all(|(content, count)| *count <= expected[content]), "doubled");
        }
        model.run(usize::MAX);
        prop_assert_eq!(Model::count(&model.destination), expected);
        prop_assert_eq!(model.run(usize::MAX), 0);
    }

    /// A server that rewrites what it stores: what our own runs have copied, killed wherever it may be, is known again.
    #[test]
    fn a_rewriting_server_gets_everything_once(source in contents(), sync_duplicates in any::<bool>(),
                                               kills in prop::collection::vec(0..5_usize, 0..5)) {
        let mut model = Model { source: messages(&source), sync_duplicates, rewrites: true, ..Model::default() };
        let expected = model.expected(&[]);
        for copies in kills {
            model.run(copies);
        }
        model.run(usize::MAX);
        prop_assert_eq!(Model::count(&model.destination), expected);
        prop_assert_eq!(model.run(usize::MAX), 0);
    }

    /// `--delete1`, killed anywhere, and one content that is refused each time: it stays on the source.
    #[test]
    fn deleting_loses_nothing(source in contents(), sync_duplicates in any::<bool>(), refused in any::<prop::sample::Index>(),
                              kills in prop::collection::vec((0..5_usize, 0..5_usize), 0..6)) {
        let source = messages(&source);
        let refuses = (!source.is_empty()).then(|| refused.get(&source).content);
        let mut model = Model { source: source.clone(), sync_duplicates, refuses, ..Model::default() };
        let mut expected = model.expected(&[]);
        refuses.map(|refuses| expected.remove(&refuses));
        for (copies, deletes) in kills.into_iter().chain([(usize::MAX, usize::MAX)]) {
            model.run(copies);
            model.delete1(deletes);
        }
        prop_assert_eq!(Model::count(&model.destination), expected);
        let left = Model::count(&model.source);
        prop_assert_eq!(refuses.and_then(|refuses| left.get(&refuses).copied()), refuses.and_then(|refuses| Model::count(&source).get(&refuses).copied()));
        // And with it only what shares its key.
        prop_assert!(left.keys().all(|content| Some(content.key) == refuses.map(|refuses| refuses.key)));
    }
}
