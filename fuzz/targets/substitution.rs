//! Substitutions: any edit and any pattern of a user is read or refused, and what was read applies to any text.
#![no_main]

use imapsync_core::substitution::{Pattern, Substitution};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The edit, a NUL, the text.
    let edit = data.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = data.get(edit.len() + 1..).unwrap_or_default();
    let edit = String::from_utf8_lossy(edit);
    let readable = String::from_utf8_lossy(text);
    if let Ok(substitution) = Substitution::parse(&edit) {
        assert_eq!(substitution.as_str(), edit);
        let _ = substitution.apply(&readable);
        let _ = substitution.apply_bytes(text);
    }
    if let Ok(pattern) = Pattern::parse(&edit) {
        let _ = pattern.is_match(&readable);
        let _ = pattern.is_match_bytes(text);
    }
});
