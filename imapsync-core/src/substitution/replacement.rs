//! The right side of `s///`: text, groups, escapes and the case operators, rendered for one match.

use super::cursor::{Cursor, Piece};
use super::escape::{self, Code};
use super::translate::{Mode, variable};
use crate::error::Error;

/// How deep `\u`, `\l`, `\U`, `\L` and `\Q` may nest.
const MAX_DEPTH: usize = 16;

/// What a case operator does to the text it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// `\U`.
    Upper,
    /// `\L`.
    Lower,
    /// `\u`.
    UpperFirst,
    /// `\l`.
    LowerFirst,
    /// `\Q`.
    Quote,
}

#[derive(Debug, Clone)]
enum Part {
    /// Fixed text, as it is in text and as it is in bytes.
    Literal(String, Vec<u8>),
    /// The whole match (0) or one of the user's groups.
    Group(usize),
    /// Parts under a case operator.
    Changed(Change, Vec<Part>),
}

/// The right side of a substitution.
#[derive(Debug, Clone, Default)]
pub(super) struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Reads a replacement for a pattern with `groups` groups, of which `names` have names.
    pub(super) fn parse(
        source: &str,
        piece: &Piece,
        groups: usize,
        names: &[(String, usize)],
    ) -> Result<Self, Error> {
        let mut parser =
            Parser { cursor: piece.cursor(source), groups, names, open: Vec::new(), parts: Vec::new() };
        parser.run()?;
        Ok(Self { parts: parser.parts })
    }

    /// Reads a replacement that stood between `'`: nothing in it is special but `\\`.
    pub(super) fn raw(source: &str, piece: &Piece) -> Self {
        let mut cursor = piece.cursor(source);
        let mut parts = Vec::new();
        while let Some(c) = cursor.next() {
            if c == '\\' {
                cursor.eat('\\');
            }
            push_code(&mut parts, Code::Char(c));
        }
        Self { parts }
    }

    /// Appends the replacement of one match to `out`; `group` gives the text of a group.
    pub(super) fn render<'h>(&self, mode: Mode, group: &dyn Fn(usize) -> &'h [u8], out: &mut Vec<u8>) {
        render(&self.parts, mode, group, out);
    }
}

fn render<'h>(parts: &[Part], mode: Mode, group: &dyn Fn(usize) -> &'h [u8], out: &mut Vec<u8>) {
    for part in parts {
        match part {
            Part::Literal(text, bytes) => out.extend_from_slice(match mode {
                Mode::Text => text.as_bytes(),
                Mode::Bytes => bytes,
            }),
            Part::Group(number) => out.extend_from_slice(group(*number)),
            Part::Changed(change, inner) => {
                let mut covered = Vec::new();
                render(inner, mode, group, &mut covered);
                out.extend(match mode {
                    Mode::Text => change_text(*change, &String::from_utf8_lossy(&covered)).into_bytes(),
                    Mode::Bytes => change_bytes(*change, covered),
                });
            }
        }
    }
}

fn change_text(change: Change, text: &str) -> String {
    let mut chars = text.chars();
    match change {
        Change::Upper => text.to_uppercase(),
        Change::Lower => text.to_lowercase(),
        Change::UpperFirst => chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect(),
        Change::LowerFirst => chars.next().into_iter().flat_map(char::to_lowercase).chain(chars).collect(),
        Change::Quote => {
            let mut quoted = String::with_capacity(text.len());
            for c in chars {
                if c.is_ascii() && !c.is_ascii_alphanumeric() && c != '_' {
                    quoted.push('\\');
                }
                quoted.push(c);
            }
            quoted
        }
    }
}

fn change_bytes(change: Change, mut bytes: Vec<u8>) -> Vec<u8> {
    match change {
        Change::Upper => bytes.make_ascii_uppercase(),
        Change::Lower => bytes.make_ascii_lowercase(),
        Change::UpperFirst => {
            if let Some(first) = bytes.first_mut() {
                first.make_ascii_uppercase();
            }
        }
        Change::LowerFirst => {
            if let Some(first) = bytes.first_mut() {
                first.make_ascii_lowercase();
            }
        }
        Change::Quote => {
            let quote = |byte: u8| {
                let plain = byte.is_ascii_alphanumeric() || byte == b'_';
                (!plain).then_some(b'\\').into_iter().chain([byte])
            };
            bytes = bytes.into_iter().flat_map(quote).collect();
        }
    }
    bytes
}

fn push_code(parts: &mut Vec<Part>, code: Code) {
    if !matches!(parts.last(), Some(Part::Literal(..))) {
        parts.push(Part::Literal(String::new(), Vec::new()));
    }
    if let Some(Part::Literal(text, bytes)) = parts.last_mut() {
        text.push(code.in_text());
        match code {
            Code::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Code::Byte(byte) => bytes.push(byte),
        }
    }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    groups: usize,
    names: &'a [(String, usize)],
    /// The case operators that are open, each with the parts that stand before it.
    open: Vec<(Change, Vec<Part>)>,
    /// The parts of the innermost open operator.
    parts: Vec<Part>,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), Error> {
        while let Some(c) = self.cursor.next() {
            let place = self.cursor.last_place();
            match c {
                '\\' => self.escape(place)?,
                '$' => {
                    let braced = self.cursor.peek() == Some('{');
                    let group = self.reference(place)?;
                    self.group(group, braced, place)?;
                }
                '@' if self.cursor.peek() == Some('{') => {
                    return Err(self.cursor.refuse(
                        place,
                        "@{…} would run Perl code, and nothing is evaluated",
                        "\\U, \\L, \\u and \\l change case; write \\@ for an at sign",
                    ));
                }
                c => push_code(&mut self.parts, Code::Char(c)),
            }
        }
        while self.close().is_some() {}
        Ok(())
    }

    /// Closes the innermost operator.
    fn close(&mut self) -> Option<Change> {
        let (change, before) = self.open.pop()?;
        let inner = std::mem::replace(&mut self.parts, before);
        self.parts.push(Part::Changed(change, inner));
        Some(change)
    }

    fn begin(&mut self, change: Change, place: usize) -> Result<(), Error> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.cursor.refuse(
                place,
                format!("more than {MAX_DEPTH} case operators are open"),
                "close them with \\E",
            ));
        }
        self.open.push((change, std::mem::take(&mut self.parts)));
        Ok(())
    }

    /// `\U` or `\L`: it ends the one that is open, and stands behind a `\u` or `\l` that follows it.
    fn begin_run(&mut self, change: Change, place: usize) -> Result<(), Error> {
        let first = match change {
            Change::Lower if self.cursor.eat_all("\\u") => Some(Change::UpperFirst),
            Change::Upper if self.cursor.eat_all("\\l") => Some(Change::LowerFirst),
            _ => None,
        };
        if let Some(first) = first {
            self.begin(first, place)?;
        }
        while self.open.iter().any(|(open, _)| matches!(open, Change::Upper | Change::Lower)) {
            self.close();
        }
        self.begin(change, place)
    }

    fn group(&mut self, group: usize, braced: bool, place: usize) -> Result<(), Error> {
        if group > self.groups {
            return Err(self.cursor.refuse(
                place,
                format!("the pattern has no group {group}, it has {}", self.groups),
                "count the ( in the pattern",
            ));
        }
        // `${1}[0]` is the group and then a bracket, `$1[0]` an element of an array.
        let element = !braced
            && matches!(
                (self.cursor.peek(), self.cursor.peek_at(1), self.cursor.peek_at(2)),
                (Some('[' | '{'), _, _) | (Some('-'), Some('>'), Some('[' | '{'))
            );
        if element {
            return Err(self.cursor.refuse(
                self.cursor.place(),
                "Perl takes what follows for the subscript of an array",
                "write ${1} for the group, or a backslash before the bracket",
            ));
        }
        self.parts.push(Part::Group(group));
        Ok(())
    }

    /// Reads the name of a group behind `$`.
    fn reference(&mut self, place: usize) -> Result<usize, Error> {
        let number = |digits: &str| digits.parse().unwrap_or(usize::MAX);
        match self.cursor.peek() {
            Some('1'..='9') => Ok(number(&self.cursor.take_while(usize::MAX, |c| c.is_ascii_digit()))),
            Some('&') => {
                self.cursor.next();
                Ok(0)
            }
            Some('0') => Err(self.cursor.refuse(
                place,
                "$0 is not the match but the program",
                "write $& for the match",
            )),
            Some('{') => {
                self.cursor.next();
                match self.cursor.until('}').as_deref().map(str::trim) {
                    Some("&" | "^MATCH") => Ok(0),
                    Some(digits)
                        if digits.starts_with(|c: char| ('1'..='9').contains(&c))
                            && digits.bytes().all(|b| b.is_ascii_digit()) =>
                    {
                        Ok(number(digits))
                    }
                    Some(code) if code.starts_with('\\') => Err(self.cursor.refuse(
                        place,
                        "${\\…} would run Perl code, and nothing is evaluated",
                        "\\U, \\L, \\u and \\l change case",
                    )),
                    _ => Err(variable(&self.cursor, place)),
                }
            }
            Some('+') if self.cursor.peek_at(1) == Some('{') => {
                self.cursor.eat_all("+{");
                let name = self.cursor.until('}').unwrap_or_default();
                match self.names.iter().find(|(known, _)| *known == name.trim()) {
                    Some(&(_, group)) => Ok(group),
                    None => Err(self.cursor.refuse(
                        place,
                        "the pattern has no group of this name",
                        "name it there: (?<name>…)",
                    )),
                }
            }
            _ => Err(variable(&self.cursor, place)),
        }
    }

    fn escape(&mut self, place: usize) -> Result<(), Error> {
        let Some(c) = self.cursor.next() else {
            return Err(self.cursor.refuse(
                place,
                "the replacement ends in a single backslash",
                "write \\\\ for a backslash itself",
            ));
        };
        match c {
            'U' => self.begin_run(Change::Upper, place)?,
            'L' => self.begin_run(Change::Lower, place)?,
            'u' => self.begin(Change::UpperFirst, place)?,
            'l' => self.begin(Change::LowerFirst, place)?,
            'Q' => self.begin(Change::Quote, place)?,
            // It also ends the \u and \l within, which have no end of their own.
            'E' => while matches!(self.close(), Some(Change::UpperFirst | Change::LowerFirst)) {},
            'F' => {
                return Err(self.cursor.refuse(place, "\\F is not supported", "use \\L for lower case"));
            }
            '1'..='9' => {
                let follows = self.cursor.peek().filter(char::is_ascii_digit);
                match (c, follows) {
                    (_, None) => {
                        let group = c.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
                        self.group(group.unwrap_or(usize::MAX), false, place)?;
                    }
                    ('1'..='7', Some(_)) => {
                        let code = escape::octal(&mut self.cursor, c)?;
                        push_code(&mut self.parts, code);
                    }
                    _ => {
                        return Err(self.cursor.refuse(
                            place,
                            "a group behind a backslash has one digit",
                            format!("write ${{{c}}} before a digit"),
                        ));
                    }
                }
            }
            'b' => push_code(&mut self.parts, Code::Char('\x08')),
            _ => {
                let code = escape::character(&mut self.cursor, c)?.unwrap_or(Code::Char(c));
                push_code(&mut self.parts, code);
            }
        }
        Ok(())
    }
}
