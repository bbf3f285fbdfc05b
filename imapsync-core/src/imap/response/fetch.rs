//! FETCH responses: each item is present, absent or unreadable (RFC 9051 section 7.5.2).

use bytes::Bytes;
use memchr::{memchr, memchr3};
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag_no_case, take_till1, take_while1};
use nom::character::complete::{char, space0, space1};
use nom::combinator::{map, map_opt, opt, recognize, verify};
use nom::sequence::{delimited, terminated};

use super::token::{FAILED, Parsed, Scope, Str, boundary, end, list, loose_number, nil, number, word_list};
use crate::imap::date::InternalDate;
use crate::imap::flag::Flags;
use crate::imap::frame::Line;

/// What a server says about one message. A message may be told in several of these.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fetch {
    /// Its sequence number.
    pub seq: u32,
    /// UID; never 0.
    pub uid: Item<u32>,
    /// FLAGS. Unreadable means "leave the flags alone", never "no flags".
    pub flags: Item<Flags>,
    /// INTERNALDATE
    pub internal_date: Item<InternalDate>,
    /// RFC822.SIZE in bytes: a hint, the length of the body rules.
    pub size: Item<u64>,
    /// MODSEQ (RFC 7162)
    pub modseq: Item<u64>,
    /// EMAILID (RFC 8474)
    pub email_id: Option<String>,
    /// X-GM-MSGID
    pub gmail_message_id: Option<u64>,
    /// X-GM-LABELS: wire bytes of each label, such as `\Inbox` or a name in modified UTF-7.
    pub gmail_labels: Option<Vec<Bytes>>,
    /// The parts of the message that came with it, in the server's order.
    pub sections: Vec<(Section, Body)>,
}

impl Fetch {
    /// The first body that came for this section.
    pub fn body(&self, section: &Section) -> Option<&Body> {
        self.sections.iter().find(|(this, _)| this == section).map(|(_, body)| body)
    }

    /// Whether it has more than one whole message: the literal of the first was announced longer than it is, and has
    /// swallowed what stood between the two.
    pub fn is_of_several(&self) -> bool {
        self.sections.iter().filter(|(this, _)| *this == Section::Full).nth(1).is_some()
    }
}

/// One item of a [`Fetch`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Item<T> {
    /// The response does not have it.
    #[default]
    Absent,
    /// The response has it, with a value that is none.
    Unreadable,
    /// Its value.
    Present(T),
}

impl<T> Item<T> {
    /// The value, where it is present.
    pub fn present(self) -> Option<T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }

    /// The same by reference.
    pub fn as_ref(&self) -> Item<&T> {
        match self {
            Self::Absent => Item::Absent,
            Self::Unreadable => Item::Unreadable,
            Self::Present(value) => Item::Present(value),
        }
    }
}

/// Which part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Section {
    /// `BODY[]` or RFC822: all of it.
    Full,
    /// `BODY[HEADER]` or RFC822.HEADER
    Header,
    /// `BODY[HEADER.FIELDS (...)]`, whatever the fields are.
    HeaderFields,
    /// `BODY[TEXT]` or RFC822.TEXT
    Text,
    /// Any other: the item's name as sent.
    Other(Bytes),
    /// A piece of a section, `BODY[]<0>`.
    Partial {
        /// Of which.
        of: Box<Section>,
        /// The offset of its first byte.
        origin: u64,
    },
}

/// The bytes of a [`Section`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// NIL: the server has none.
    Nil,
    /// A slice of the response.
    Bytes(Bytes),
    /// The bytes went past as chunks.
    Detached {
        /// The literal's place in [`Line::literals`].
        slot: usize,
        /// Its length in bytes.
        len: u64,
    },
}

/// What is known of a message when a literal of its FETCH response begins to arrive: reads the head of
/// [`Frame::LiteralStart`](crate::imap::frame::Frame::LiteralStart) with the literals so far. The last section is the
/// one that begins. None where the head is no FETCH, or one that cannot be read, or where the literal is no section of
/// the message but the value of some other item.
pub fn fetch_head(head: &Line) -> Option<Fetch> {
    let scope = Scope(head);
    let mut prefix = (space0, char('*'), space0, number::<u32>, space1, tag_no_case("FETCH"));
    let (i, (_, _, _, seq, _, _)) = prefix.parse(&head.bytes[..]).ok()?;
    let mut fetch = Fetch { seq, ..Fetch::default() };
    let (mut i, _) = open(i).ok()?;
    while !i.is_empty() {
        i = item(scope, i, &mut fetch).and_then(|(i, ())| separator(i)).ok()?.0;
    }
    let begins = head.literals.len().checked_sub(1)?;
    match fetch.sections.last() {
        Some((_, Body::Detached { slot, .. })) if *slot == begins => Some(fetch),
        _ => None,
    }
}

/// A whole FETCH response. What stands behind a literal or the closing parenthesis must make sense: if it does not,
/// the announced length was wrong, and nothing of the response can be trusted.
pub(super) fn fetch<'a>(scope: Scope<'a>, seq: u32, i: &'a [u8]) -> Parsed<'a, Fetch> {
    let mut fetch = Fetch { seq, ..Fetch::default() };
    let (mut i, _) = open(i)?;
    loop {
        if let Some(rest) = i.strip_prefix(b")") {
            return end(rest).map(|(rest, ())| (rest, fetch));
        }
        (i, ()) = item(scope, i, &mut fetch)?;
        (i, _) = separator(i)?;
    }
}

fn open(i: &[u8]) -> Parsed<'_, ()> {
    map((space0, char('('), space0), |_| ()).parse(i)
}

/// Between two items, or before the end of the list.
fn separator(i: &[u8]) -> Parsed<'_, ()> {
    let (i, ()) = boundary(i)?;
    map(space0, |_| ()).parse(i)
}

/// One item with its value.
fn item<'a>(scope: Scope<'a>, i: &'a [u8], fetch: &mut Fetch) -> Parsed<'a, ()> {
    let start = i;
    let (i, name) = take_till1(|b: u8| matches!(b, b' ' | b'\t' | b'(' | b')' | b'[')).parse(i)?;
    let upper = name.to_ascii_uppercase();
    if i.starts_with(b"[") {
        return section(scope, start, &upper, i, fetch);
    }
    let (i, _) = space0.parse(i)?;
    match &upper[..] {
        b"UID" => set(scope, &mut fetch.uid, verify(loose_number, |&uid| uid != 0), i),
        // Unreadable once, unreadable for good: the second reading of an odd list may look at the whole rest of the
        // line, which must not happen again and again.
        b"FLAGS" if fetch.flags == Item::Unreadable => scope.skip(i),
        b"FLAGS" => flags(scope, i).map(|(i, flags)| {
            fetch.flags = flags;
            (i, ())
        }),
        b"INTERNALDATE" => internal_date(scope, i).map(|(i, date)| {
            fetch.internal_date = date.map_or(Item::Unreadable, Item::Present);
            (i, ())
        }),
        b"RFC822.SIZE" => set(scope, &mut fetch.size, loose_number, i),
        b"MODSEQ" => {
            let bracketed = delimited((char('('), space0), loose_number, (space0, char(')')));
            set(scope, &mut fetch.modseq, alt((bracketed, loose_number)), i)
        }
        b"EMAILID" => {
            let mut id = Item::Absent;
            let (i, ()) = set(scope, &mut id, |i| scope.object_id(i), i)?;
            fetch.email_id = id.present();
            Ok((i, ()))
        }
        b"X-GM-MSGID" => {
            let mut id = Item::Absent;
            let (i, ()) = set(scope, &mut id, loose_number, i)?;
            fetch.gmail_message_id = id.present();
            Ok((i, ()))
        }
        b"X-GM-LABELS" => {
            let mut labels = Item::Absent;
            let label = map_opt(|i| scope.astring(i), Str::bytes);
            let (i, ()) = set(scope, &mut labels, list(terminated(label, boundary)), i)?;
            fetch.gmail_labels =
                labels.present().map(|labels| labels.into_iter().map(|label| scope.share(label)).collect());
            Ok((i, ()))
        }
        b"RFC822" => body(scope, Section::Full, i, fetch),
        b"RFC822.HEADER" => body(scope, Section::Header, i, fetch),
        b"RFC822.TEXT" => body(scope, Section::Text, i, fetch),
        // ENVELOPE, BODYSTRUCTURE and whatever else there is.
        _ => scope.skip(i),
    }
}

/// A value, or [`Item::Unreadable`] where something else stands in its place.
fn set<'a, T>(
    scope: Scope<'a>,
    slot: &mut Item<T>,
    parser: impl Parser<&'a [u8], Output = T, Error = ()>,
    i: &'a [u8],
) -> Parsed<'a, ()> {
    if let Ok((rest, value)) = terminated(parser, boundary).parse(i) {
        *slot = Item::Present(value);
        return Ok((rest, ()));
    }
    *slot = Item::Unreadable;
    // `UID )`: the value is missing altogether.
    if i.starts_with(b")") { Ok((i, ())) } else { scope.skip(i) }
}

/// A list of flags. One with parentheses inside a flag can be read in several ways: it is unreadable, and ends where
/// the rest of the response can go on.
fn flags<'a>(scope: Scope<'a>, i: &'a [u8]) -> Parsed<'a, Item<Flags>> {
    let goes_on = |i: &[u8]| matches!(i.first(), Some(b' ' | b'\t' | b')'));
    if let Ok((rest, words)) = word_list(i)
        && goes_on(rest)
    {
        return Ok((rest, Item::Present(Flags::parse(words.iter().map(|word| &**word)))));
    }
    if i.starts_with(b")") {
        return Ok((i, Item::Unreadable));
    }
    match scope.skip(i) {
        Ok((rest, ())) if goes_on(rest) => Ok((rest, Item::Unreadable)),
        _ => {
            let close = memchr(b')', i).ok_or(FAILED)?;
            Ok((&i[close + 1..], Item::Unreadable))
        }
    }
}

/// A date; None for NIL and what else is no date. Without quotes a date has spaces, which must not end the value.
fn internal_date<'a>(scope: Scope<'a>, i: &'a [u8]) -> Parsed<'a, Option<InternalDate>> {
    if i.starts_with(b")") {
        return Ok((i, None));
    }
    if let Ok((rest, date)) = terminated(|i| scope.string(i), boundary).parse(i) {
        return Ok((rest, date.bytes().and_then(|date| InternalDate::parse(&date))));
    }
    let part = |first: fn(u8) -> bool| {
        verify(take_while1(|b| !matches!(b, b' ' | b'(' | b')')), move |part: &[u8]| first(part[0]))
    };
    let bare = recognize((
        part(|b| b.is_ascii_digit()),
        opt((space1, part(|b| b.is_ascii_digit()))),
        opt((space1, part(|b| matches!(b, b'+' | b'-')))),
    ));
    match terminated(bare, boundary).parse(i) {
        Ok((rest, date)) => Ok((rest, InternalDate::parse(date))),
        Err(_) => scope.skip(i).map(|(rest, ())| (rest, None)),
    }
}

/// `BODY[...]`, with `<n>` behind it where it is a piece. `i` begins at the bracket.
fn section<'a>(
    scope: Scope<'a>,
    start: &'a [u8],
    name: &[u8],
    i: &'a [u8],
    fetch: &mut Fetch,
) -> Parsed<'a, ()> {
    let (i, inside) = brackets(scope, i)?;
    let (i, origin) = opt(delimited(char('<'), number::<u64>, char('>'))).parse(i)?;
    let whole = &start[..start.len() - i.len()];
    let (i, ()) = separator(i)?;
    let first = inside.trim_ascii().split(|b| matches!(b, b' ' | b'(')).next().unwrap_or_default();
    let section = match (name, &first.to_ascii_uppercase()[..]) {
        (b"BODY" | b"BODY.PEEK", b"") => Section::Full,
        (b"BODY" | b"BODY.PEEK", b"HEADER") => Section::Header,
        (b"BODY" | b"BODY.PEEK", b"HEADER.FIELDS") => Section::HeaderFields,
        (b"BODY" | b"BODY.PEEK", b"TEXT") => Section::Text,
        _ => Section::Other(scope.share(whole.into())),
    };
    let section = match origin {
        Some(origin) => Section::Partial { of: Box::new(section), origin },
        None => section,
    };
    body(scope, section, i, fetch)
}

/// What stands between brackets. Names of header fields may be strings with a bracket inside.
fn brackets<'a>(scope: Scope<'a>, i: &'a [u8]) -> Parsed<'a, &'a [u8]> {
    let (inside, _) = char('[').parse(i)?;
    let mut at = inside;
    loop {
        let found = memchr3(b']', b'"', b'{', at).ok_or(FAILED)?;
        let here = &at[found..];
        if let Some(rest) = here.strip_prefix(b"]") {
            return Ok((rest, &inside[..inside.len() - here.len()]));
        }
        at = match scope.string(here) {
            Ok((rest, _)) => rest,
            Err(_) if here.starts_with(b"{") => &here[1..],
            // The string never ends: nor does the section.
            Err(_) => return Err(FAILED),
        };
    }
}

/// The bytes of a section. An unquoted word is none: the section counts as absent.
fn body<'a>(scope: Scope<'a>, section: Section, i: &'a [u8], fetch: &mut Fetch) -> Parsed<'a, ()> {
    let string = map(|i| scope.string(i), Some);
    let Ok((rest, value)) = alt((map(nil, |()| None), string)).parse(i) else {
        return scope.skip(i);
    };
    let body = match value {
        None => Body::Nil,
        Some(Str::Bytes(bytes)) => Body::Bytes(scope.share(bytes)),
        Some(Str::Detached { slot, len }) => Body::Detached { slot, len },
    };
    fetch.sections.push((section, body));
    Ok((rest, ()))
}
