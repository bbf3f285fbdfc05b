//! Responses: whatever a server says is read or refused, what people see of it is fit for a terminal, and a body is as
//! long as its literal was announced.

use imapsync_core::imap::frame::{Frame, Framer, Limits, Line};
use imapsync_core::imap::response::{
    Body, Code, Fetch, Response, Section, Status, Untagged, fetch_head, parse,
};

/// Reads the stream line by line.
pub fn one(data: &[u8]) {
    let mut framer = Framer::new(Limits { inline_literal: 32, ..Limits::default() });
    framer.feed(data);
    // What the head of the last large literal of a response told.
    let mut announced: Option<Fetch> = None;
    while let Ok(Some(frame)) = framer.next_frame() {
        match frame {
            Frame::LiteralStart { head, len, slot } => {
                let literals = framer.literals().to_vec();
                announced = fetch_head(&Line { bytes: head, literals });
                if let Some(fetch) = &announced {
                    let last = fetch.sections.last().map(|(_, body)| body);
                    assert_eq!(last, Some(&Body::Detached { slot, len }));
                }
            }
            Frame::Line(line) => {
                let head = announced.take();
                match parse(&line) {
                    Ok(Response::Untagged(Untagged::Fetch(fetch))) => check_fetch(&fetch, &line, head),
                    Ok(Response::Untagged(data)) => check_data(&data),
                    Ok(Response::Tagged { tag, status }) => {
                        let at = memchr::memmem::find(&line.bytes, &tag).expect("the tag is in the line");
                        assert!(
                            !tag.is_empty()
                                && line.bytes[..at].iter().all(|byte| matches!(byte, b' ' | b'\t'))
                        );
                        check_status(&status);
                    }
                    Ok(Response::Continue(challenge)) => assert!(
                        line.bytes.ends_with(&challenge.raw)
                            || line.bytes.trim_ascii_end().ends_with(&challenge.raw)
                    ),
                    Err(unreadable) => assert!(is_clean(&unreadable.what), "{}", unreadable.what),
                }
            }
            Frame::LiteralChunk { .. } | Frame::LiteralEnd { .. } => {}
        }
    }
}

fn check_fetch(fetch: &Fetch, line: &Line, head: Option<Fetch>) {
    assert_ne!(fetch.uid.present(), Some(0));
    for (_, body) in &fetch.sections {
        match body {
            Body::Detached { slot, len } => {
                assert!(line.literals[*slot].detached);
                assert_eq!(line.literals[*slot].len, *len);
            }
            // Of a literal, or of a quoted string whose escapes are resolved.
            Body::Bytes(bytes) => {
                let literal = |literal: &imapsync_core::imap::frame::Literal| {
                    !literal.detached
                        && line.bytes[literal.at..].get(..literal.len as usize) == Some(&bytes[..])
                };
                let plain = || memchr::memmem::find(&line.bytes, bytes).is_some();
                let escaped = || line.bytes.contains(&b'\\') && bytes.len() < line.bytes.len();
                assert!(line.literals.iter().any(literal) || plain() || escaped());
            }
            Body::Nil => {}
        }
    }
    // What was known when the literal began is what the whole response says.
    if let Some(head) = head {
        assert_eq!(head.seq, fetch.seq);
        assert_eq!(head.sections[..], fetch.sections[..head.sections.len()]);
        assert!(head.sections.iter().all(|(section, _)| fetch.body(section).is_some()));
    }
    assert!(fetch.sections.iter().all(|(section, _)| !matches!(section, Section::Partial { of, .. } if matches!(**of, Section::Partial { .. }))));
}

fn check_data(data: &Untagged) {
    match data {
        Untagged::Status(status) => check_status(status),
        Untagged::List(entry) | Untagged::Lsub(entry) => assert!(is_clean(&entry.name.display())),
        Untagged::MailboxStatus(status) => assert!(is_clean(&status.name.display())),
        Untagged::Vanished { uids, .. } => assert!(!uids.contains(0)),
        Untagged::Id(fields) => {
            assert!(
                fields.iter().all(|(name, value)| is_clean(name) && value.as_deref().is_none_or(is_clean))
            );
        }
        _ => {}
    }
}

fn check_status(status: &Status) {
    assert!(is_clean(&status.text) && is_clean(&status.to_string()), "{status:?}");
    if let Some(Code::AppendUid { uids, .. }) = &status.code {
        assert!(!uids.contains(0));
    }
}

fn is_clean(text: &str) -> bool {
    !text.contains(char::is_control)
}
