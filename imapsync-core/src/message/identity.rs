//! Which message is which.
use super::digest::{Digest, Digester};
use super::header::{end, fields};
use crate::Side;
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub [u8; 16]);
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity { pub key: Key, pub message_id: u64 }
#[derive(Debug, Clone)]
pub struct IdentityRules { pub headers: Vec<String> }
impl Default for IdentityRules { fn default() -> Self { Self { headers: vec!["Message-Id".into(), "Received".into()] } } }
fn hash(rung: u8, parts: &[u8]) -> [u8; 32] { let mut h = blake3::Hasher::new(); h.update(&[rung]); h.update(parts); *h.finalize().as_bytes() }
fn key(rung: u8, parts: &[u8]) -> Key { let mut k = [0; 16]; k.copy_from_slice(&hash(rung, parts)[..16]); Key(k) }
fn normal(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for &b in value {
        match b { b' ' | b'\t' | b'\r' | b'\n' => { if !out.is_empty() && out.last() != Some(&b' ') { out.push(b' ') } } b if b >= 128 => out.push(b'X'), b => out.push(b) }
    }
    if out.last() == Some(&b' ') { out.pop(); }
    out
}
fn ours(value: &[u8]) -> bool { let v = value.to_ascii_lowercase(); v.strip_prefix(b"<").and_then(|v| v.strip_suffix(b"@imapsync>")).is_some_and(|d| !d.is_empty() && d.iter().all(u8::is_ascii_digit)) }
impl IdentityRules {
    pub const FALLBACK: [&'static str; 5] = ["From", "To", "Cc", "Subject", "Date"];
    pub fn wanted(&self) -> Vec<&str> { self.headers.iter().map(String::as_str).collect() }
    fn of(side: Side, rung: u8, names: &[&str], header: &[u8]) -> Option<Identity> {
        let all = names.iter().any(|n| n.eq_ignore_ascii_case("ALL"));
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut id = 0;
        for (name, value) in fields(header) {
            let is_id = name.eq_ignore_ascii_case(b"Message-Id");
            if !all && !names.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(name)) { continue; }
            let value = normal(value);
            if value.is_empty() || (is_id && side == Side::Destination && ours(&value)) { continue; }
            if is_id && id == 0 { let mut b = [0; 8]; b.copy_from_slice(&hash(9, &value)[..8]); id = u64::from_le_bytes(b).max(1); }
            let mut line = name.to_ascii_uppercase(); line.extend_from_slice(b": "); line.extend_from_slice(&value); line.push(b'\n');
            lines.push(line);
        }
        if lines.is_empty() { return None; }
        lines.sort();
        Some(Identity { key: key(rung, &lines.concat()), message_id: id })
    }
    pub fn from_wanted(&self, side: Side, header: &[u8]) -> Option<Identity> { Self::of(side, 1, &self.wanted(), header) }
    pub fn from_fallback(&self, side: Side, header: &[u8]) -> Option<Identity> { Self::of(side, 2, &Self::FALLBACK, header) }
    pub fn from_header(&self, side: Side, header: &[u8]) -> Option<Identity> { self.from_wanted(side, header).or_else(|| self.from_fallback(side, header)) }
    pub fn from_message(&self, side: Side, message: &[u8]) -> Identity {
        self.from_header(side, &message[..end(message)]).unwrap_or_else(|| { let mut d = Digester::body(); d.update(message); Self::from_body(d.finish()) })
    }
    pub fn from_body(d: Digest) -> Identity { Identity { key: key(3, &d.0), message_id: 0 } }
}
pub fn rewrite_key(header: &[u8]) -> Option<[u8; 16]> {
    IdentityRules::of(Side::Source, 4, &["Date", "From", "Subject"], header).map(|i| i.key.0)
}
