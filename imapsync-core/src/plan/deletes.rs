//! What may be deleted.
use crate::imap::uidset::UidSet; use crate::message::Key; use std::collections::HashSet;
#[derive(Debug, Clone)] pub struct SourceMessage { pub uid: u32, pub key: Option<Key>, pub safe: bool, pub marked: bool }
#[derive(Debug)] pub enum Expunge { Plain, Refused(String) }
pub fn delete1(m: impl Iterator<Item = SourceMessage> + Clone) -> Vec<u32> {
    let bad: HashSet<Key> = m.clone().filter(|m| !m.safe).filter_map(|m| m.key).collect();
    m.filter(|m| m.safe && m.key.is_some_and(|k| !bad.contains(&k))).map(|m| m.uid).collect()
}
pub fn expunge1(m: impl Iterator<Item = SourceMessage> + Clone) -> Vec<u32> { m.filter(|m| m.safe && m.marked).map(|m| m.uid).collect() }
pub fn without_uidplus(e: &UidSet, t: &UidSet) -> Expunge { if e == t { Expunge::Plain } else { Expunge::Refused(format!("messages {}", t.difference(e))) } }
