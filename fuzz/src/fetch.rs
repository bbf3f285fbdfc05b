//! FETCH as imap-proto reads it, where both take the response: the same UID, flags, size, date and bodies.

use imap_proto::{AttributeValue, MessageSection, SectionPath};
use imapsync_core::imap::date::InternalDate;
use imapsync_core::imap::flag::Flags;
use imapsync_core::imap::frame::{Frame, Framer, Limits};
use imapsync_core::imap::response::{Body, Fetch, Item, Response, Section, Untagged, parse};
use std::fmt::Debug;

/// Takes the bytes as what stands between the parentheses.
pub fn one(data: &[u8]) {
    let line = [b"* 7 FETCH (", data, b")\r\n"].concat();
    let Some(ours) = ours(&line) else { return };
    assert_eq!(ours.seq, 7);
    if unfit_for_imap_proto(&line) {
        return;
    }
    let Ok(([], imap_proto::Response::Fetch(7, theirs))) = imap_proto::Response::parse(&line) else { return };
    // An item that imap-proto does not know, or cannot read, it skips by a rule of its own, and may lose its place.
    if theirs.contains(&AttributeValue::Unknown) {
        return;
    }
    let (mut uids, mut flags, mut dates, mut sizes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut bodies = Vec::new();
    for item in &theirs {
        match item {
            AttributeValue::Uid(uid) => uids.push((*uid != 0).then_some(*uid)),
            AttributeValue::Flags(words) => flags.push(Some(Flags::parse(words.iter().map(|word| &**word)))),
            AttributeValue::InternalDate(date) => dates.push(InternalDate::parse(date.as_bytes())),
            AttributeValue::Rfc822Size(size) => sizes.push(Some(u64::from(*size))),
            AttributeValue::BodySection { section, index, data } => {
                let section = match section {
                    None => Some(Section::Full),
                    Some(SectionPath::Full(MessageSection::Text)) => Some(Section::Text),
                    // imap-proto calls HEADER.FIELDS a header too, and knows parts of a message.
                    Some(_) => None,
                };
                let section = section.map(|section| match index {
                    Some(origin) => Section::Partial { of: Box::new(section), origin: (*origin).into() },
                    None => section,
                });
                bodies.push((section, data.as_deref()));
            }
            AttributeValue::Rfc822(data) => bodies.push((Some(Section::Full), data.as_deref())),
            AttributeValue::Rfc822Header(data) => bodies.push((Some(Section::Header), data.as_deref())),
            AttributeValue::Rfc822Text(data) => bodies.push((Some(Section::Text), data.as_deref())),
            _ => {}
        }
    }
    same("UID", ours.uid, &uids);
    same("FLAGS", ours.flags, &flags);
    same("INTERNALDATE", ours.internal_date, &dates);
    same("RFC822.SIZE", ours.size, &sizes);
    assert_eq!(ours.sections.len(), bodies.len(), "{:?} {bodies:?}", ours.sections);
    for ((section, body), (theirs, data)) in ours.sections.iter().zip(bodies) {
        assert!(theirs.is_none_or(|theirs| theirs == *section), "{section:?}");
        assert_eq!(matches!(body, Body::Nil), data.is_none());
        if let Body::Bytes(bytes) = body {
            assert_eq!(bytes.escape_ascii().to_string(), data.unwrap_or_default().escape_ascii().to_string());
        }
    }
}

/// Where an item stands once, both have the same value, or neither has one. Which of several counts is a matter of taste.
fn same<T: PartialEq + Debug>(name: &str, ours: Item<T>, theirs: &[Option<T>]) {
    match theirs {
        [] => assert_eq!(ours, Item::Absent, "{name}"),
        [None] => assert_eq!(ours, Item::Unreadable, "{name}"),
        [Some(_)] => assert_eq!(ours.present().as_ref(), theirs[0].as_ref(), "{name}"),
        _ => {}
    }
}

fn ours(line: &[u8]) -> Option<Fetch> {
    let mut framer = Framer::new(Limits { max_nesting: 20, ..Limits::default() });
    framer.feed(line);
    let Ok(Some(Frame::Line(line))) = framer.next_frame() else { return None };
    let whole = framer.is_empty();
    match parse(&line) {
        Ok(Response::Untagged(Untagged::Fetch(fetch))) if whole => Some(fetch),
        _ => None,
    }
}

/// It panics on `INTERNALDATE NIL`, replaces what is no UTF-8, and leaves the escapes in quoted strings.
fn unfit_for_imap_proto(line: &[u8]) -> bool {
    let upper = line.to_ascii_uppercase();
    [&b"INTERNALDATE NIL"[..], b"\\\"", b"\\\\"]
        .iter()
        .any(|text| memchr::memmem::find(&upper, text).is_some())
}
