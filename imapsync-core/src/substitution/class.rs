//! Bracketed character classes, `[a-z\d[:alpha:]]`, from Perl's syntax into that of the regex crate.

use super::cursor::Cursor;
use super::escape::{self, Code};
use super::translate::{Mode, property};
use crate::error::Error;
use std::fmt::Write as _;

/// One member of a class.
enum Member {
    Range(Code, Code),
    /// A set, in the syntax for text and in that for bytes.
    Set(&'static str, &'static str),
    /// A Unicode property, `\p{...}`.
    Property(String),
}

/// `\h` in text and in bytes.
pub(super) const BLANK: (&str, &str) =
    (r"[\t \xA0\x{1680}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]", r"[\t ]");
/// `\v` in text and in bytes.
pub(super) const VERTICAL: (&str, &str) = (r"[\n-\r\x{85}\x{2028}\x{2029}]", r"[\n-\r]");
const NOT_BLANK: (&str, &str) = (r"[^\t \xA0\x{1680}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]", r"[^\t ]");
const NOT_VERTICAL: (&str, &str) = (r"[^\n-\r\x{85}\x{2028}\x{2029}]", r"[^\n-\r]");

/// The set that `\c` names, in text and in bytes. `\d` is ASCII in both.
pub(super) fn shorthand(c: char) -> Option<(&'static str, &'static str)> {
    Some(match c {
        'd' => ("[0-9]", "[0-9]"),
        'D' => ("[^0-9]", "[^0-9]"),
        'w' => (r"\w", r"\w"),
        'W' => (r"\W", r"\W"),
        's' => (r"\s", r"\s"),
        'S' => (r"\S", r"\S"),
        'h' => BLANK,
        'H' => NOT_BLANK,
        'v' => VERTICAL,
        'V' => NOT_VERTICAL,
        _ => return None,
    })
}

fn posix(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "alpha" => (r"\p{Alphabetic}", "[:alpha:]"),
        "^alpha" => (r"\P{Alphabetic}", "[:^alpha:]"),
        "digit" => ("[0-9]", "[:digit:]"),
        "^digit" => ("[^0-9]", "[:^digit:]"),
        "alnum" => (r"[\p{Alphabetic}\p{Nd}]", "[:alnum:]"),
        "^alnum" => (r"[^\p{Alphabetic}\p{Nd}]", "[:^alnum:]"),
        "upper" => (r"\p{Uppercase}", "[:upper:]"),
        "^upper" => (r"\P{Uppercase}", "[:^upper:]"),
        "lower" => (r"\p{Lowercase}", "[:lower:]"),
        "^lower" => (r"\P{Lowercase}", "[:^lower:]"),
        "space" => (r"\s", "[:space:]"),
        "^space" => (r"\S", "[:^space:]"),
        "punct" => (r"[[:punct:]\p{P}]", "[:punct:]"),
        "^punct" => (r"[^[:punct:]\p{P}]", "[:^punct:]"),
        "word" => (r"\w", "[:word:]"),
        "^word" => (r"\W", "[:^word:]"),
        "xdigit" => ("[:xdigit:]", "[:xdigit:]"),
        "^xdigit" => ("[:^xdigit:]", "[:^xdigit:]"),
        "cntrl" => (r"\p{Cc}", "[:cntrl:]"),
        "^cntrl" => (r"\P{Cc}", "[:^cntrl:]"),
        "graph" => (r"[^\s\p{Cc}\p{Cn}]", "[:graph:]"),
        "^graph" => (r"[\s\p{Cc}\p{Cn}]", "[:^graph:]"),
        "print" => (r"[^\p{Cc}\p{Cn}\x{2028}\x{2029}]", "[:print:]"),
        "^print" => (r"[\p{Cc}\p{Cn}\x{2028}\x{2029}]", "[:^print:]"),
        "blank" => BLANK,
        "^blank" => NOT_BLANK,
        "ascii" => ("[:ascii:]", "[:ascii:]"),
        "^ascii" => ("[:^ascii:]", "[:^ascii:]"),
        _ => return None,
    })
}

/// Translates the class whose `[` has been consumed, and appends it to `out`. `interpolated`: a `$name` in it would
/// be a variable.
pub(super) fn translate(
    cursor: &mut Cursor<'_>,
    mode: Mode,
    interpolated: bool,
    out: &mut String,
) -> Result<(), Error> {
    let start = cursor.last_place();
    let negated = cursor.eat('^');
    let mut members = Vec::new();
    // A `]` in front is a member.
    let mut first = true;
    while first || cursor.peek() != Some(']') {
        first = false;
        let Some(member) = member(cursor, start, interpolated)? else { continue };
        let Member::Range(low, _) = member else {
            members.push(member);
            continue;
        };
        // A `-` makes a range only between two characters; beside a set or the closing bracket it is a member.
        if cursor.peek() == Some('-') && !matches!(cursor.peek_at(1), None | Some(']')) {
            let place = cursor.place();
            let mut ahead = cursor.clone();
            ahead.next();
            if let Some(Member::Range(high, _)) = self::member(&mut ahead, start, interpolated)? {
                if low.in_text() > high.in_text() {
                    return Err(cursor.refuse(
                        place,
                        "this range runs backwards",
                        "write the lower end first",
                    ));
                }
                *cursor = ahead;
                members.push(Member::Range(low, high));
                continue;
            }
        }
        members.push(member);
    }
    cursor.next();
    emit(&members, negated, mode, out);
    Ok(())
}

fn unclosed(cursor: &Cursor<'_>, start: usize) -> Error {
    cursor.refuse(start, "the ] of this character class is missing", "write \\[ for a bracket itself")
}

/// Reads one member; `None` for something that stands for nothing (`\E`).
fn member(cursor: &mut Cursor<'_>, start: usize, interpolated: bool) -> Result<Option<Member>, Error> {
    let place = cursor.place();
    let Some(c) = cursor.next() else { return Err(unclosed(cursor, start)) };
    match c {
        '\\' => escaped(cursor, start, place),
        '[' if matches!(cursor.peek(), Some('=' | '.')) => {
            let mark = cursor.peek();
            let mut ahead = cursor.clone();
            ahead.next();
            // Only `[=a=]` is the POSIX form; `[[=]` is a bracket and an equals sign.
            if ahead.until(']').is_some_and(|inside| inside.chars().last() == mark) {
                return Err(cursor.refuse(
                    place,
                    "POSIX [= =] and [. .] are not supported",
                    "list the characters themselves",
                ));
            }
            Ok(Some(single(Code::Char(c))))
        }
        '[' if cursor.peek() == Some(':') => {
            let mut ahead = cursor.clone();
            ahead.next();
            let name = ahead.until(']').and_then(|inside| inside.strip_suffix(':').map(str::to_owned));
            let Some(name) = name else { return Ok(Some(single(Code::Char(c)))) };
            let Some((text, bytes)) = posix(&name) else {
                return Err(cursor.refuse(
                    place,
                    format!("[:{name}:] is no POSIX class"),
                    "for example [:alpha:] or [:digit:]",
                ));
            };
            *cursor = ahead;
            Ok(Some(Member::Set(text, bytes)))
        }
        '$' if interpolated && cursor.peek().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '{') => {
            Err(super::translate::variable(cursor, place))
        }
        c => Ok(Some(single(Code::Char(c)))),
    }
}

fn escaped(cursor: &mut Cursor<'_>, start: usize, place: usize) -> Result<Option<Member>, Error> {
    let Some(c) = cursor.next() else { return Err(unclosed(cursor, start)) };
    if let Some((text, bytes)) = shorthand(c) {
        return Ok(Some(Member::Set(text, bytes)));
    }
    Ok(match c {
        'b' => Some(single(Code::Char('\x08'))),
        'E' => None,
        'p' | 'P' => Some(Member::Property(property(cursor, c, place)?)),
        '1'..='7' => Some(single(escape::octal(cursor, c)?)),
        'Q' | 'U' | 'L' | 'u' | 'l' | 'F' | 'R' | 'X' => {
            return Err(cursor.refuse(
                place,
                format!("\\{c} is not supported in a character class"),
                "list the characters",
            ));
        }
        _ => Some(single(escape::character(cursor, c)?.unwrap_or(Code::Char(c)))),
    })
}

fn single(code: Code) -> Member {
    Member::Range(code, code)
}

fn emit(members: &[Member], negated: bool, mode: Mode, out: &mut String) {
    let unicode = mode == Mode::Text
        || members.iter().any(|member| match member {
            Member::Range(low, high) => {
                [low, high].iter().any(|c| matches!(c, Code::Char(c) if !c.is_ascii()))
            }
            Member::Set(..) => false,
            Member::Property(_) => true,
        });
    // Bytes are matched one by one, valid UTF-8 or not, unless the class itself names longer characters.
    out.push_str(match (unicode, negated) {
        (true, false) => "[",
        (true, true) => "[^",
        (false, false) => "(?-u:[",
        (false, true) => "(?-u:[^",
    });
    for member in members {
        match member {
            Member::Range(low, high) => {
                let (low, high) = (u32::from(low.in_text()), u32::from(high.in_text()));
                // Writing to a String cannot fail.
                let _ = if unicode {
                    write!(out, "\\x{{{low:X}}}-\\x{{{high:X}}}")
                } else {
                    write!(out, "\\x{low:02X}-\\x{high:02X}")
                };
            }
            Member::Set(text, _) if unicode => out.push_str(text),
            Member::Set(_, bytes) => out.push_str(bytes),
            Member::Property(text) => out.push_str(text),
        }
    }
    out.push_str(if unicode { "]" } else { "])" });
}
