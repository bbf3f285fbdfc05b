//! `tr/from/to/`: one character for another, with ranges and the flags `c`, `d` and `s`.

use super::cursor::{Cursor, Piece};
use super::escape::{self, Code};
use super::translate::Mode;
use crate::error::Error;

/// A list of characters with ranges, never written out: `\x{0}-\x{10FFFF}` is one entry.
#[derive(Debug, Clone, Default)]
struct List(Vec<(u32, u32)>);

impl List {
    /// The place of the character in the list; the first occurrence counts.
    fn position(&self, c: u32) -> Option<u64> {
        let mut before = 0;
        for &(low, high) in &self.0 {
            if (low..=high).contains(&c) {
                return Some(before + u64::from(c - low));
            }
            before += u64::from(high - low) + 1;
        }
        None
    }

    /// The character at a place of the list.
    fn get(&self, position: u64) -> Option<u32> {
        let mut rest = position;
        for &(low, high) in &self.0 {
            let length = u64::from(high - low) + 1;
            if rest < length {
                return u32::try_from(rest).ok().map(|rest| low + rest);
            }
            rest -= length;
        }
        None
    }

    fn last(&self) -> Option<u32> {
        self.0.last().map(|&(_, high)| high)
    }

    /// How many different values below `c` the list holds.
    fn count_below(&self, c: u32) -> u64 {
        let mut ranges: Vec<(u32, u32)> =
            self.0.iter().filter(|r| r.0 < c).map(|&(low, high)| (low, high.min(c - 1))).collect();
        ranges.sort_unstable();
        let mut count = 0;
        let mut next = 0_u32;
        for (low, high) in ranges {
            let low = low.max(next);
            if low <= high {
                count += u64::from(high - low) + 1;
                next = high.saturating_add(1);
            }
        }
        count
    }
}

/// What becomes of one character.
enum Fate {
    Stays,
    Goes,
    Becomes(u32),
}

/// A compiled `tr///`.
#[derive(Debug, Clone)]
pub(super) struct Transliteration {
    from: List,
    to: List,
    /// `c`: all characters that `from` does not list.
    complement: bool,
    /// `d`: what has no counterpart goes.
    delete: bool,
    /// `s`: a run of the same new character becomes one.
    squeeze: bool,
}

impl Transliteration {
    /// Reads the two lists and the flags.
    pub(super) fn parse(source: &str, left: &Piece, right: &Piece, flags: &Piece) -> Result<Self, Error> {
        let mut made = Self {
            from: list(&mut left.cursor(source))?,
            to: list(&mut right.cursor(source))?,
            complement: false,
            delete: false,
            squeeze: false,
        };
        let mut letters = flags.cursor(source);
        while let Some(letter) = letters.next() {
            match letter {
                'c' => made.complement = true,
                'd' => made.delete = true,
                's' => made.squeeze = true,
                'r' => {
                    return Err(letters.refuse(
                        letters.last_place(),
                        "the flag r returns a copy and changes nothing",
                        "leave it out",
                    ));
                }
                other => {
                    return Err(letters.refuse(
                        letters.last_place(),
                        format!("tr/// has no flag {other:?}"),
                        "the flags c, d and s are known",
                    ));
                }
            }
        }
        Ok(made)
    }

    fn fate(&self, c: u32) -> Fate {
        let position = match (self.from.position(c), self.complement) {
            (Some(position), false) => position,
            (None, true) => u64::from(c) - self.from.count_below(c),
            _ => return Fate::Stays,
        };
        match self.to.get(position) {
            Some(new) => Fate::Becomes(new),
            None if self.delete => Fate::Goes,
            // The last one stands for all that follow; an empty list changes nothing, but `s` still works.
            None => Fate::Becomes(self.to.last().unwrap_or(c)),
        }
    }

    /// The edited bytes. Valid UTF-8 is edited by character; a byte that is not part of any stays, or is edited as the
    /// code point of its value under [`Mode::Bytes`].
    pub(super) fn apply(&self, mode: Mode, haystack: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(haystack.len());
        // The last character that a replacement put in, while nothing else came after it.
        let mut last = None;
        for chunk in haystack.utf8_chunks() {
            for c in chunk.valid().chars() {
                match self.fate(u32::from(c)) {
                    Fate::Goes => {}
                    Fate::Becomes(new) if self.squeeze && last == Some(new) => {}
                    Fate::Becomes(new) => {
                        let new_char = char::from_u32(new).unwrap_or(c);
                        out.extend_from_slice(new_char.encode_utf8(&mut [0; 4]).as_bytes());
                        last = Some(new);
                    }
                    Fate::Stays => {
                        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                        last = None;
                    }
                }
            }
            for &byte in chunk.invalid() {
                match self.fate(u32::from(byte)) {
                    Fate::Goes if mode == Mode::Bytes => {}
                    Fate::Becomes(new) if mode == Mode::Bytes => {
                        if !(self.squeeze && last == Some(new)) {
                            match u8::try_from(new) {
                                Ok(new) => out.push(new),
                                Err(_) => out.extend(
                                    char::from_u32(new).into_iter().flat_map(|c| c.to_string().into_bytes()),
                                ),
                            }
                        }
                        last = Some(new);
                    }
                    _ => {
                        out.push(byte);
                        last = None;
                    }
                }
            }
        }
        out
    }
}

/// Reads a list with ranges.
fn list(cursor: &mut Cursor<'_>) -> Result<List, Error> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    let mut after_range = false;
    while let Some((c, plain)) = member(cursor)? {
        if plain && c == '-' && !ranges.is_empty() && cursor.peek().is_some() {
            let place = cursor.last_place();
            if after_range {
                return Err(cursor.refuse(place, "this range is ambiguous", "write \\- for a hyphen itself"));
            }
            let Some((high, _)) = member(cursor)? else { continue };
            if let Some(last) = ranges.last_mut() {
                if last.0 > u32::from(high) {
                    return Err(cursor.refuse(
                        place,
                        "this range runs backwards",
                        "write the lower end first",
                    ));
                }
                last.1 = u32::from(high);
            }
            after_range = true;
        } else {
            ranges.push((u32::from(c), u32::from(c)));
            after_range = false;
        }
    }
    Ok(List(ranges))
}

/// Reads one character, and whether it was written without a backslash.
fn member(cursor: &mut Cursor<'_>) -> Result<Option<(char, bool)>, Error> {
    let Some(c) = cursor.next() else { return Ok(None) };
    if c != '\\' {
        return Ok(Some((c, true)));
    }
    // A backslash at the end means itself, as in Perl.
    let Some(c) = cursor.next() else { return Ok(Some(('\\', false))) };
    let code = match c {
        'b' => Code::Char('\x08'),
        '1'..='7' => escape::octal(cursor, c)?,
        _ => escape::character(cursor, c)?.unwrap_or(Code::Char(c)),
    };
    Ok(Some((code.in_text(), false)))
}
