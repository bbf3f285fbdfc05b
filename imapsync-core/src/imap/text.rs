//! Server text made fit for people: control characters escaped, long text cut, secrets masked.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use memchr::memmem;
use std::fmt::Write as _;
use std::ops::Range;

/// Escapes control characters, ESC, bidi marks and invalid UTF-8 (as `\xNN`), and cuts after `max` characters with `...`.
///
/// What a server sends must not move the cursor, recolour a terminal, forge a second log line or turn text around.
/// ASCII controls and bytes that are not UTF-8 become `\xNN`; other dangerous characters become `\u{N}`, so the two
/// kinds can be told apart. `max` counts the characters of the result; an escape is never cut in two, and no more of
/// the input is read than the result needs.
///
/// ```
/// use imapsync_core::imap::text::escape;
/// assert_eq!(escape(b"bell \x07, byte \xff", 80), r"bell \x07, byte \xff");
/// assert_eq!(escape("right-to-left \u{202e}".as_bytes(), 80), r"right-to-left \u{202e}");
/// assert_eq!(escape(b"0123456789", 4), "0123...");
/// ```
pub fn escape(bytes: &[u8], max: usize) -> String {
    let mut out = Cut { text: String::new(), left: max };
    for chunk in bytes.utf8_chunks() {
        let fits = chunk.valid().chars().all(|c| match c {
            _ if c.is_ascii_control() => out.push(format_args!("\\x{:02x}", u32::from(c)), 4),
            _ if needs_escape(c) => out.push(c.escape_unicode(), c.escape_unicode().len()),
            _ => out.push(c, 1),
        }) && chunk.invalid().iter().all(|byte| out.push(format_args!("\\x{byte:02x}"), 4));
        if !fits {
            out.text.push_str("...");
            break;
        }
    }
    out.text
}

/// Text that takes no more than so many characters.
struct Cut {
    text: String,
    left: usize,
}

impl Cut {
    /// Adds a piece of that many characters as a whole, or says that it does not fit.
    fn push(&mut self, piece: impl std::fmt::Display, chars: usize) -> bool {
        let Some(left) = self.left.checked_sub(chars) else { return false };
        self.left = left;
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{piece}");
        true
    }
}

/// Characters beyond ASCII that change how the text around them is shown: C1 controls, marks and embeddings of the
/// bidirectional algorithm (UAX #9), line and paragraph separators, the byte order mark.
fn needs_escape(c: char) -> bool {
    matches!(
        c,
        '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

/// Fewer characters of a secret say nothing.
const LEAST_BEGINNING: usize = 3;

/// Replaces every occurrence of each non-empty secret (and of its base64 forms) in `text` by `***`.
///
/// Looked for are the secret itself, the secret as an IMAP quoted string writes it (`\"`, `\\`), and its base64 in
/// the standard and the URL-safe alphabet, padded or not. Base64 of something that only *contains* the secret is not
/// recognised: hand in the whole message of a SASL exchange as a further secret
/// ([`Exchange::secrets`](super::sasl::Exchange::secrets) lists them). Occurrences that overlap or touch become one
/// `***`, so that no rest of a secret is left standing. Nor is the beginning of one where [`escape`] has cut the text:
/// before `...` three characters of a secret are enough.
///
/// ```
/// use imapsync_core::imap::text::mask;
/// assert_eq!(mask("LOGIN bob hunter2", &["hunter2"]), "LOGIN bob ***");
/// assert_eq!(mask("AGJvYgBodW50ZXIy", &["\0bob\0hunter2"]), "***");
/// ```
pub fn mask(text: &str, secrets: &[&str]) -> String {
    let mut found: Vec<Range<usize>> = Vec::new();
    for form in secrets.iter().filter(|secret| !secret.is_empty()).flat_map(|secret| forms(secret)) {
        let finder = memmem::Finder::new(form.as_bytes());
        let mut from = 0;
        // The search goes on one byte after each hit, not behind it, to see occurrences that overlap.
        while let Some(at) = text.as_bytes().get(from..).and_then(|rest| finder.find(rest)) {
            found.push(from + at..from + at + form.len());
            from += at + 1;
        }
        for (cut, _) in text.match_indices("...") {
            let kept = text.get(..cut).unwrap_or_default();
            let mut beginnings = form.char_indices().map(|(end, _)| form.get(..end).unwrap_or_default());
            let longest = beginnings.rfind(|beginning| kept.ends_with(beginning)).unwrap_or_default();
            if longest.chars().count() >= LEAST_BEGINNING {
                found.push(cut - longest.len()..cut);
            }
        }
    }
    found.sort_by_key(|range| range.start);

    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    let mut hidden = found.into_iter().peekable();
    while let Some(mut range) = hidden.next() {
        while let Some(next) = hidden.next_if(|next| next.start <= range.end) {
            range.end = range.end.max(next.end);
        }
        // Always on character boundaries: valid UTF-8 occurs in valid UTF-8 only there.
        out.push_str(text.get(copied..range.start).unwrap_or_default());
        out.push_str("***");
        copied = range.end;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out
}

/// The spellings under which a secret travels.
fn forms(secret: &str) -> [String; 6] {
    [
        secret.to_owned(),
        secret.replace('\\', "\\\\").replace('"', "\\\""),
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes() {
        let table: &[(&[u8], &str)] = &[
            (b"", ""),
            (b"plain text, \"quoted\\\"", "plain text, \"quoted\\\""),
            ("héllo 日本 🦀".as_bytes(), "héllo 日本 🦀"),
            (b"a\r\nb\tc\0d\x7f", r"a\x0d\x0ab\x09c\x00d\x7f"),
            (b"\x1b[31mred", r"\x1b[31mred"),
            (b"\xe9t\xe9", r"\xe9t\xe9"),
            (b"cut \xe2\x82", r"cut \xe2\x82"),
            ("\u{85}\u{9b}".as_bytes(), r"\u{85}\u{9b}"),
            (
                "a\u{200f}b\u{2066}c\u{2069}\u{2028}\u{feff}".as_bytes(),
                r"a\u{200f}b\u{2066}c\u{2069}\u{2028}\u{feff}",
            ),
        ];
        for (bytes, expected) in table {
            assert_eq!(escape(bytes, 100), *expected);
        }
    }

    #[test]
    fn cuts_on_whole_characters_and_whole_escapes() {
        for (bytes, max, expected) in [
            (&b"abcdef"[..], 6, "abcdef"),
            (b"abcdef", 5, "abcde..."),
            (b"abcdef", 0, "..."),
            (b"", 0, ""),
            ("ééé".as_bytes(), 2, "éé..."),
            (b"a\x00b", 4, "a..."),
            (b"a\x00b", 5, "a\\x00..."),
            (b"a\xff", 4, "a..."),
        ] {
            assert_eq!(escape(bytes, max), expected);
        }
    }

    #[test]
    fn masks() {
        for (text, secrets, expected) in [
            ("nothing here", &["secret"][..], "nothing here"),
            ("empty secrets", &["", ""], "empty secrets"),
            ("a secret, a secret", &["secret"], "a ***, a ***"),
            // base64 computed with coreutils: printf 'pa"ss\\~?' | base64
            ("cGEic3NcXH4/", &["pa\"ss\\\\~?"], "***"),
            ("cGEic3NcXH4_", &["pa\"ss\\\\~?"], "***"),
            ("LOGIN bob \"pa\\\"ss\\\\\"", &["pa\"ss\\"], "LOGIN bob \"***\""),
            ("c2VjcmV0cw==. c2VjcmV0cw.", &["secrets"], "***. ***."),
            ("abcd", &["abc", "bcd"], "***"),
            ("xababax", &["aba"], "x***x"),
            ("it was secr... or sec...", &["secret"], "it was ***... or ***..."),
            ("it was se... or ecret...", &["secret"], "it was se... or ecret..."),
            ("mot de passe: é€🦀!", &["é€🦀"], "mot de passe: ***!"),
        ] {
            assert_eq!(mask(text, secrets), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn escaped_text_is_harmless_and_bounded(bytes in prop::collection::vec(any::<u8>(), 0..200), max in 0usize..300) {
            let text = escape(&bytes, max);
            prop_assert!(text.chars().count() <= max + 3);
            prop_assert!(!text.chars().any(|c| c.is_control() || needs_escape(c)));
        }

        #[test]
        fn clean_text_stays(text in "[ -~é-ü日本]{0,50}") {
            prop_assert_eq!(escape(text.as_bytes(), 100), text);
        }

        #[test]
        fn no_form_of_a_secret_survives(
            secret in "[a-c\"é\\\\\u{1}]{1,6}", other in "[a-c]{1,3}", before in "[a-c]{0,9}", after in "[a-c]{0,9}",
        ) {
            for form in forms(&secret) {
                let masked = mask(&format!("{before}{form}{after}{secret}"), &[&secret, &other]);
                prop_assert!(!masked.contains(&form), "{}", masked);
                prop_assert!(!masked.contains(&other), "{}", masked);
            }
        }

        #[test]
        fn what_is_no_secret_stays(text in "[a-m ]{0,80}") {
            prop_assert_eq!(mask(&text, &["ZZTOP"]), text);
        }
    }
}
