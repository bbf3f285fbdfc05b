//! The words of a response line: atoms, numbers, strings, literals and lists, read tolerantly with nom.
//!
//! A parser works on a tail of the line. Where literals are is not guessed from the text but known from the framer,
//! so the parsers that may meet one are methods of [`Scope`].

use std::borrow::Cow;
use std::str::FromStr;

use bytes::Bytes;
use memchr::memchr2;
use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_till1, take_while};
use nom::character::complete::{char, digit1, space0};
use nom::combinator::{map, map_opt, not, opt, peek, recognize, value};
use nom::multi::fold_many0;
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

use crate::imap::frame::Line;
use crate::imap::text::escape;

/// What a parser gives: the tail behind it, and its value. Why it failed is nobody's business: the line is named as a whole.
pub(super) type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

/// A failed parse.
pub(super) const FAILED: nom::Err<()> = nom::Err::Error(());

/// A string, wherever its bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Str<'a> {
    /// A part of the line, or a quoted string whose escapes were removed.
    Bytes(Cow<'a, [u8]>),
    /// The bytes went past as chunks.
    Detached { slot: usize, len: u64 },
}

impl<'a> Str<'a> {
    /// The bytes, unless they are detached.
    pub(super) fn bytes(self) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Detached { .. } => None,
        }
    }
}

/// A run of anything but spaces and parentheses that does not begin like a quoted string.
pub(super) fn atom(i: &[u8]) -> Parsed<'_, &[u8]> {
    preceded(not(char('"')), take_till1(|b: u8| matches!(b, b' ' | b'\t' | b'(' | b')'))).parse(i)
}

/// A run of anything but spaces, likewise: what a server writes without quotes may hold parentheses.
pub(super) fn unspaced(i: &[u8]) -> Parsed<'_, &[u8]> {
    preceded(not(char('"')), take_till1(|b: u8| matches!(b, b' ' | b'\t'))).parse(i)
}

/// Decimal digits that fit the type; a sign or an overflow fails.
pub(super) fn number<T: FromStr>(i: &[u8]) -> Parsed<'_, T> {
    map_opt(digit1, |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok()).parse(i)
}

/// A number, which some servers quote.
pub(super) fn loose_number<T: FromStr>(i: &[u8]) -> Parsed<'_, T> {
    alt((number, delimited(char('"'), number, char('"')))).parse(i)
}

/// `NIL` as a whole word.
pub(super) fn nil(i: &[u8]) -> Parsed<'_, ()> {
    value((), terminated(tag_no_case("NIL"), boundary)).parse(i)
}

/// The place between two words: a space, a closing parenthesis or the end comes next.
pub(super) fn boundary(i: &[u8]) -> Parsed<'_, ()> {
    match i.first() {
        None | Some(b' ' | b'\t' | b')') => Ok((i, ())),
        Some(_) => Err(FAILED),
    }
}

/// Nothing but spaces until the end.
pub(super) fn end(i: &[u8]) -> Parsed<'_, ()> {
    let (rest, _) = space0.parse(i)?;
    if rest.is_empty() { Ok((rest, ())) } else { Err(FAILED) }
}

/// A quoted string without its escapes. An escape that the grammar does not know keeps its backslash.
pub(super) fn quoted(i: &[u8]) -> Parsed<'_, Cow<'_, [u8]>> {
    let (text, _) = char('"').parse(i)?;
    let mut unescaped: Option<Vec<u8>> = None;
    let mut from = 0;
    let mut at = 0;
    loop {
        at += text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)).ok_or(FAILED)?;
        if text[at] == b'"' {
            let last = &text[from..at];
            let whole = match unescaped {
                None => Cow::Borrowed(last),
                Some(mut whole) => {
                    whole.extend_from_slice(last);
                    Cow::Owned(whole)
                }
            };
            return Ok((&text[at + 1..], whole));
        }
        if matches!(text.get(at + 1), Some(b'"' | b'\\')) {
            unescaped.get_or_insert_default().extend_from_slice(&text[from..at]);
            from = at + 1;
        }
        at += 2;
    }
}

/// Items between parentheses, with any number of spaces around them.
pub(super) fn list<'a, T>(
    item: impl Parser<&'a [u8], Output = T, Error = ()>,
) -> impl Parser<&'a [u8], Output = Vec<T>, Error = ()> {
    let items = fold_many0(terminated(item, space0), Vec::new, |mut items, item| {
        items.push(item);
        items
    });
    delimited((char('('), space0), items, char(')'))
}

/// A list of flags or attributes: bare words, or quoted ones.
pub(super) fn word_list(i: &[u8]) -> Parsed<'_, Vec<Cow<'_, str>>> {
    let word = alt((terminated(quoted, boundary), map(terminated(atom, boundary), Cow::Borrowed)));
    list(map(word, lossy)).parse(i)
}

/// Bytes as text. What is no UTF-8 is replaced, which makes the word visible and impossible to send.
pub(super) fn lossy(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// The words between spaces.
pub(super) fn words(i: &[u8]) -> impl Iterator<Item = &[u8]> {
    i.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty())
}

/// The parsers that may meet a literal, and so need the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a>(pub(super) &'a Line);

impl<'a> Scope<'a> {
    /// A part of the line without a copy, an unescaped string with one move.
    pub(super) fn share(self, bytes: Cow<'a, [u8]>) -> Bytes {
        match bytes {
            Cow::Borrowed(part) if self.offset(part).is_some() => self.0.bytes.slice_ref(part),
            other => Bytes::from(other.into_owned()),
        }
    }

    /// Where a part of the line begins.
    fn offset(self, part: &[u8]) -> Option<usize> {
        let line = &self.0.bytes[..];
        let at = (part.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
        (at.checked_add(part.len())? <= line.len()).then_some(at)
    }

    /// A literal that the framer has seen.
    pub(super) fn literal(self, i: &'a [u8]) -> Parsed<'a, Str<'a>> {
        let marker = (
            opt(char('~')),
            delimited(char('{'), digit1, (opt(char('+')), char('}'))),
            take_while(|b| b == b'\r'),
            char('\n'),
        );
        let (rest, _) = recognize(marker).parse(i)?;
        let at = self.offset(rest).ok_or(FAILED)?;
        let slot = self.0.literals.binary_search_by_key(&at, |literal| literal.at).map_err(|_| FAILED)?;
        let literal = self.0.literals[slot];
        if literal.detached {
            return Ok((rest, Str::Detached { slot, len: literal.len }));
        }
        let len = usize::try_from(literal.len).map_err(|_| FAILED)?;
        let (content, rest) = rest.split_at_checked(len).ok_or(FAILED)?;
        Ok((rest, Str::Bytes(Cow::Borrowed(content))))
    }

    /// A quoted string or a literal.
    pub(super) fn string(self, i: &'a [u8]) -> Parsed<'a, Str<'a>> {
        alt((map(quoted, Str::Bytes), |i| self.literal(i))).parse(i)
    }

    /// A string, or an atom in its place.
    pub(super) fn astring(self, i: &'a [u8]) -> Parsed<'a, Str<'a>> {
        alt((|i| self.string(i), map(atom, |atom| Str::Bytes(Cow::Borrowed(atom))))).parse(i)
    }

    /// An [`astring`](Self::astring) whose bytes are in the line.
    pub(super) fn text(self, i: &'a [u8]) -> Parsed<'a, Cow<'a, [u8]>> {
        map_opt(|i| self.astring(i), Str::bytes).parse(i)
    }

    /// NIL or a text.
    pub(super) fn ntext(self, i: &'a [u8]) -> Parsed<'a, Option<Cow<'a, [u8]>>> {
        alt((map(nil, |()| None), map(|i| self.text(i), Some))).parse(i)
    }

    /// `(M123)`: an object identifier (RFC 8474), escaped. pymap writes two pairs of parentheses.
    pub(super) fn object_id(self, i: &'a [u8]) -> Parsed<'a, String> {
        let (rest, value) = recognize(|i| self.skip(i)).parse(i)?;
        let inner = value.iter().filter(|b| !matches!(b, b'(' | b')' | b' ')).copied().collect::<Vec<u8>>();
        if !value.starts_with(b"(") || inner.is_empty() {
            return Err(FAILED);
        }
        Ok((rest, escape(&inner, 255)))
    }

    /// Skips one value whatever it is: a word, a string, or a list however deep. It does not recurse.
    pub(super) fn skip(self, i: &'a [u8]) -> Parsed<'a, ()> {
        let mut depth = 0usize;
        let mut i = i;
        loop {
            i = match i.first() {
                None => return Err(FAILED),
                Some(b'(') => {
                    depth += 1;
                    &i[1..]
                }
                Some(b')') => {
                    depth = depth.checked_sub(1).ok_or(FAILED)?;
                    &i[1..]
                }
                Some(_) => alt((value((), |i| self.string(i)), value((), atom))).parse(i)?.0,
            };
            if depth == 0 {
                return Ok((i, ()));
            }
            i = space0.parse(i)?.0;
        }
    }
}

/// The separator of a LIST or NAMESPACE entry: `"/"`, `"\\"`, NIL, nothing; also a lone backslash in quotes.
///
/// More than one byte is a separator that no name can be split by, as if there were none.
pub(super) fn separator(i: &[u8]) -> Parsed<'_, Option<u8>> {
    let lone_backslash = value(Some(b'\\'), terminated(tag(&b"\"\\\""[..]), peek(alt((tag(" "), tag(")"))))));
    let single = |bytes: Cow<'_, [u8]>| if let [one] = *bytes { Some(one) } else { None };
    alt((map(nil, |()| None), lone_backslash, map(quoted, single), map(atom, |a| single(Cow::Borrowed(a)))))
        .parse(i)
}

/// `space0` and then the parser.
pub(super) fn spaced<'a, T>(
    parser: impl Parser<&'a [u8], Output = T, Error = ()>,
) -> impl Parser<&'a [u8], Output = T, Error = ()> {
    preceded(space0, parser)
}
