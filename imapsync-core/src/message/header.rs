//! The header of a message: where it ends, and which fields it has (RFC 5322 section 2.2), however broken it is.
//!
//! What counts as header here is what Dovecot and Courier take for it when they answer `HEADER.FIELDS`: everything up to
//! the first blank line, even where there is text in between. In there
//!
//! - LF ends a line and CR means nothing, so that CRLF, CR CR LF and a bare LF are the same;
//! - a line that starts with a space or tab goes on with the field above it;
//! - any other line without a name and a colon is passed over, with the folds below it.

use memchr::memchr;

/// A longer name is no name: it bounds what must be remembered of a line that comes in pieces (RFC 5322 section 2.1.1).
const LONGEST_NAME: usize = 998;

/// The fields of a header, or of a message up to its first blank line, as (name, raw value), without allocation.
///
/// The name is what stands before the colon. Whitespace there belongs to it and makes it another name, because servers do
/// not agree whether `Subject : x` is a `Subject`. The raw value is what stands behind the colon, with its folds and
/// without the last line end. A `From ` line in front of a message is no field.
///
/// ```
/// use imapsync_core::message::header::fields;
/// let message = b"From a@b Mon Jan  1 00:00:00 2024\nSubject: a\r\n long one\r\nno field\r\nTo:b\r\n\r\nCc: body\r\n";
/// let found: Vec<_> = fields(message).collect();
/// assert_eq!(found, [(&b"Subject"[..], &b" a\r\n long one"[..]), (b"To", b"b")]);
/// ```
pub fn fields(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    Fields { rest: header }
}

struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let field = self.rest;
            let line = line_length(field);
            let mut start = LineStart::default();
            let colon = field.iter().position(|byte| start.push(*byte).is_some());
            match (start.verdict, colon) {
                (Some(LineKind::Blank), _) => break,
                (Some(LineKind::Field), Some(colon)) => {
                    let mut end = line;
                    while let Some(next) = field.get(end..).filter(|next| is_fold(next)) {
                        end += line_length(next);
                    }
                    let (field, rest) = field.split_at(end);
                    self.rest = rest;
                    let (name, value) = field.split_at(colon);
                    return Some((name, without_line_end(value.get(1..).unwrap_or_default())));
                }
                _ => self.rest = field.get(line..).unwrap_or_default(),
            }
        }
        self.rest = &[];
        None
    }
}

/// The length of the first line, its LF included.
fn line_length(bytes: &[u8]) -> usize {
    memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
}

fn is_fold(line: &[u8]) -> bool {
    line.iter().find(|byte| **byte != b'\r').is_some_and(|byte| matches!(byte, b' ' | b'\t'))
}

fn without_line_end(value: &[u8]) -> &[u8] {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let end = value.iter().rposition(|byte| *byte != b'\r').map_or(0, |at| at + 1);
    value.get(..end).unwrap_or_default()
}

/// What a line in or above the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    /// Nothing but its end.
    Blank,
    /// A name and a colon.
    Field,
    /// Starts with a space or tab.
    Fold,
    /// `From ` or `>From `: an envelope line where it is the first one, text elsewhere.
    From,
    /// Anything else.
    Text,
}

/// Reads a line from its start, byte by byte, until it is clear what it is.
#[derive(Debug, Default)]
pub(super) struct LineStart {
    state: State,
    /// How many bytes there were.
    read: usize,
    /// How much of `>From` the name has matched so far; None: it is another name.
    from: Option<usize>,
    pub(super) verdict: Option<LineKind>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Nothing,
    Name,
    Gap,
}

impl LineStart {
    /// Takes the next byte; Some once the line is told, and the same from then on.
    pub(super) fn push(&mut self, byte: u8) -> Option<LineKind> {
        if self.verdict.is_none() {
            self.read += 1;
            self.verdict = self.judge(byte);
        }
        self.verdict
    }

    fn judge(&mut self, byte: u8) -> Option<LineKind> {
        const FROM: &[u8] = b">From";
        match (&self.state, byte) {
            _ if self.read > LONGEST_NAME => return Some(LineKind::Text),
            (_, b'\r') => {}
            (State::Nothing, b'\n') => return Some(LineKind::Blank),
            (State::Nothing, b' ' | b'\t') => return Some(LineKind::Fold),
            (State::Nothing, b':') => return Some(LineKind::Text),
            (State::Nothing, b'!'..=b'~') => {
                self.state = State::Name;
                self.from = FROM.iter().take(2).position(|first| *first == byte).map(|at| at + 1);
            }
            (State::Name, b':') | (State::Gap, b':') => return Some(LineKind::Field),
            (State::Name, b'!'..=b'~') => {
                self.from = self.from.filter(|at| FROM.get(*at) == Some(&byte)).map(|at| at + 1);
            }
            (State::Name, b' ' | b'\t') => self.state = State::Gap,
            (State::Gap, b' ' | b'\t') => {}
            (State::Gap, _) if self.from == Some(FROM.len()) => return Some(LineKind::From),
            _ => return Some(LineKind::Text),
        }
        None
    }
}

/// Finds where the header of a message ends while the message passes in pieces.
///
/// ```
/// use imapsync_core::message::HeaderScanner;
/// let mut scanner = HeaderScanner::new();
/// assert_eq!(scanner.feed(b"Subject: a\r\n\r"), None);
/// assert_eq!(scanner.feed(b"\nbody"), Some(14));
/// ```
#[derive(Debug)]
pub struct HeaderScanner {
    /// Bytes of the pieces before.
    before: usize,
    /// The line so far is nothing but CRs.
    blank: bool,
    end: Option<usize>,
}

impl HeaderScanner {
    /// At the start of a message.
    pub fn new() -> Self {
        Self { before: 0, blank: true, end: None }
    }

    /// Takes the next piece. Once the blank line has been there: where the body starts, counted from the start of the
    /// message; so the header includes its blank line, as in `BODY[HEADER]`. A message that ends without one is all
    /// header. Nothing is kept of the pieces: how much is waited for is up to the caller.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while self.end.is_none() && at < bytes.len() {
            let line = bytes.get(at..).unwrap_or_default();
            let found = memchr(b'\n', line);
            let text = line.get(..found.unwrap_or(line.len())).unwrap_or_default();
            self.blank = self.blank && text.iter().all(|byte| *byte == b'\r');
            at += text.len();
            if found.is_some() {
                at += 1;
                self.end = self.blank.then(|| self.before.saturating_add(at));
                self.blank = true;
            }
        }
        self.before = self.before.saturating_add(bytes.len());
        self.end
    }
}

impl Default for HeaderScanner {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(header: &[u8]) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        fields(header).map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn fields_of_good_and_broken_headers() {
        type Row = (&'static [u8], &'static [(&'static str, &'static str)]);
        let table: &[Row] = &[
            (b"", &[]),
            (b"\r\n", &[]),
            (b"\r\nA: b\r\n", &[]),
            (b"A: b", &[("A", " b")]),
            (b"A: b\r\nC:d\r\n\r\nE: f\r\n", &[("A", " b"), ("C", "d")]),
            (b"A: b\nC:d\n\nE: f\n", &[("A", " b"), ("C", "d")]),
            (b"A: b\r\r\nC:d\r\r\n\r\r\nE: f\r\r\n", &[("A", " b"), ("C", "d")]),
            (b"A: b\r\n\tc\r\n d\r\nE: f", &[("A", " b\r\n\tc\r\n d"), ("E", " f")]),
            (b"A:\r\nB: \r\n", &[("A", ""), ("B", " ")]),
            // A line of spaces folds, it does not end the header.
            (b"A: b\r\n \r\nC: d\r\n", &[("A", " b\r\n "), ("C", " d")]),
            // Text and its folds are passed over, as servers do.
            (b"Hello\r\nA: b\r\n\r\n", &[("A", " b")]),
            (b"A: b\r\nbad line\r\n fold\r\nC: d\r\n\r\n", &[("A", " b"), ("C", " d")]),
            (b" fold\r\nA: b\r\n", &[("A", " b")]),
            (b": x\r\nA: b\r\n", &[("A", " b")]),
            (b"My Name: x\r\nNam\xe9: x\r\nA: b\r\n", &[("A", " b")]),
            (b"From a@b 10:00:00\r\nA: b\r\n", &[("A", " b")]),
            (b">From a@b 10:00:00\r\nA: b\r\n", &[("A", " b")]),
            (b"From : a@b\r\nFrom: c\r\n", &[("From ", " a@b"), ("From", " c")]),
            // A bare CR ends nothing.
            (b"A: b\rC: d\r\nE: f\r\n", &[("A", " b\rC: d"), ("E", " f")]),
        ];
        for (header, expected) in table {
            let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(found(header), expected, "{}", String::from_utf8_lossy(header));
        }
    }

    #[test]
    fn the_kind_of_a_line() {
        let table: &[(&[u8], LineKind)] = &[
            (b"\r\r\n", LineKind::Blank),
            (b"A:", LineKind::Field),
            (b"A :", LineKind::Field),
            (b"\tA:", LineKind::Fold),
            (b"From a", LineKind::From),
            (b">From a", LineKind::From),
            (b"From: a", LineKind::Field),
            (b"Fro m", LineKind::Text),
            (b">>From a", LineKind::Text),
            (b"Fromm a", LineKind::Text),
            (b"from a", LineKind::Text),
            (b"text\n", LineKind::Text),
            (b"\xe9:", LineKind::Text),
        ];
        for (line, expected) in table {
            let mut start = LineStart::default();
            for byte in *line {
                start.push(*byte);
            }
            assert_eq!(start.verdict, Some(*expected), "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn huge_headers_take_linear_time() {
        let many = b"Received: from a by b\r\n".repeat(450_000);
        assert_eq!(fields(&many).count(), 450_000);
        let folded = [&b"Subject:"[..], &b" x\r\n".repeat(2_500_000)].concat();
        assert_eq!(fields(&folded).count(), 1);
        assert_eq!(fields(&b"x".repeat(10_000_000)).count(), 0);
        assert_eq!(fields(&b"\r".repeat(10_000_000)).count(), 0);
        assert_eq!(fields(&b"x\n".repeat(5_000_000)).count(), 0);
        assert_eq!(fields(&b"x\r\n\r".repeat(2_500_000)).count(), 0);
    }

    /// Where a regular expression finds the end.
    fn end_by_regex(message: &[u8]) -> Option<usize> {
        regex::bytes::Regex::new(r"(?-u)(?:\A|\n)\r*\n").unwrap().find(message).map(|found| found.end())
    }

    proptest! {
        #[test]
        fn the_scanner_finds_the_blank_line(pieces in prop::collection::vec("[ab:\r\n ]{0,6}", 0..12)) {
            let message = pieces.concat();
            let mut scanner = HeaderScanner::new();
            let mut end = None;
            for piece in &pieces {
                end = scanner.feed(piece.as_bytes());
            }
            prop_assert_eq!(end, end_by_regex(message.as_bytes()));
        }

        #[test]
        fn fields_survive_anything(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            for (name, _) in fields(&bytes) {
                prop_assert!(!name.is_empty());
            }
        }
    }
}
