//! Framing: the same frames come out in whatever pieces the bytes arrive, and nothing panics.
#![no_main]

use imapsync_core::imap::frame::{Frame, Framer, Limits, Line};
use libfuzzer_sys::fuzz_target;

/// Small ones, so that short inputs reach them.
const LIMITS: Limits =
    Limits { max_line: 400, max_literals: 5, max_nesting: 4, inline_literal: 8, max_literal: 1_000 };

/// What a stream says, whatever its pieces.
#[derive(Debug, PartialEq)]
enum Said {
    Line(Line),
    Literal { head: Vec<u8>, slot: usize, len: u64, bytes: Vec<u8>, ended: bool },
    Broken,
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Said> {
    let mut framer = Framer::new(LIMITS);
    let mut said = Vec::new();
    for piece in pieces {
        framer.feed(piece);
        loop {
            match framer.next_frame() {
                Ok(None) => break,
                Ok(Some(Frame::Line(line))) => said.push(Said::Line(line)),
                Ok(Some(Frame::LiteralStart { head, slot, len })) => {
                    assert!(head.ends_with(b"\n") && framer.literals()[slot].detached);
                    said.push(Said::Literal {
                        head: head.to_vec(),
                        slot,
                        len,
                        bytes: Vec::new(),
                        ended: false,
                    });
                }
                Ok(Some(Frame::LiteralChunk { slot, bytes: chunk })) => match said.last_mut() {
                    Some(Said::Literal { slot: open, bytes, ended: false, .. }) if *open == slot => {
                        bytes.extend_from_slice(&chunk);
                    }
                    other => panic!("a chunk behind {other:?}"),
                },
                Ok(Some(Frame::LiteralEnd { slot })) => match said.last_mut() {
                    Some(Said::Literal { slot: open, len, bytes, ended, .. }) if *open == slot => {
                        assert_eq!(bytes.len() as u64, *len);
                        *ended = true;
                    }
                    other => panic!("an end behind {other:?}"),
                },
                Err(_) => {
                    said.push(Said::Broken);
                    return said;
                }
            }
        }
    }
    said
}

fuzz_target!(|data: &[u8]| {
    let [size, stream @ ..] = data else { return };
    let pieces = stream.chunks(usize::from(size % 16) + 1);
    assert_eq!(read(pieces), read(std::iter::once(stream)));
});
