//! Framing: the same frames come out in whatever pieces the bytes arrive, they hold every byte of the stream in its
//! order, and no limit is passed.

use imapsync_core::imap::frame::{Frame, Framer, Limits, Line};

/// Small ones, so that short inputs reach them.
const LIMITS: Limits =
    Limits { max_line: 400, max_literals: 5, max_nesting: 4, inline_literal: 8, max_literal: 1_000 };

/// What a stream says, whatever its pieces.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    Line(Line),
    Literal { head: Vec<u8>, slot: usize, len: u64, bytes: Vec<u8>, ended: bool },
    Broken,
}

/// Reads the bytes behind the first in pieces as long as the first says, and in one.
pub fn one(data: &[u8]) {
    let [size, stream @ ..] = data else { return };
    let pieces = stream.chunks(usize::from(size % 16) + 1);
    let said = read(pieces);
    assert_eq!(said, read(std::iter::once(stream)));
    check(&said, stream);
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
                    let head = head.to_vec();
                    said.push(Said::Literal { head, slot, len, bytes: Vec::new(), ended: false });
                }
                Ok(Some(Frame::LiteralChunk { slot, bytes: chunk })) => match said.last_mut() {
                    Some(Said::Literal { slot: open, bytes, ended: false, .. }) if *open == slot => {
                        assert!(!chunk.is_empty());
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

/// The frames put together again are the stream, but for line ends, empty lines and what is not complete yet.
fn check(said: &[Said], stream: &[u8]) {
    let mut rest = stream;
    let mut large: Vec<&Said> = Vec::new();
    for (n, frame) in said.iter().enumerate() {
        match frame {
            Said::Broken => assert_eq!(n + 1, said.len(), "something behind the end"),
            Said::Literal { len, ended, .. } => {
                assert!(*len > LIMITS.inline_literal && *len <= LIMITS.max_literal);
                assert!(*ended || matches!(&said[n + 1..], [] | [Said::Broken]));
                large.push(frame);
            }
            Said::Line(line) => {
                assert!(line.bytes.len() <= LIMITS.max_line && line.literals.len() <= LIMITS.max_literals);
                let whole = with_literals(line, &large);
                large.clear();
                while let [b'\r' | b'\n', more @ ..] = rest
                    && !rest.starts_with(&whole)
                {
                    rest = more;
                }
                assert!(rest.starts_with(&whole), "{} is not {}", rest.escape_ascii(), whole.escape_ascii());
                rest = &rest[whole.len()..];
                let end = rest.iter().position(|byte| *byte == b'\n').expect("a line end");
                assert!(rest[..end].iter().all(|byte| *byte == b'\r'), "{}", rest.escape_ascii());
                rest = &rest[end + 1..];
            }
        }
    }
}

/// The line with its detached literals in their places.
fn with_literals(line: &Line, large: &[&Said]) -> Vec<u8> {
    let mut whole = Vec::new();
    let mut from = 0;
    for (slot, literal) in line.literals.iter().enumerate() {
        let at = literal.at;
        let announced = format!("{{{}}}", literal.len);
        let head = line.bytes[..at].trim_ascii_end();
        assert!(
            line.bytes[..at].ends_with(b"\n")
                && (head.ends_with(announced.as_bytes()) || head.ends_with(b"}"))
        );
        if literal.detached {
            let found = large.iter().find_map(|frame| match frame {
                Said::Literal { head, slot: this, bytes, len, .. } if *this == slot => {
                    Some((head, bytes, len))
                }
                _ => None,
            });
            let (head, bytes, len) = found.expect("a detached literal that nobody announced");
            assert_eq!((&head[..], *len), (&line.bytes[..at], literal.len));
            whole.extend_from_slice(&line.bytes[from..at]);
            whole.extend_from_slice(bytes);
            from = at;
        } else {
            assert!(
                literal.len <= LIMITS.inline_literal && line.bytes.len() as u64 - at as u64 >= literal.len
            );
        }
    }
    assert_eq!(line.literals.iter().filter(|literal| literal.detached).count(), large.len());
    whole.extend_from_slice(&line.bytes[from..]);
    whole
}
