//! Responses: whatever a server says is read or refused; a body is as long as its literal was announced.
#![no_main]

use imapsync_core::imap::frame::{Frame, Framer, Limits, Line};
use imapsync_core::imap::response::{Body, Response, Untagged, fetch_head, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|stream: &[u8]| {
    let mut framer = Framer::new(Limits { inline_literal: 32, ..Limits::default() });
    framer.feed(stream);
    while let Ok(Some(frame)) = framer.next_frame() {
        match frame {
            Frame::LiteralStart { head, len, .. } => {
                let literals = framer.literals().to_vec();
                if let Some(fetch) = fetch_head(&Line { bytes: head, literals })
                    && let Some((_, Body::Detached { len: told, .. })) = fetch.sections.last()
                {
                    assert_eq!(*told, len);
                }
            }
            Frame::Line(line) => {
                let response = parse(&line);
                if let Ok(Response::Untagged(Untagged::Fetch(fetch))) = &response {
                    assert_ne!(fetch.uid.present(), Some(0));
                }
                // What people get to see must not hold a control character.
                if let Err(unreadable) = response {
                    assert!(!unreadable.what.contains(char::is_control));
                }
            }
            Frame::LiteralChunk { .. } | Frame::LiteralEnd { .. } => {}
        }
    }
});
