//! Modified UTF-7, the encoding of mailbox names in IMAP4rev1 (RFC 3501 section 5.1.3), both ways.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// Base64 with `,` for `/`, never padded, and strict about the unused bits at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// Encodes text: printable ASCII stands for itself, `&` becomes `&-`, each run of anything else becomes `&...-`.
///
/// ```
/// use imapsync_core::imap::utf7;
/// assert_eq!(utf7::encode("Boîte & co"), "Bo&AO4-te &- co");
/// ```
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = Vec::new();
    for c in text.chars() {
        if matches!(c, ' '..='~') {
            flush(&mut run, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0; 2];
            run.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut run, &mut out);
    out
}

/// Writes the UTF-16 collected so far.
fn flush(run: &mut Vec<u8>, out: &mut String) {
    if !run.is_empty() {
        out.push('&');
        BASE64.encode_string(&run, out);
        out.push('-');
        run.clear();
    }
}

/// Decodes modified UTF-7; None for anything that is none.
///
/// Refused are bytes above 0x7F, a `&` without its `-`, base64 with characters of another alphabet, padding or stray
/// bits, half UTF-16 units, unpaired surrogates, and printable ASCII inside a run: the last would let a name smuggle a
/// hierarchy separator past whoever looks at the bytes. Control characters may stand for themselves, and two runs may
/// follow each other without need (`&AOk-&AOk-`): some servers write such names and there is only one way to read them.
///
/// ```
/// use imapsync_core::imap::utf7;
/// assert_eq!(utf7::decode(b"Bo&AO4-te &- co").as_deref(), Some("Boîte & co"));
/// assert_eq!(utf7::decode(b"R&D"), None);
/// ```
pub fn decode(bytes: &[u8]) -> Option<String> {
    if !bytes.is_ascii() {
        return None;
    }
    let mut rest = std::str::from_utf8(bytes).ok()?;
    let mut out = String::with_capacity(rest.len());
    while let Some((plain, shifted)) = rest.split_once('&') {
        out.push_str(plain);
        let (run, after) = shifted.split_once('-')?;
        if run.is_empty() {
            out.push('&');
        } else {
            decode_run(run, &mut out)?;
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// Decodes what stands between `&` and `-`.
fn decode_run(run: &str, out: &mut String) -> Option<()> {
    let utf16 = BASE64.decode(run).ok()?;
    let (pairs, half) = utf16.as_chunks::<2>();
    if !half.is_empty() {
        return None;
    }
    for c in char::decode_utf16(pairs.iter().map(|pair| u16::from_be_bytes(*pair))) {
        out.push(c.ok().filter(|c| !matches!(c, ' '..='~'))?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// From RFC 3501 section 5.1.3, from Dovecot and Cyrus listings, and from Python's `utf-16-be` and `base64`.
    const PAIRS: &[(&str, &str)] = &[
        ("", ""),
        ("INBOX", "INBOX"),
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("&", "&-"),
        ("&&", "&-&-"),
        ("é&", "&AOk-&-"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("Éléments envoyés", "&AMk-l&AOk-ments envoy&AOk-s"),
        ("E\u{301}", "E&AwE-"),
        ("Отправленные", "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"),
        ("😀", "&2D3eAA-"),
        ("a\u{7f}\u{1}", "a&AH8AAQ-"),
        ("~ !-", "~ !-"),
    ];

    #[test]
    fn known_pairs() {
        for (text, wire) in PAIRS {
            assert_eq!(encode(text), *wire);
            assert_eq!(decode(wire.as_bytes()).as_deref(), Some(*text));
        }
    }

    #[test]
    fn strange_but_unambiguous() {
        assert_eq!(decode(b"&U,BTFw-&ZeVnLIqe-").as_deref(), Some("台北日本語"));
        assert_eq!(decode(b"tab\there").as_deref(), Some("tab\there"));
    }

    #[test]
    fn refused() {
        let table: &[&[u8]] = &[
            b"&",
            b"R&D",
            b"R&D-",
            b"&AOk",
            b"&AOk=-",
            b"&U/BTFw-",
            b"&AOl-",      // a bit set after the last unit
            b"&AO-",       // half a unit
            b"&AOkA-",     // one unit and a half
            b"&2D0-",      // high surrogate alone
            b"&3gA-",      // low surrogate alone
            b"&2D3YPQ-",   // high, high
            b"&3gDYPQ-",   // low, high
            b"&AC8-",      // a hidden /
            b"&ACY-",      // a hidden &
            b"&AOkALgDp-", // a hidden . among others
            b"& -",
            b"&&-",
            b"caf\xe9",
            "café".as_bytes(),
            b"\xff",
        ];
        for bytes in table {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_round_trips(text in any::<String>()) {
            let wire = encode(&text);
            prop_assert!(wire.bytes().all(|b| matches!(b, b' '..=b'~')));
            prop_assert_eq!(decode(wire.as_bytes()), Some(text));
        }

        #[test]
        fn any_bytes_decode_without_a_panic(bytes in "[&A-Za-e0-3,+=/ -]{0,24}") {
            if let Some(text) = decode(bytes.as_bytes()) {
                prop_assert_eq!(decode(encode(&text).as_bytes()), Some(text));
            }
        }
    }
}
