//! SEARCH and ESEARCH responses (RFC 9051 section 7.3, RFC 4731).

use nom::Parser;
use nom::bytes::complete::tag_no_case;
use nom::character::complete::{char, space0};
use nom::combinator::{map_opt, opt};
use nom::sequence::{delimited, preceded, terminated};

use super::token::{FAILED, Parsed, Scope, atom, boundary, end, lossy, number, spaced};
use crate::imap::uidset::UidSet;

/// What `* SEARCH` says. A search may be answered by several; their union counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// UIDs or sequence numbers, as sent; a 0 is left out.
    pub ids: Vec<u32>,
    /// The highest mod-sequence of the messages found (RFC 7162).
    pub modseq: Option<u64>,
}

/// What `* ESEARCH` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Esearch {
    /// The tag of the command that it answers.
    pub tag: Option<String>,
    /// Whether the numbers are UIDs.
    pub uid: bool,
    /// The lowest number found.
    pub min: Option<u32>,
    /// The highest number found.
    pub max: Option<u32>,
    /// How many were found.
    pub count: Option<u32>,
    /// All that were found. None where none was, or where the set was not asked for.
    pub all: Option<UidSet>,
    /// The highest mod-sequence of the messages found.
    pub modseq: Option<u64>,
}

/// One number that cannot be read makes the line unreadable: a list with holes would look complete.
pub(super) fn search(i: &[u8]) -> Parsed<'_, Search> {
    let mut ids = Vec::new();
    let (mut i, _) = space0.parse(i)?;
    while i.first().is_some_and(u8::is_ascii_digit) {
        let (rest, id) = terminated(number::<u32>, (boundary, space0)).parse(i)?;
        if id != 0 {
            ids.push(id);
        }
        i = rest;
    }
    let modseq =
        delimited((char('('), space0, tag_no_case("MODSEQ"), space0), number, (space0, char(')'), space0));
    let (i, modseq) = opt(modseq).parse(i)?;
    let (i, ()) = end(i)?;
    Ok((i, Search { ids, modseq }))
}

pub(super) fn esearch<'a>(scope: Scope<'a>, i: &'a [u8]) -> Parsed<'a, Esearch> {
    let mut found = Esearch::default();
    let (mut i, _) = space0.parse(i)?;
    if i.starts_with(b"(") {
        (i, found.tag) = correlator(scope, i)?;
    }
    loop {
        (i, _) = space0.parse(i)?;
        if i.is_empty() {
            return Ok((i, found));
        }
        let (rest, name) = atom(i)?;
        i = match &name.to_ascii_uppercase()[..] {
            b"UID" => {
                found.uid = true;
                rest
            }
            b"MIN" => set(&mut found.min, number, rest)?,
            b"MAX" => set(&mut found.max, number, rest)?,
            b"COUNT" => set(&mut found.count, number, rest)?,
            b"MODSEQ" => set(&mut found.modseq, number, rest)?,
            b"ALL" => set(&mut found.all, map_opt(atom, UidSet::parse), rest)?,
            _ => spaced(|i| scope.skip(i)).parse(rest)?.0,
        };
    }
}

/// `(TAG "a1")`, with anything else that a server puts there.
fn correlator<'a>(scope: Scope<'a>, i: &'a [u8]) -> Parsed<'a, Option<String>> {
    let mut tag = None;
    let (mut i, _) = char('(').parse(i)?;
    loop {
        (i, _) = space0.parse(i)?;
        if let Some(rest) = i.strip_prefix(b")") {
            return Ok((rest, tag));
        }
        let (rest, name) = atom(i)?;
        let (rest, value) = spaced(|i| scope.text(i)).parse(rest)?;
        if name.eq_ignore_ascii_case(b"TAG") {
            tag = Some(lossy(value).into_owned());
        }
        i = rest;
    }
}

fn set<'a, T>(
    slot: &mut Option<T>,
    parser: impl Parser<&'a [u8], Output = T, Error = ()>,
    i: &'a [u8],
) -> Result<&'a [u8], nom::Err<()>> {
    let (i, value) = preceded(space0, terminated(parser, boundary)).parse(i)?;
    if i.starts_with(b")") {
        return Err(FAILED);
    }
    *slot = Some(value);
    Ok(i)
}
