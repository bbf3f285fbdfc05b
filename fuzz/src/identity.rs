//! Identity: `BODY[]`, `BODY[HEADER]` and `HEADER.FIELDS` agree, the pieces in which a message comes do not matter, and
//! nor does what servers do to its bytes.

use imapsync_core::message::header::fields;
use imapsync_core::message::{Digest, Digester, HeaderScanner, IdentityRules, rewrite_key};

/// Takes the first byte as the size of the pieces and the rest as a message.
pub fn one(data: &[u8]) {
    let [size, message @ ..] = data else { return };
    let pieces = || message.chunks(usize::from(size % 32) + 1);
    let rewritten = rewritten(message);
    for new in [Digester::whole, Digester::body] {
        let digest = digest(new(), message);
        let mut often = new();
        pieces().for_each(|piece| often.update(piece));
        assert_eq!(often.finish(), digest);
        assert_eq!(self::digest(new(), &rewritten), digest, "{}", rewritten.escape_ascii());
    }
    let mut scanner = HeaderScanner::new();
    let end = pieces().fold(None, |_, piece| scanner.feed(piece));
    assert_eq!(HeaderScanner::new().feed(message), end);
    let header = &message[..end.unwrap_or(message.len())];

    let rules = IdentityRules::default();
    let whole = rules.from_message(message);
    let wanted = rules.from_wanted(&header_fields(message, &rules.wanted()));
    let fallback = || rules.from_fallback(&header_fields(message, &IdentityRules::FALLBACK));
    let body = || IdentityRules::from_body(digest(Digester::body(), message));
    assert_eq!(whole, wanted.or_else(fallback).unwrap_or_else(body));
    assert_eq!(rules.from_header(header).unwrap_or_else(body), whole);
    assert_eq!(rules.from_message(&rewritten), whole, "{}", rewritten.escape_ascii());
    assert_eq!(rewrite_key(header), rewrite_key(&header_fields(message, &["Date", "From", "Subject"])));
    let every = IdentityRules { headers: vec!["ALL".to_owned()] };
    assert_eq!(every.from_wanted(header), every.from_wanted(message));
}

fn digest(mut digester: Digester, message: &[u8]) -> Digest {
    digester.update(message);
    digester.finish()
}

/// What a server answers when it is asked for these fields.
fn header_fields(message: &[u8], wanted: &[&str]) -> Vec<u8> {
    let mut answer = Vec::new();
    for (name, value) in fields(message) {
        if wanted.iter().any(|wanted| wanted.as_bytes().eq_ignore_ascii_case(name)) {
            answer.extend([name, b":", value, b"\r\n"].concat());
        }
    }
    answer.extend_from_slice(b"\r\n");
    answer
}

/// The message as another server stores it: CRLF for LF, 0x80 for NUL, a line end at the end.
fn rewritten(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for byte in message {
        match byte {
            b'\n' => bytes.extend_from_slice(b"\r\n"),
            0 => bytes.push(0x80),
            byte => bytes.push(*byte),
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}
