//! Identity: `BODY[]`, `BODY[HEADER]` and `HEADER.FIELDS` agree, and the pieces in which a message comes do not matter.
#![no_main]

use imapsync_core::message::header::fields;
use imapsync_core::message::{Digester, HeaderScanner, Identity, IdentityRules, rewrite_key};
use libfuzzer_sys::fuzz_target;

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

fuzz_target!(|data: &[u8]| {
    let [size, message @ ..] = data else { return };
    let pieces = || message.chunks(usize::from(size % 32) + 1);
    for new in [Digester::whole, Digester::body] {
        let [mut once, mut often] = [new(), new()];
        once.update(message);
        pieces().for_each(|piece| often.update(piece));
        assert_eq!(once.finish(), often.finish());
    }
    let mut scanner = HeaderScanner::new();
    let end = pieces().fold(None, |_, piece| scanner.feed(piece));
    let header = &message[..end.unwrap_or(message.len())];

    let rules = IdentityRules::default();
    let whole = rules.from_message(message);
    let wanted = rules.from_wanted(&header_fields(message, &rules.wanted()));
    let fallback = || rules.from_fallback(&header_fields(message, &IdentityRules::FALLBACK));
    let body = || {
        let mut digester = Digester::body();
        digester.update(message);
        IdentityRules::from_body(digester.finish())
    };
    assert_eq!(whole, wanted.or_else(fallback).unwrap_or_else(body));
    assert_eq!(rules.from_header(header).unwrap_or_else(body), whole);
    assert_eq!(rewrite_key(header), rewrite_key(&header_fields(message, &["Date", "From", "Subject"])));
    let every = IdentityRules { headers: vec!["ALL".to_owned()] };
    let all: Option<Identity> = every.from_wanted(header);
    assert_eq!(all, every.from_wanted(message));
});
