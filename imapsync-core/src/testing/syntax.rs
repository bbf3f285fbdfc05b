//! How the server reads a command: words, quoted strings, literals and lists, by a reader of its own, so that what
//! the client writes is never read by the client's code.

use super::body::Body;
use bytes::Bytes;

/// A part of a command as it came over the wire.
#[derive(Debug, Clone)]
pub(super) enum Segment {
    /// Text up to the next literal or to the end of the line, without the announcement `{n}`.
    Text(Vec<u8>),
    /// A literal.
    Literal(Body),
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    /// An atom or a number; brackets and what stands in them belong to it: `BODY.PEEK[HEADER.FIELDS (From To)]`.
    Atom(String),
    /// A quoted string without its quotes.
    Quoted(Vec<u8>),
    /// A literal.
    Literal(Body),
    /// What stands in parentheses.
    List(Vec<Word>),
}

impl Word {
    /// The bytes of a string or an atom.
    pub(super) fn bytes(&self) -> Bytes {
        match self {
            Self::Atom(text) => Bytes::copy_from_slice(text.as_bytes()),
            Self::Quoted(bytes) => Bytes::copy_from_slice(bytes),
            Self::Literal(body) => body.to_bytes(),
            Self::List(_) => Bytes::new(),
        }
    }

    /// An atom or a string as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// An atom in capitals; empty for anything else.
    pub(super) fn keyword(&self) -> String {
        if let Self::Atom(text) = self { text.to_ascii_uppercase() } else { String::new() }
    }

    /// The words of a list, or the word alone.
    pub(super) fn items(&self) -> &[Word] {
        if let Self::List(words) = self { words } else { std::slice::from_ref(self) }
    }
}

/// Length of the literal that a line announces at its end, and whether the client waits for a `+`.
pub(super) fn announced(line: &[u8]) -> Option<(u64, bool)> {
    let inner = line.strip_suffix(b"}")?;
    let inner = &inner[inner.iter().rposition(|byte| *byte == b'{')? + 1..];
    let (digits, waits) = match inner.strip_suffix(b"+") {
        Some(digits) => (digits, false),
        None => (inner, true),
    };
    let digits = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    Some((digits.parse().ok()?, waits))
}

/// The line without the announcement at its end.
pub(super) fn unannounced(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| *byte == b'{').unwrap_or(line.len());
    line[..end].strip_suffix(b"~").unwrap_or(&line[..end])
}

/// Reads the words of a command. None where a quote or a parenthesis is not closed.
pub(super) fn words(segments: &[Segment]) -> Option<Vec<Word>> {
    let mut reader = Reader { segments, segment: 0, at: 0 };
    let words = reader.list(0, None)?;
    Some(words)
}

struct Reader<'a> {
    segments: &'a [Segment],
    segment: usize,
    at: usize,
}

enum Peek<'a> {
    Byte(u8),
    Literal(&'a Body),
    End,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Peek<'a> {
        loop {
            match self.segments.get(self.segment) {
                None => return Peek::End,
                Some(Segment::Literal(body)) => return Peek::Literal(body),
                Some(Segment::Text(text)) => match text.get(self.at) {
                    Some(byte) => return Peek::Byte(*byte),
                    None => {
                        self.segment += 1;
                        self.at = 0;
                    }
                },
            }
        }
    }

    fn list(&mut self, depth: usize, end: Option<u8>) -> Option<Vec<Word>> {
        let mut words = Vec::new();
        if depth > 50 {
            return None;
        }
        loop {
            match self.peek() {
                Peek::End => return end.is_none().then_some(words),
                Peek::Literal(body) => {
                    words.push(Word::Literal(body.clone()));
                    self.segment += 1;
                    self.at = 0;
                }
                Peek::Byte(b' ') => self.at += 1,
                Peek::Byte(b'(') => {
                    self.at += 1;
                    words.push(Word::List(self.list(depth + 1, Some(b')'))?));
                }
                Peek::Byte(b')') if end == Some(b')') => {
                    self.at += 1;
                    return Some(words);
                }
                Peek::Byte(b')') => return None,
                Peek::Byte(b'"') => {
                    self.at += 1;
                    words.push(Word::Quoted(self.quoted()?));
                }
                Peek::Byte(_) => words.push(Word::Atom(self.atom()?)),
            }
        }
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        while let Peek::Byte(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return Some(out),
                b'\\' => {
                    let Peek::Byte(escaped @ (b'"' | b'\\')) = self.peek() else { return None };
                    self.at += 1;
                    out.push(escaped);
                }
                byte => out.push(byte),
            }
        }
        None
    }

    fn atom(&mut self) -> Option<String> {
        let (mut out, mut depth) = (Vec::new(), 0_u32);
        while let Peek::Byte(byte) = self.peek() {
            match byte {
                b' ' | b'(' | b')' if depth == 0 => break,
                b'[' => depth += 1,
                b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            out.push(byte);
            self.at += 1;
        }
        (depth == 0).then(|| String::from_utf8_lossy(&out).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_commands() {
        let atom = |text: &str| Word::Atom(text.to_owned());
        let text = |text: &str| Segment::Text(text.as_bytes().to_vec());
        let body = Body::from("x y");
        assert_eq!(
            words(&[text("A \"b \\\" c\" "), Segment::Literal(body.clone()), text(" (d (e) \\F)")]),
            Some(vec![
                atom("A"),
                Word::Quoted(b"b \" c".to_vec()),
                Word::Literal(body),
                Word::List(vec![atom("d"), Word::List(vec![atom("e")]), atom("\\F")]),
            ])
        );
        assert_eq!(
            words(&[text("(UID BODY.PEEK[HEADER.FIELDS (From To)]<0.5>)")]),
            Some(vec![Word::List(vec![atom("UID"), atom("BODY.PEEK[HEADER.FIELDS (From To)]<0.5>")])])
        );
        for broken in ["(a", "a)", "\"a", "\"\\n\"", "a[b"] {
            assert_eq!(words(&[text(broken)]), None, "{broken}");
        }
    }

    #[test]
    fn literals_are_announced() {
        assert_eq!(announced(b"APPEND x {12}"), Some((12, true)));
        assert_eq!(announced(b"APPEND x {0+}"), Some((0, false)));
        assert_eq!(announced(b"APPEND x {-1}"), None);
        assert_eq!(announced(b"NOOP"), None);
        assert_eq!(unannounced(b"APPEND x ~{12+}"), b"APPEND x ");
    }
}
