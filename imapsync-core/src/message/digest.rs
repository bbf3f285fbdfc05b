//! Digests of messages that agree whatever a server does to line ends, NUL and the final line end.
use super::header::HeaderScanner;
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 16]);
#[derive(Debug)]
pub struct Digester { hash: blake3::Hasher, pending: usize, in_break: bool, scanner: Option<HeaderScanner>, held: Vec<u8>, started: bool, body: bool }
impl Digester {
    pub fn whole() -> Self { Self { hash: blake3::Hasher::new(), pending: 0, in_break: false, scanner: None, held: Vec::new(), started: true, body: false } }
    pub fn body() -> Self { Self { scanner: Some(HeaderScanner::new()), started: false, body: true, ..Self::whole() } }
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(s) = &mut self.scanner {
            self.held.extend_from_slice(bytes);
            if let Some(end) = s.feed(bytes) { self.scanner = None; let held = std::mem::take(&mut self.held); self.take(&held[end..]); }
            return;
        }
        self.take(bytes);
    }
    fn take(&mut self, bytes: &[u8]) {
        let mut out = Vec::with_capacity(bytes.len());
        for &b in bytes {
            match b {
                b'\r' => { if !self.in_break { self.in_break = true; self.pending += 1; } else {} }
                b'\n' => { if !self.in_break { self.pending += 1; } self.in_break = false; }
                b => {
                    self.in_break = false;
                    if !self.started { self.pending = 0; self.started = true; }
                    for _ in 0..self.pending { out.push(b'\n'); }
                    self.pending = 0;
                    out.push(if b == 0 { 0x80 } else { b });
                }
            }
        }
        self.hash.update(&out);
    }
    pub fn finish(mut self) -> Digest {
        if let Some(s) = self.scanner.take() { let end = s.seen(); let held = std::mem::take(&mut self.held); self.take(&held[end..]); }
        let mut d = [0; 16];
        d.copy_from_slice(&self.hash.finalize().as_bytes()[..16]);
        Digest(d)
    }
}
