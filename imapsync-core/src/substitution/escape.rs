//! The backslash escapes that stand for one character, alike in patterns, replacements and `tr` lists.

use super::cursor::Cursor;
use crate::error::Error;

/// A character that a user named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// A character; UTF-8 where bytes are edited.
    Char(char),
    /// `\x80` to `\xFF` and their octal forms: that byte where bytes are edited, that code point in text.
    Byte(u8),
}

impl Code {
    /// The character that this is in text.
    pub(super) fn in_text(self) -> char {
        match self {
            Self::Char(c) => c,
            Self::Byte(b) => char::from(b),
        }
    }

    fn of(value: u32) -> Option<Self> {
        match u8::try_from(value) {
            Ok(byte) if byte.is_ascii() => Some(Self::Char(char::from(byte))),
            Ok(byte) => Some(Self::Byte(byte)),
            Err(_) => char::from_u32(value).map(Self::Char),
        }
    }
}

/// Reads the escape whose backslash and first character `c` have been consumed.
///
/// `None`: `c` does not begin a character escape, and what it means is the caller's business.
pub(super) fn character(cursor: &mut Cursor<'_>, c: char) -> Result<Option<Code>, Error> {
    let code = match c {
        't' => Code::Char('\t'),
        'n' => Code::Char('\n'),
        'r' => Code::Char('\r'),
        'f' => Code::Char('\x0C'),
        'e' => Code::Char('\x1B'),
        'a' => Code::Char('\x07'),
        'x' if cursor.eat('{') => braced(cursor, 16)?,
        'x' => {
            let digits = cursor.take_while(2, |c| c.is_ascii_hexdigit());
            number(cursor, if digits.is_empty() { "0" } else { &digits }, 16)?
        }
        'o' if cursor.eat('{') => braced(cursor, 8)?,
        'N' if cursor.eat_all("{U+") => braced(cursor, 16)?,
        '0' => octal(cursor, c)?,
        'c' => match cursor.next() {
            Some(control @ '?'..='_') => Code::Char(char::from(control as u8 ^ 64)),
            Some(control @ 'a'..='z') => Code::Char(char::from(control.to_ascii_uppercase() as u8 ^ 64)),
            _ => {
                return Err(cursor.refuse(
                    cursor.last_place(),
                    "\\c needs a letter",
                    "write \\cA, or \\x01 for a control character",
                ));
            }
        },
        _ => return Ok(None),
    };
    Ok(Some(code))
}

/// Reads an octal escape of at most three digits, of which `first` has been consumed.
pub(super) fn octal(cursor: &mut Cursor<'_>, first: char) -> Result<Code, Error> {
    let mut digits = String::from(first);
    digits.push_str(&cursor.take_while(2, |c| c.is_digit(8)));
    number(cursor, &digits, 8)
}

fn braced(cursor: &mut Cursor<'_>, radix: u32) -> Result<Code, Error> {
    let place = cursor.place();
    match cursor.until('}') {
        Some(digits) => number(cursor, digits.trim(), radix),
        None => Err(cursor.refuse(place, "the closing } of this escape is missing", "write \\x{263A}")),
    }
}

fn number(cursor: &Cursor<'_>, digits: &str, radix: u32) -> Result<Code, Error> {
    // from_str_radix would accept a sign.
    let clean = digits.bytes().all(|b| b.is_ascii_alphanumeric());
    u32::from_str_radix(digits, radix).ok().filter(|_| clean).and_then(Code::of).ok_or_else(|| {
        cursor.refuse(cursor.last_place(), "this number names no character", "write \\x{263A} for U+263A")
    })
}
