//! Header fields of a message, and where the header ends.
/// Length of the header including its blank line (or where the first line stands that is no field).
pub fn end(message: &[u8]) -> usize {
    let mut s = HeaderScanner::new();
    s.feed(message).unwrap_or_else(|| s.seen())
}
pub fn fields(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = header;
    let mut first = true;
    std::iter::from_fn(move || {
        loop {
            let mut at = line_end(rest)?;
            let line = &rest[..at];
            let is_from = std::mem::take(&mut first) && line.starts_with(b"From ");
            while at < rest.len() && matches!(rest[at], b' ' | b'\t') { match line_end(&rest[at..]) { Some(n) => at += n, None => break } }
            let (field, next) = rest.split_at(at);
            if is_from { rest = next; continue; }
            let colon = name_len(field)?;
            rest = next;
            return Some((field[..colon].trim_ascii_end(), &field[colon + 1..]));
        }
    })
}
fn line_end(b: &[u8]) -> Option<usize> { if b.is_empty() { return None } Some(memchr::memchr(b'\n', b).map_or(b.len(), |n| n + 1)) }
fn name_len(line: &[u8]) -> Option<usize> {
    let colon = memchr::memchr(b':', line)?;
    let name = line[..colon].trim_ascii_end();
    (!name.is_empty() && name.iter().all(|b| (33..127).contains(b))).then_some(colon)
}
#[derive(Debug, Default)]
pub struct HeaderScanner { line: Vec<u8>, seen: usize, start: usize, first: bool }
impl HeaderScanner {
    pub fn new() -> Self { Self { line: Vec::new(), seen: 0, start: 0, first: true } }
    pub fn seen(&self) -> usize { 
        // an unfinished last line counts when it is a field
        if self.line.is_empty() || self.is_header_line() { self.seen } else { self.start }
    }
    fn is_header_line(&self) -> bool {
        let l = &self.line;
        (self.first && l.starts_with(b"From ")) || (!self.first && matches!(l.first(), Some(b' ' | b'\t')) && !l.trim_ascii().is_empty()) || name_len(l).is_some()
    }
    pub fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut rest = bytes;
        while let Some(n) = memchr::memchr(b'\n', rest) {
            if self.line.len() < 2000 { self.line.extend_from_slice(&rest[..=n]); }
            self.seen += n + 1;
            rest = &rest[n + 1..];
            if self.line.trim_ascii_end().is_empty() { return Some(self.seen); }
            if !self.is_header_line() { return Some(self.start); }
            self.line.clear();
            self.first = false;
            self.start = self.seen;
        }
        if self.line.len() < 2000 { self.line.extend_from_slice(rest); }
        self.seen += rest.len();
        None
    }
}
