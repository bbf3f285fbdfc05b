//! Server text made fit for people: control characters escaped, long text cut, secrets masked.

/// Escapes control characters, ESC, bidi marks and invalid UTF-8 (as `\xNN`), and cuts after `max` characters with `...`.
pub fn escape(_bytes: &[u8], _max: usize) -> String { todo!() }

/// Replaces every occurrence of each non-empty secret (and of its base64 forms) in `text` by `***`.
pub fn mask(_text: &str, _secrets: &[&str]) -> String { todo!() }
