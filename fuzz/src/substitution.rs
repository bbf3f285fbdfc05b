//! Substitutions: any edit and any pattern of a user is read or refused, and what was read applies to any text.

use imapsync_core::substitution::{Pattern, Substitution};
use std::borrow::Cow;

/// Takes what stands before the first NUL as an edit and as a pattern, the rest as text.
pub fn one(data: &[u8]) {
    let edit = data.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = data.get(edit.len() + 1..).unwrap_or_default();
    let edit = String::from_utf8_lossy(edit);
    let readable = String::from_utf8_lossy(text);
    let ascii = edit.is_ascii() && text.is_ascii();
    match Substitution::parse(&edit) {
        Ok(substitution) => {
            assert_eq!(substitution.as_str(), edit);
            let applied = substitution.apply(&readable);
            let bytes = substitution.apply_bytes(text);
            // Both are the same engine over ASCII, as long as the edit does not make anything else.
            if ascii && applied.is_ascii() && bytes.is_ascii() {
                assert_eq!(applied.as_bytes(), &*bytes);
            }
            if let Cow::Borrowed(same) = applied {
                assert_eq!(same, readable);
            }
            // What was read once is read again alike.
            let again = Substitution::parse(substitution.as_str()).expect("it was read before");
            assert_eq!(again.apply(&readable), substitution.apply(&readable));
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control), "{error}"),
    }
    match Pattern::parse(&edit) {
        Ok(pattern) => {
            let found = pattern.is_match(&readable);
            if ascii {
                assert_eq!(pattern.is_match_bytes(text), found);
            } else {
                pattern.is_match_bytes(text);
            }
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control), "{error}"),
    }
}
