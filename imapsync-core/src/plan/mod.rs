//! Two listings and the rules in, one decision per message out.
#![allow(missing_docs)]
use crate::message::*;
use crate::{Error, Side};
use std::collections::{HashMap, HashSet};
pub mod deletes;
#[derive(Debug, Clone, Copy, PartialEq, Eq)] pub enum How { Key, KeyOtherSize, Digest, Adopted }
#[derive(Debug, Clone, Copy, PartialEq, Eq)] pub struct Pair { pub source: u32, pub destination: u32, pub how: How }
#[derive(Debug, Clone, Copy)] pub struct Listed { pub uid: u32, pub size: u64, pub identity: Identity }
#[derive(Debug, Default)] pub struct Answers { digests: HashMap<(Side, u32), Digest>, rewrites: HashMap<(Side, u32), Option<[u8; 16]>> }
impl Answers {
    pub fn learn_digest(&mut self, s: Side, u: u32, d: Digest) { self.digests.insert((s, u), d); }
    pub fn learn_rewrite(&mut self, s: Side, u: u32, d: Option<[u8; 16]>) { self.rewrites.insert((s, u), d); }
}
#[derive(Debug, Default)] pub struct Questions { pub digests_source: Vec<u32>, pub digests_destination: Vec<u32>, pub rewrite_source: Vec<u32>, pub rewrite_destination: Vec<u32> }
impl Questions { pub fn is_empty(&self) -> bool { self.digests_source.is_empty() && self.digests_destination.is_empty() && self.rewrite_source.is_empty() && self.rewrite_destination.is_empty() } }
#[derive(Debug, Default)] pub struct Matching { pub pairs: Vec<Pair>, pub questions: Questions }
pub fn match_folder(source: &[Listed], destination: &[Listed], answers: &Answers) -> Matching {
    let mut m = Matching::default();
    let mut groups: HashMap<Key, (Vec<&Listed>, Vec<&Listed>)> = HashMap::new();
    for l in source { groups.entry(l.identity.key).or_default().0.push(l); }
    for l in destination { groups.entry(l.identity.key).or_default().1.push(l); }
    let (mut left_s, mut left_d): (Vec<&Listed>, Vec<&Listed>) = (Vec::new(), Vec::new());
    for (_, (mut s, mut d)) in groups {
        s.sort_by_key(|l| l.uid); d.sort_by_key(|l| l.uid);
        if s.len() > d.len() && !d.is_empty() {
            for l in &s { if !answers.digests.contains_key(&(Side::Source, l.uid)) { m.questions.digests_source.push(l.uid); } }
            for l in &d { if !answers.digests.contains_key(&(Side::Destination, l.uid)) { m.questions.digests_destination.push(l.uid); } }
        }
        let mut pair = |s: &mut Vec<&Listed>, d: &mut Vec<&Listed>, how, same: &dyn Fn(&Listed, &Listed) -> bool| {
            s.retain(|a| match d.iter().position(|b| same(a, b)) { Some(n) => { m.pairs.push(Pair { source: a.uid, destination: d.remove(n).uid, how }); false } None => true });
        };
        pair(&mut s, &mut d, How::Digest, &|a, b| answers.digests.get(&(Side::Source, a.uid)).is_some_and(|x| answers.digests.get(&(Side::Destination, b.uid)) == Some(x)));
        pair(&mut s, &mut d, How::Key, &|a, b| a.size == b.size);
        pair(&mut s, &mut d, How::KeyOtherSize, &|_, _| true);
        left_s.extend(s); left_d.extend(d);
    }
    let unique = |all: &[Listed]| { let mut c: HashMap<u64, u32> = HashMap::new(); for l in all { *c.entry(l.identity.message_id).or_default() += 1; } c };
    let (us, ud) = (unique(source), unique(destination));
    let by_id: HashMap<u64, &Listed> = left_d.iter().filter(|l| l.identity.message_id != 0 && ud[&l.identity.message_id] == 1).map(|l| (l.identity.message_id, *l)).collect();
    for a in left_s {
        if a.identity.message_id == 0 || us[&a.identity.message_id] != 1 { continue; }
        let Some(b) = by_id.get(&a.identity.message_id) else { continue };
        match (answers.rewrites.get(&(Side::Source, a.uid)), answers.rewrites.get(&(Side::Destination, b.uid))) {
            (Some(Some(x)), Some(Some(y))) if x == y => m.pairs.push(Pair { source: a.uid, destination: b.uid, how: How::Adopted }),
            (Some(_), Some(_)) => {}
            _ => { m.questions.rewrite_source.push(a.uid); m.questions.rewrite_destination.push(b.uid); }
        }
    }
    m
}
#[derive(Debug, Clone, Default)] pub struct PlanRules { pub sync_duplicates: bool, pub append_limit: Option<u64> }
#[derive(Debug)] pub struct Planner { rules: PlanRules, pairs: HashMap<u32, Pair>, seen: HashMap<(Key, u64), Vec<u32>>, digests: HashMap<u32, Digest>, gone: HashSet<u32> }
#[derive(Debug, Clone, Copy)] pub struct Candidate { pub uid: u32, pub size: u64, pub identity: Identity, pub digest: Option<Digest> }
#[derive(Debug, Clone, PartialEq, Eq)] pub enum SkipReason { TooLargeForServer { limit: u64 } }
#[derive(Debug, Clone, PartialEq, Eq)] pub enum Decision { Copy, Present { destination: u32, how: How }, Duplicate { of: u32 }, Skip(SkipReason), NeedDigests(Vec<u32>) }
impl Planner {
    pub fn new(rules: PlanRules, pairs: &[Pair]) -> Self { Self { rules, pairs: pairs.iter().map(|p| (p.source, *p)).collect(), seen: HashMap::new(), digests: HashMap::new(), gone: HashSet::new() } }
    pub fn decide(&mut self, c: Candidate) -> Decision {
        if let Some(d) = c.digest { self.digests.insert(c.uid, d); }
        let at = (c.identity.key, c.size);
        if let Some(p) = self.pairs.get(&c.uid) { self.seen.entry(at).or_default().push(c.uid); return Decision::Present { destination: p.destination, how: p.how }; }
        if let Some(limit) = self.rules.append_limit && c.size > limit { return Decision::Skip(SkipReason::TooLargeForServer { limit }); }
        if !self.rules.sync_duplicates && let Some(earlier) = self.seen.get(&at) {
            let earlier: Vec<u32> = earlier.iter().copied().filter(|u| *u != c.uid && !self.gone.contains(u)).collect();
            let mut need: Vec<u32> = earlier.iter().copied().filter(|u| !self.digests.contains_key(u)).collect();
            if !earlier.is_empty() && c.digest.is_none() && !self.digests.contains_key(&c.uid) { need.push(c.uid); }
            if !need.is_empty() { return Decision::NeedDigests(need); }
            if let Some(of) = earlier.iter().find(|u| self.digests.get(u) == self.digests.get(&c.uid)) { return Decision::Duplicate { of: *of }; }
        }
        self.seen.entry(at).or_default().push(c.uid);
        Decision::Copy
    }
    pub fn forget(&mut self, uid: u32) { self.gone.insert(uid); }
    pub fn learn_digest(&mut self, uid: u32, d: Digest) { self.digests.insert(uid, d); }
}
#[derive(Debug, Clone)] pub enum Outcome { Copied { destination: Option<u32> }, Present { destination: u32, how: How }, DuplicateOf(u32), Vanished, Skipped(SkipReason), Failed(Error) }
#[derive(Debug, Clone, Default)] pub struct Tally { pub copied: u64, pub present: u64, pub duplicate: u64, pub vanished: u64, pub skipped: u64, pub failed: u64 }
impl Tally {
    pub fn add(&mut self, o: &Outcome, _s: u64) { match o { Outcome::Copied { .. } => self.copied += 1, Outcome::Present { .. } => self.present += 1, Outcome::DuplicateOf(_) => self.duplicate += 1, Outcome::Vanished => self.vanished += 1, Outcome::Skipped(_) => self.skipped += 1, Outcome::Failed(_) => self.failed += 1 } }
    pub fn merge(&mut self, o: &Tally) { self.copied += o.copied; self.present += o.present; self.duplicate += o.duplicate; self.vanished += o.vanished; self.skipped += o.skipped; self.failed += o.failed; }
}
