//! Streams of responses as servers send them, and the reading of them in the pieces in which a socket gives them.

use imapsync_core::imap::frame::{Frame, Framer, Limits};
use imapsync_core::imap::response::{Response, Untagged, parse};
use std::fmt::Write;
use std::hint::black_box;

/// What one read of a socket brings.
const PIECE: usize = 64 * 1024;

/// Reads a stream to its end; gives the number of responses and of bytes in detached literals.
pub(crate) fn read(stream: &[u8], parsed: bool) -> (usize, usize) {
    let mut framer = Framer::new(Limits { inline_literal: 64 * 1024, ..Limits::default() });
    let (mut lines, mut literals) = (0, 0);
    for piece in stream.chunks(PIECE) {
        framer.feed(piece);
        while let Some(frame) = framer.next_frame().expect("the stream is good") {
            match frame {
                Frame::Line(line) if parsed => {
                    let response = parse(&line).expect("the line is good");
                    assert!(matches!(response, Response::Untagged(Untagged::Fetch(_))));
                    black_box(response);
                    lines += 1;
                }
                Frame::Line(line) => lines += usize::from(!black_box(line).bytes.is_empty()),
                Frame::LiteralChunk { bytes, .. } => literals += black_box(bytes).len(),
                Frame::LiteralStart { .. } | Frame::LiteralEnd { .. } => {}
            }
        }
    }
    (lines, literals)
}

/// The answers to `FETCH (UID FLAGS INTERNALDATE RFC822.SIZE)` for so many messages.
pub(crate) fn listing(rows: usize) -> String {
    let mut stream = String::new();
    for n in 1..=rows {
        let _ = write!(
            stream,
            "* {n} FETCH (UID {} FLAGS (\\Seen \\Answered $Forwarded) INTERNALDATE \"{:02}-Mar-2024 08:15:{:02} +0100\" \
             RFC822.SIZE {})\r\n",
            n * 3,
            n % 28 + 1,
            n % 60,
            n * 37 % 90_000,
        );
    }
    stream
}

/// The answers to `FETCH (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID RECEIVED)])` for so many messages.
pub(crate) fn headers(rows: usize) -> String {
    let mut stream = String::new();
    for n in 1..=rows {
        let fields = format!(
            "Received: from mx{n}.example.org (mx.example.org [192.0.2.{}])\r\n\tby imap.example.net with ESMTPS id {n:08x}\r\n\
             \tfor <alice@example.net>; Mon, 4 Mar 2024 08:15:00 +0100\r\n\
             Received: from localhost by mx{n}.example.org; Mon, 4 Mar 2024 08:14:58 +0100\r\n\
             Message-ID: <{n}.{:x}@example.org>\r\n\r\n",
            n % 250,
            n * 7919
        );
        let _ = write!(
            stream,
            "* {n} FETCH (UID {} BODY[HEADER.FIELDS (MESSAGE-ID RECEIVED)] {{{}}}\r\n{fields})\r\n",
            n * 3,
            fields.len()
        );
    }
    stream
}

/// The answers to `FETCH (UID FLAGS BODY.PEEK[])` for `count` messages of about this size.
pub(crate) fn bodies(size: usize, count: usize) -> Vec<u8> {
    let body =
        b"A line of text as people write them, seventy-odd bytes long and no more.\r\n".repeat(size / 74);
    let mut stream = Vec::new();
    for n in 1..=count {
        stream.extend_from_slice(
            format!("* {n} FETCH (UID {n} FLAGS () BODY[] {{{}}}\r\n", body.len()).as_bytes(),
        );
        stream.extend_from_slice(&body);
        stream.extend_from_slice(b")\r\n");
    }
    stream
}
