//! Responses about mailboxes: LIST, LSUB, NAMESPACE and STATUS (RFC 9051 sections 7.3, RFC 5258).

use std::borrow::Cow;

use memchr::memmem;
use nom::Parser;
use nom::branch::alt;
use nom::character::complete::{char, space0};
use nom::combinator::{map, opt};
use nom::multi::many0_count;
use nom::sequence::{preceded, terminated};

use super::token::{
    FAILED, Parsed, Scope, atom, boundary, end, list, loose_number, lossy, nil, separator, spaced, unspaced,
    word_list,
};
use crate::imap::name::MailboxName;

/// One line of LIST or LSUB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// The mailbox.
    pub name: MailboxName,
    /// What separates the levels of its name; None where it has none.
    pub separator: Option<u8>,
    /// As sent, such as `\Noselect`.
    pub attributes: Vec<String>,
    /// The name before it was renamed or normalised (OLDNAME, RFC 9051 section 6.3.9.7).
    pub old_name: Option<MailboxName>,
    /// Why it is listed for its children (CHILDINFO, RFC 5258): `SUBSCRIBED`.
    pub child_info: Vec<String>,
}

impl ListEntry {
    /// Whether it has the attribute, in any case: `has("\\Noselect")`.
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|this| this.eq_ignore_ascii_case(attribute))
    }
}

/// The namespaces (RFC 2342).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// The user's own.
    pub personal: Vec<Namespace>,
    /// Those of other users.
    pub other: Vec<Namespace>,
    /// Shared ones.
    pub shared: Vec<Namespace>,
}

/// One namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// What the names in it begin with, separator included: `INBOX.`.
    pub prefix: Vec<u8>,
    /// The separator of the names in it.
    pub separator: Option<u8>,
}

/// What STATUS says. An item that was not asked for, or whose value is no number, is None.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxStatus {
    /// The mailbox.
    pub name: MailboxName,
    /// MESSAGES
    pub messages: Option<u32>,
    /// UIDNEXT
    pub uid_next: Option<u32>,
    /// UIDVALIDITY
    pub uid_validity: Option<u32>,
    /// UNSEEN
    pub unseen: Option<u32>,
    /// SIZE in bytes (RFC 8438)
    pub size: Option<u64>,
    /// HIGHESTMODSEQ (RFC 7162)
    pub highest_modseq: Option<u64>,
    /// APPENDLIMIT in bytes (RFC 7889)
    pub append_limit: Option<u64>,
    /// MAILBOXID (RFC 8474)
    pub mailbox_id: Option<String>,
}

/// What follows LIST or LSUB.
pub(super) fn list_entry<'a>(scope: Scope<'a>, i: &'a [u8]) -> Parsed<'a, ListEntry> {
    let (i, (attributes, separator, _)) = (spaced(word_list), spaced(separator), space0).parse(i)?;
    let (i, name) = match scope.string(i) {
        Ok((rest, name)) => (rest, name.bytes().ok_or(FAILED)?),
        Err(_) => {
            let (rest, word) = unspaced(i)?;
            match rest.trim_ascii_start().first() {
                None | Some(b'(') => (rest, word.into()),
                // A name with spaces, from a server that does not quote.
                Some(_) => (&[][..], i.trim_ascii_end().into()),
            }
        }
    };
    let mut entry = ListEntry {
        name: MailboxName::from_wire(name.into_owned()),
        separator,
        attributes: attributes.into_iter().map(Cow::into_owned).collect(),
        old_name: None,
        child_info: Vec::new(),
    };
    if let Ok((i, ())) = end(i) {
        return Ok((i, entry));
    }
    let (i, fields) = terminated(spaced(list(|i| extended(scope, i))), end).parse(i)?;
    for (name, words) in fields {
        match &name.to_ascii_uppercase()[..] {
            b"CHILDINFO" => entry.child_info.extend(words.into_iter().map(|word| lossy(word).into_owned())),
            b"OLDNAME" => {
                entry.old_name =
                    words.into_iter().next().map(|name| MailboxName::from_wire(name.into_owned()));
            }
            _ => {}
        }
    }
    Ok((i, entry))
}

type Words<'a> = Vec<Cow<'a, [u8]>>;

/// One field of an extended LIST: its name, and its words where it is a plain list of some.
fn extended<'a>(scope: Scope<'a>, i: &'a [u8]) -> Parsed<'a, (Cow<'a, [u8]>, Words<'a>)> {
    let (i, (name, _)) = (|i| scope.text(i), space0).parse(i)?;
    let (rest, ()) = scope.skip(i)?;
    let words = list(|i| scope.text(i)).parse(i).map_or_else(|_| Vec::new(), |(_, words)| words);
    Ok((rest, (name, words)))
}

/// What follows NAMESPACE.
pub(super) fn namespaces<'a>(scope: Scope<'a>, i: &'a [u8]) -> Parsed<'a, Namespaces> {
    let class = |i: &'a [u8]| -> Parsed<'a, Vec<Namespace>> {
        spaced(alt((map(nil, |()| Vec::new()), list(|i| namespace(scope, i))))).parse(i)
    };
    let (i, (personal, other, shared)) = terminated((class, opt(class), opt(class)), end).parse(i)?;
    Ok((i, Namespaces { personal, other: other.unwrap_or_default(), shared: shared.unwrap_or_default() }))
}

fn namespace<'a>(scope: Scope<'a>, i: &'a [u8]) -> Parsed<'a, Namespace> {
    let extension = terminated(|i| scope.skip(i), space0);
    let (i, (prefix, _, separator, _)) =
        preceded((char('('), space0), (|i| scope.text(i), space0, separator, space0)).parse(i)?;
    let (i, _) = (many0_count(extension), char(')')).parse(i)?;
    Ok((i, Namespace { prefix: prefix.into_owned(), separator }))
}

/// What follows STATUS.
pub(super) fn status<'a>(scope: Scope<'a>, i: &'a [u8]) -> Parsed<'a, MailboxStatus> {
    let (i, _) = space0.parse(i)?;
    let (i, name) = match scope.string(i) {
        Ok((rest, name)) => (rest, name.bytes().ok_or(FAILED)?),
        Err(_) => {
            // Up to the list: an unquoted name may hold spaces.
            let (_, _) = unspaced(i)?;
            let at = memmem::find(i, b" (").ok_or(FAILED)?;
            (&i[at..], i[..at].trim_ascii_end().into())
        }
    };
    let mut status = MailboxStatus {
        name: MailboxName::from_wire(name.into_owned()),
        messages: None,
        uid_next: None,
        uid_validity: None,
        unseen: None,
        size: None,
        highest_modseq: None,
        append_limit: None,
        mailbox_id: None,
    };
    let (mut i, _) = (space0, char('('), space0).parse(i)?;
    loop {
        if let Some(rest) = i.strip_prefix(b")") {
            return end(rest).map(|(rest, ())| (rest, status));
        }
        let (rest, (name, _)) = (atom, space0).parse(i)?;
        (i, _) = match &name.to_ascii_uppercase()[..] {
            b"MESSAGES" => set(scope, &mut status.messages, loose_number, rest)?,
            b"UIDNEXT" => set(scope, &mut status.uid_next, loose_number, rest)?,
            b"UIDVALIDITY" => set(scope, &mut status.uid_validity, loose_number, rest)?,
            b"UNSEEN" => set(scope, &mut status.unseen, loose_number, rest)?,
            b"SIZE" => set(scope, &mut status.size, loose_number, rest)?,
            b"HIGHESTMODSEQ" => set(scope, &mut status.highest_modseq, loose_number, rest)?,
            b"APPENDLIMIT" => set(scope, &mut status.append_limit, loose_number, rest)?,
            b"MAILBOXID" => set(scope, &mut status.mailbox_id, |i| scope.object_id(i), rest)?,
            _ => scope.skip(rest)?,
        };
        (i, _) = space0.parse(i)?;
    }
}

/// Sets an item where its value can be read, skips the value where not.
fn set<'a, T>(
    scope: Scope<'a>,
    slot: &mut Option<T>,
    parser: impl Parser<&'a [u8], Output = T, Error = ()>,
    i: &'a [u8],
) -> Parsed<'a, ()> {
    match terminated(parser, boundary).parse(i) {
        Ok((rest, value)) => {
            *slot = Some(value);
            Ok((rest, ()))
        }
        Err(_) => scope.skip(i),
    }
}
