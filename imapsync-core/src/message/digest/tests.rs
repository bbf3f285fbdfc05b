//! Digests: what must agree, what must not, and the normal form by another way.

use super::*;
use proptest::prelude::*;

fn whole(message: &[u8]) -> Digest {
    let mut digester = Digester::whole();
    digester.update(message);
    digester.finish()
}

fn body(message: &[u8]) -> Digest {
    let mut digester = Digester::body();
    digester.update(message);
    digester.finish()
}

fn hash(text: &[u8]) -> Digest {
    Digest(blake3::hash(text).as_bytes()[..16].try_into().unwrap())
}

const MESSAGE: &[u8] = b"X-A: b\r\nX-C: d\r\n e\r\n\r\nOne\r\n\r\n  two: 2\r\nthree\0\r\n";

#[test]
fn what_servers_rewrite_changes_nothing() {
    let same: &[&[u8]] = &[
        // Bare LF, CR CR LF, the last line end missing or doubled, NUL as 0x80, an envelope line in front.
        b"X-A: b\nX-C: d\n e\n\nOne\n\n  two: 2\nthree\0\n",
        b"X-A: b\r\r\nX-C: d\r\r\n e\r\r\n\r\r\nOne\r\r\n\r\r\n  two: 2\r\r\nthree\0\r\r\n",
        b"X-A: b\r\nX-C: d\r\n e\r\n\r\nOne\r\n\r\n  two: 2\r\nthree\0",
        b"X-A: b\r\nX-C: d\r\n e\r\n\r\nOne\r\n\r\n  two: 2\r\nthree\0\r\n\r\n",
        b"X-A: b\r\nX-C: d\r\n e\r\n\r\nOne\r\n\r\n  two: 2\r\nthree\x80\r\n",
        b"From a@b Mon Jan  1 00:00:00 2024\r\nX-A: b\r\nX-C: d\r\n e\r\n\r\nOne\r\n\r\n  two: 2\r\nthree\0\r\n",
        b">From a@b Mon Jan  1 00:00:00 2024\r\nX-A: b\r\nX-C: d\r\n e\r\n\r\nOne\r\n\r\n  two: 2\r\nthree\0\r\n",
        // mbsync's mark, folded too.
        b"X-A: b\r\nX-C: d\r\n e\r\nX-TUID: abcdefghijkl\r\n\r\nOne\r\n\r\n  two: 2\r\nthree\0\r\n",
        b"X-TUID:\r\n abcdefghijkl\r\nX-A: b\r\nX-C: d\r\n e\r\n\r\nOne\r\n\r\n  two: 2\r\nthree\0\r\n",
    ];
    for (n, other) in same.iter().enumerate() {
        assert_eq!(whole(MESSAGE), whole(other), "whole {n}");
        assert_eq!(body(MESSAGE), body(other), "body {n}");
    }
    // Whatever the last line is.
    for last in ["From ", ">From", "X-TUID", "X-A: b", " fold", "\r", "text"] {
        for message in [last.to_owned(), format!("X-A: b\r\n{last}"), format!("X-A: b\r\n\r\n{last}")] {
            let ended = format!("{message}\r\n");
            assert_eq!(whole(message.as_bytes()), whole(ended.as_bytes()), "{message:?}");
            assert_eq!(body(message.as_bytes()), body(ended.as_bytes()), "{message:?}");
        }
    }
    // A bare CR is as good as another line end.
    assert_eq!(whole(b"\r\na\rb\r\rc"), whole(b"\na\nb\n\nc\n"));
    assert_eq!(body(b"\r\na\rb\r\rc"), body(b"\nabc\n"));
}

#[test]
fn what_differs_is_told_apart() {
    let others: &[&[u8]] = &[
        b"X-A: B\r\nX-C: d\r\n e\r\n\r\nOne\r\n\r\n  two: 2\r\nthree\0\r\n",
        b"X-A: b\r\nX-C: d\r\n e\r\n\r\nOne\r\n  two: 2\r\nthree\0\r\n",
        b"X-A: b\r\nX-C: d\r\n e\r\n\r\n\r\nOne\r\n\r\n  two: 2\r\nthree\0\r\n",
        b"X-A: b\r\nX-C: d\r\n e\r\n\r\nOne\r\n\r\n  two: 2\r\nthree\x81\r\n",
        // In the body these lines are text.
        b"X-A: b\r\nX-C: d\r\n e\r\n\r\nOne\r\nX-TUID: x\r\n\r\n  two: 2\r\nthree\0\r\n",
        b"X-A: b\r\nX-C: d\r\n e\r\n\r\nOne\r\nFrom x y\r\n\r\n  two: 2\r\nthree\0\r\n",
    ];
    for (n, other) in others.iter().enumerate() {
        assert_ne!(whole(MESSAGE), whole(other), "{n}");
    }
    assert_ne!(body(b"\r\none"), body(b"\r\ntwo"));
    assert_ne!(whole(b""), body(b""));
}

#[test]
fn a_field_put_in_front_leaves_the_body_alone() {
    let texts = [
        "Hello world\r\nand: text\r\n",
        "\r\nHello\r\n",
        "note: a\r\n b\r\n\r\nHello\r\n",
        " indented\r\n",
        "",
    ];
    let marks =
        ["Message-Id: <5@imapsync>\r\n", "X-TUID: abcdefghijkl\r\n", "Message-Id: <5@imapsync>\r\n\r\n"];
    for text in texts {
        for mark in marks {
            // Without a blank line an indented line goes on with the field above it: nobody can know better.
            if text.starts_with(' ') && !mark.ends_with("\r\n\r\n") {
                continue;
            }
            assert_eq!(body(text.as_bytes()), body(format!("{mark}{text}").as_bytes()), "{mark:?} {text:?}");
        }
    }
    // mbsync puts its mark in front of the first blank line, text or not.
    assert_eq!(
        body(b"Hello\r\nyou\r\n\r\nbye\r\n"),
        body(b"Hello\r\nyou\r\nX-TUID: abcdefghijkl\r\n\r\nbye\r\n")
    );
}

#[test]
fn the_digest_stays_the_same_across_releases() {
    assert_eq!(whole(MESSAGE), hash(b"imapsync whole 1\nX-A: b\nX-C: d\n e\n\nOne\n\n  two: 2\nthree\x80"));
    assert_eq!(body(MESSAGE), hash(b"imapsync body 1\nOne  two: 2three\x80"));
    assert_eq!(format!("{:?}", Digest([0xab; 16])), format!("Digest({})", "ab".repeat(16)));
}

#[test]
fn large_messages_in_large_pieces() {
    let line = [&b"x".repeat(998)[..], b"\r\n"].concat();
    let text = [&b"A: b\r\n\r\n"[..], &line.repeat(3000), &b"\r\n".repeat(100_000), b"end"].concat();
    let expected = String::from_utf8(text.clone()).unwrap().replace("\r\n", "\n");
    assert_eq!(whole(&text), hash(format!("imapsync whole 1\n{expected}").as_bytes()));
    // A line that could go on being a name for ever is text in time.
    assert_eq!(
        body(&b"x".repeat(3_000_000)),
        hash(&[&b"imapsync body 1\n"[..], &b"x".repeat(3_000_000)].concat())
    );
}

/// The normal form by whole lines and regular expressions, in place of the state machine.
fn normal(message: &[u8], part: Part) -> Vec<u8> {
    let regex = |pattern: &str| regex::bytes::Regex::new(pattern).unwrap();
    let (field, from) = (regex(r"(?-u)\A[!-9;-~]+[ \t]*:"), regex(r"(?-u)\A>?From[ \t]+[^ \t:]"));
    let mut out = Vec::new();
    let (mut leading, mut blank_seen, mut above) = (true, false, None);
    for (n, raw) in message.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let line: Vec<u8> = raw.iter().copied().filter(|byte| *byte != b'\r').collect();
        let mut keep = true;
        if line == b"\n" {
            (blank_seen, above) = (true, None);
        } else if field.is_match(&line) {
            let name = line.split(|byte| *byte == b':').next().unwrap().to_ascii_uppercase();
            keep = (part == Part::Whole || !leading) && (blank_seen || name != b"X-TUID");
            above = Some(keep);
        } else if n == 0 && from.is_match(&line) {
            keep = false;
        } else if let (Some(kept), true) = (above, line.starts_with(b" ") || line.starts_with(b"\t")) {
            keep = kept;
        } else if !line.is_empty() {
            (leading, above) = (false, None);
        }
        if keep {
            out.extend_from_slice(raw);
        }
    }
    for byte in &mut out {
        *byte = if *byte == 0 { 0x80 } else { *byte };
    }
    if part == Part::Body {
        out.retain(|byte| !b"\r\n".contains(byte));
        return [b"imapsync body 1\n".to_vec(), out].concat();
    }
    let out = regex(r"(?-u)\r*\n|\r").replace_all(&out, &b"\n"[..]);
    let out = regex(r"(?-u)\n*\z").replace(&out, &b""[..]);
    [b"imapsync whole 1\n".to_vec(), out.into_owned()].concat()
}

fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece = prop_oneof![
        Just(b"X-TUID: abc\r\n".to_vec()),
        Just(b"From a@b\n".to_vec()),
        Just(b"Name: value\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"text\r\n".to_vec()),
        "[aF:\r\n\0 >]{0,5}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..5),
    ];
    prop::collection::vec(piece, 0..16)
}

proptest! {
    #[test]
    fn pieces_of_any_size_give_the_normal_form(pieces in pieces()) {
        let message = pieces.concat();
        for (mut digester, part) in [(Digester::whole(), Part::Whole), (Digester::body(), Part::Body)] {
            pieces.iter().for_each(|piece| digester.update(piece));
            let expected = hash(&normal(&message, part));
            prop_assert_eq!(digester.finish(), expected, "{:?} {:?}", part, String::from_utf8_lossy(&message));
        }
    }
}
