//! Perl's pattern syntax into that of the regex crate; what has no linear-time counterpart is refused by name.

use super::class;
use super::cursor::{Cursor, Piece};
use super::escape::{self, Code};
use crate::error::Error;
use std::fmt::Write as _;

/// How deep groups may nest; the regex crate's own parser has a limit too.
const MAX_DEPTH: usize = 100;

/// What a pattern runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// UTF-8 text: `.` is a character, `\w` knows all letters.
    Text,
    /// Any bytes: `.` is a byte, `\w` is ASCII.
    Bytes,
}

/// The flags behind a substitution, or within a pattern as `(?i)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Flags {
    /// `i`: without case.
    pub(super) ignore_case: bool,
    /// `m`: `^` and `$` at every line.
    pub(super) lines: bool,
    /// `s`: `.` is any character, line feeds too.
    pub(super) dot_all: bool,
    /// `x`: blanks and comments in the pattern mean nothing.
    pub(super) spaced: bool,
}

impl Flags {
    fn set(&mut self, letter: char, on: bool) -> bool {
        match letter {
            'i' => self.ignore_case = on,
            'm' => self.lines = on,
            's' => self.dot_all = on,
            'x' => self.spaced = on,
            _ => return false,
        }
        true
    }
}

/// A pattern in the syntax of the regex crate.
#[derive(Debug, Default)]
pub(super) struct Translated {
    pub(super) regex: String,
    /// The index in `regex` of each of the user's groups: `groups[0]` is that of `$1`.
    pub(super) groups: Vec<usize>,
    /// The user's named groups, with their numbers.
    pub(super) names: Vec<(String, usize)>,
    /// Groups in `regex` that hold the final line feed which a `$` or `\Z` stands in front of.
    pub(super) line_ends: Vec<usize>,
    /// `^` under `m` occurs: Perl does not match it behind the last line feed of the text.
    pub(super) line_starts: bool,
}

/// Translates a pattern. `interpolated`: it stood in a substitution, where `$name` is a variable in Perl.
pub(super) fn translate(
    source: &str,
    piece: &Piece,
    flags: Flags,
    mode: Mode,
    interpolated: bool,
) -> Result<Translated, Error> {
    let mut translator = Translator {
        cursor: piece.cursor(source),
        mode,
        interpolated,
        flags,
        open: Vec::new(),
        used: 0,
        repeatable: Repeatable::Nothing,
        done: Translated::default(),
    };
    if flags.ignore_case {
        translator.done.regex.push_str("(?i)");
    }
    translator.run()?;
    Ok(translator.done)
}

/// The refusal of `$name`, whose `$` stands at `place`.
pub(super) fn variable(cursor: &Cursor<'_>, place: usize) -> Error {
    cursor.refuse(place, "a $ here begins a Perl variable, and there are none", "write \\$ for a dollar sign")
}

/// Reads the property of `\p` or `\P`, of which `c` was consumed, as the regex crate writes it.
pub(super) fn property(cursor: &mut Cursor<'_>, c: char, place: usize) -> Result<String, Error> {
    let name = if cursor.eat('{') { cursor.until('}') } else { cursor.next().map(String::from) };
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-=: ^".contains(c);
    match name.filter(|name| !name.is_empty() && name.chars().all(fits)) {
        Some(name) => Ok(format!("\\{c}{{{name}}}")),
        None => Err(cursor.refuse(place, "this names no Unicode property", "write \\p{L} or \\p{Letter}")),
    }
}

/// Whether a quantifier may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeatable {
    /// Nothing stands here that could be repeated.
    Nothing,
    /// A quantifier stands here already.
    Quantifier,
    /// An item.
    Item,
}

/// A group that is still open.
struct Open {
    outer: Flags,
    place: usize,
}

struct Translator<'a> {
    cursor: Cursor<'a>,
    mode: Mode,
    interpolated: bool,
    flags: Flags,
    open: Vec<Open>,
    /// Groups used in the output so far.
    used: usize,
    repeatable: Repeatable,
    done: Translated,
}

impl Translator<'_> {
    fn run(&mut self) -> Result<(), Error> {
        while let Some(c) = self.cursor.next() {
            let place = self.cursor.last_place();
            match c {
                '\\' => self.escape(place)?,
                '[' => {
                    class::translate(&mut self.cursor, self.mode, self.interpolated, &mut self.done.regex)?;
                    self.repeatable = Repeatable::Item;
                }
                '(' => self.group(place)?,
                ')' => {
                    let Some(open) = self.open.pop() else {
                        return Err(self.cursor.refuse(
                            place,
                            "this ) closes nothing",
                            "write \\) for a parenthesis itself",
                        ));
                    };
                    self.flags = open.outer;
                    self.item(")");
                }
                '|' => {
                    self.done.regex.push('|');
                    self.repeatable = Repeatable::Nothing;
                }
                '^' => self.line_start(),
                '$' => {
                    // Perl takes it for the end of the line only before these; elsewhere it begins a variable.
                    let anchor = matches!(
                        self.cursor.peek(),
                        None | Some('(' | ')' | '|' | ' ' | '\t' | '\r' | '\n' | '?' | '\\')
                    );
                    if self.interpolated && !anchor {
                        return Err(variable(&self.cursor, place));
                    }
                    self.line_end(self.flags.lines);
                }
                '.' => self.any(self.flags.dot_all),
                '*' | '+' | '?' => self.quantifier(&c.to_string(), place)?,
                '{' => match self.counts(place)? {
                    Some(counts) => self.quantifier(&counts, place)?,
                    None => self.literal(Code::Char(c)),
                },
                '#' if self.flags.spaced => {
                    self.cursor.take_while(usize::MAX, |c| c != '\n');
                }
                c if self.flags.spaced && c.is_whitespace() => {}
                c => self.literal(Code::Char(c)),
            }
        }
        match self.open.last() {
            None => Ok(()),
            Some(open) => Err(self.cursor.refuse(
                open.place,
                "the ) of this group is missing",
                "write \\( for a parenthesis itself",
            )),
        }
    }

    fn item(&mut self, regex: &str) {
        self.done.regex.push_str(regex);
        self.repeatable = Repeatable::Item;
    }

    fn assertion(&mut self, regex: &str) {
        self.done.regex.push_str(regex);
        self.repeatable = Repeatable::Nothing;
    }

    fn literal(&mut self, code: Code) {
        let regex = match (code, self.mode) {
            (Code::Char(c), _) if c.is_ascii_alphanumeric() || !c.is_ascii() => c.to_string(),
            (Code::Byte(byte), Mode::Bytes) => format!("(?-u:\\x{byte:02X})"),
            (code, _) => format!("\\x{{{:X}}}", u32::from(code.in_text())),
        };
        self.item(&regex);
    }

    /// A set in its syntax for text or for bytes.
    fn set(&mut self, (text, bytes): (&str, &str)) {
        match self.mode {
            Mode::Text => self.item(text),
            Mode::Bytes => self.item(&format!("(?-u:{bytes})")),
        }
    }

    fn any(&mut self, line_feed_too: bool) {
        self.set(if line_feed_too { ("(?s:.)", "(?s:.)") } else { (r"[^\n]", r"[^\n]") });
    }

    fn line_start(&mut self) {
        if self.flags.lines {
            self.done.line_starts = true;
            self.assertion("(?m:^)");
        } else {
            self.assertion(r"\A");
        }
    }

    /// `$` and `\Z`. Without `m` they match at the end and also before a line feed that ends the text. The engine
    /// cannot look ahead: the line feed is matched in a group of its own, and taken off the match afterwards.
    fn line_end(&mut self, lines: bool) {
        if lines {
            self.assertion("(?m:$)");
        } else {
            self.used += 1;
            self.done.line_ends.push(self.used);
            self.assertion(r"(?:\z|(\n)\z)");
        }
    }

    fn quantifier(&mut self, quantifier: &str, place: usize) -> Result<(), Error> {
        let (what, hint) = match self.repeatable {
            Repeatable::Item => {
                self.done.regex.push_str(quantifier);
                if self.cursor.eat('?') {
                    self.done.regex.push('?');
                }
                self.repeatable = Repeatable::Quantifier;
                if self.cursor.peek() != Some('+') {
                    return Ok(());
                }
                ("possessive quantifiers, such as a++, are not supported", "leave out the second +")
            }
            Repeatable::Quantifier => {
                ("this quantifier follows another", "put what is to be repeated into (?:…)")
            }
            Repeatable::Nothing => {
                ("there is nothing here to repeat", "write a backslash before the character to mean itself")
            }
        };
        Err(self.cursor.refuse(place, what, hint))
    }

    /// Reads `{2}`, `{2,}`, `{,3}` or `{2,3}`, whose `{` has been consumed; anything else is a brace itself.
    fn counts(&mut self, place: usize) -> Result<Option<String>, Error> {
        let mut ahead = self.cursor.clone();
        let Some(inside) = ahead.until('}') else { return Ok(None) };
        let (low, high) = inside.split_once(',').unwrap_or((&inside, &inside));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if !digits(low) || !digits(high) || (low.is_empty() && high.is_empty()) {
            return Ok(None);
        }
        let count = |text: &str, empty| if text.is_empty() { Some(empty) } else { text.parse::<u16>().ok() };
        match (count(low, 0), count(high, u16::MAX)) {
            (Some(low_count), Some(high_count)) if low_count <= high_count => {
                self.cursor = ahead;
                Ok(Some(if high.is_empty() {
                    format!("{{{low_count},}}")
                } else {
                    format!("{{{low_count},{high_count}}}")
                }))
            }
            _ => Err(self.cursor.refuse(
                place,
                "these counts do not fit",
                "write {low,high}, low not above high, both below 65536",
            )),
        }
    }

    fn group(&mut self, place: usize) -> Result<(), Error> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.cursor.refuse(
                place,
                format!("groups nest deeper than {MAX_DEPTH}"),
                "write a simpler pattern",
            ));
        }
        let outer = self.flags;
        if self.cursor.peek() == Some('*') {
            return Err(self.unsupported(place, "a control verb, (*…)"));
        }
        if self.cursor.eat_all("?#") {
            return match self.cursor.until(')') {
                Some(_) => Ok(()),
                None => Err(self.cursor.refuse(
                    place,
                    "the ) of this comment is missing",
                    "a comment ends at the next )",
                )),
            };
        }
        if !self.cursor.eat('?') {
            self.capture(None);
        } else if let Some(what) = self.no_counterpart() {
            return Err(self.unsupported(place, what));
        } else if let Some(close) = self.name_delimiter() {
            match self.cursor.until(close) {
                Some(name) if is_name(&name) => self.capture(Some(name)),
                _ => {
                    return Err(self.cursor.refuse(
                        place,
                        "this group's name is not closed, or no name",
                        "write (?<name>…), the name of letters, digits and _",
                    ));
                }
            }
        } else if self.inline_flags(place)? {
            // `(?i)` opens no group: it holds to the end of the one it stands in.
            return Ok(());
        }
        self.open.push(Open { outer, place });
        self.repeatable = Repeatable::Nothing;
        Ok(())
    }

    fn capture(&mut self, name: Option<String>) {
        self.used += 1;
        self.done.groups.push(self.used);
        if let Some(name) = name {
            self.done.names.push((name, self.done.groups.len()));
        }
        self.done.regex.push('(');
    }

    /// The name of the construct that begins here, behind `(?`, where the engine has nothing like it.
    fn no_counterpart(&self) -> Option<&'static str> {
        Some(match (self.cursor.peek()?, self.cursor.peek_at(1)) {
            ('{', _) | ('?', Some('{')) | ('*', Some('{')) => {
                "a code block, (?{…}) or (??{…}): nothing is evaluated"
            }
            ('=', _) => "a look-ahead, (?=…)",
            ('!', _) => "a negative look-ahead, (?!…)",
            ('<', Some('=')) => "a look-behind, (?<=…)",
            ('<', Some('!')) => "a negative look-behind, (?<!…)",
            ('>', _) => "an atomic group, (?>…)",
            ('|', _) => "a branch reset, (?|…)",
            ('(', _) => "a conditional, (?(…)…)",
            ('P', Some('=')) => "a backreference, (?P=…)",
            ('R' | '&' | '+' | '0'..='9', _) | ('P', Some('>')) | ('-', Some('0'..='9')) => {
                "a recursion into the pattern, (?R)"
            }
            _ => return None,
        })
    }

    fn unsupported(&self, place: usize, what: &str) -> Error {
        self.cursor.refuse(
            place,
            format!("{what} is not supported"),
            "patterns run in linear time: use groups and $1, two edits separated by ;, or --f1f2",
        )
    }

    fn name_delimiter(&mut self) -> Option<char> {
        if self.cursor.eat_all("P<") || self.cursor.eat('<') {
            Some('>')
        } else if self.cursor.eat('\'') {
            Some('\'')
        } else {
            None
        }
    }

    /// Reads `i-s:` or `i)` behind `(?`. True: it was closed at once and opens no group.
    fn inline_flags(&mut self, place: usize) -> Result<bool, Error> {
        let before = self.flags;
        let mut on = true;
        if self.cursor.eat('^') {
            self.flags = Flags::default();
        }
        loop {
            match self.cursor.next() {
                Some('-') if on => on = false,
                Some(end @ (':' | ')')) => {
                    let case = match (before.ignore_case, self.flags.ignore_case) {
                        (false, true) => "i",
                        (true, false) => "-i",
                        _ => "",
                    };
                    match (end, case) {
                        (':', case) => {
                            // Writing to a String cannot fail.
                            let _ = write!(self.done.regex, "(?{case}:");
                        }
                        (_, "") => {}
                        (_, case) => {
                            let _ = write!(self.done.regex, "(?{case})");
                        }
                    }
                    if end == ')' {
                        self.repeatable = Repeatable::Nothing;
                    }
                    return Ok(end == ')');
                }
                Some(letter) if self.flags.set(letter, on) => {}
                Some(letter) => {
                    return Err(self.cursor.refuse(
                        self.cursor.last_place(),
                        format!("{letter:?} is not supported behind (?"),
                        "the flags i, m, s and x are, as in (?i)",
                    ));
                }
                None => {
                    return Err(self.cursor.refuse(
                        place,
                        "the ) of this group is missing",
                        "write (?i) or (?:…)",
                    ));
                }
            }
        }
    }

    fn escape(&mut self, place: usize) -> Result<(), Error> {
        let Some(c) = self.cursor.next() else {
            return Err(self.cursor.refuse(
                place,
                "the pattern ends in a single backslash",
                "write \\\\ for a backslash itself",
            ));
        };
        if let Some(set) = class::shorthand(c) {
            self.set(set);
            return Ok(());
        }
        match c {
            'b' | 'B' if self.cursor.peek() == Some('{') => {
                return Err(self.unsupported(place, "a Unicode boundary, \\b{…}"));
            }
            'b' | 'B' => {
                let word = match (self.mode, c) {
                    (Mode::Text, 'b') => r"\b",
                    (Mode::Text, _) => r"\B",
                    (Mode::Bytes, 'b') => r"(?-u:\b)",
                    (Mode::Bytes, _) => r"(?-u:\B)",
                };
                self.assertion(word);
            }
            'A' => self.assertion(r"\A"),
            'z' => self.assertion(r"\z"),
            'Z' => self.line_end(false),
            'R' => {
                let line_end = match self.mode {
                    Mode::Text => format!(r"(?:\r\n|{})", class::VERTICAL.0),
                    Mode::Bytes => format!(r"(?:\r\n|{})", class::VERTICAL.1),
                };
                self.item(&line_end);
            }
            'N' if self.cursor.peek() != Some('{') => self.any(false),
            'p' | 'P' => {
                let property = property(&mut self.cursor, c, place)?;
                self.item(&property);
            }
            'Q' => self.quoted(place)?,
            'E' => {}
            '1'..='9' => match (c, self.cursor.peek(), self.cursor.peek_at(1)) {
                ('1'..='3', Some('0'..='7'), Some('0'..='7')) => {
                    let code = escape::octal(&mut self.cursor, c)?;
                    self.literal(code);
                }
                _ => return Err(self.unsupported(place, "a backreference within the pattern, \\1")),
            },
            'g' | 'k' => {
                return Err(self.unsupported(place, "a backreference within the pattern, \\g or \\k"));
            }
            'K' => return Err(self.unsupported(place, "\\K")),
            'G' => return Err(self.unsupported(place, "\\G")),
            'X' | 'C' => return Err(self.unsupported(place, "\\X or \\C")),
            'U' | 'L' | 'u' | 'l' | 'F' => {
                return Err(self.cursor.refuse(
                    place,
                    format!("\\{c} works in a replacement, not in a pattern"),
                    "use the flag i to match without case",
                ));
            }
            _ => {
                let code = escape::character(&mut self.cursor, c)?.unwrap_or(Code::Char(c));
                self.literal(code);
            }
        }
        Ok(())
    }

    /// `\Q…\E`: everything means itself.
    fn quoted(&mut self, place: usize) -> Result<(), Error> {
        while let Some(c) = self.cursor.next() {
            let next = self.cursor.peek();
            match (c, next) {
                ('\\', Some('E')) => {
                    self.cursor.next();
                    break;
                }
                ('\\', Some('Q' | 'U' | 'L' | 'u' | 'l' | 'F')) => {
                    return Err(self.cursor.refuse(
                        self.cursor.last_place(),
                        "\\Q…\\E cannot hold another of its kind",
                        "close it with \\E first",
                    ));
                }
                ('\\', Some(next)) => {
                    // Also `\\E`, which does not close.
                    self.cursor.next();
                    self.literal(Code::Char(c));
                    self.literal(Code::Char(next));
                }
                ('$', Some(next)) if self.interpolated && (next.is_alphanumeric() || "_{".contains(next)) => {
                    return Err(variable(&self.cursor, place));
                }
                (c, _) => self.literal(Code::Char(c)),
            }
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_numeric())
}
