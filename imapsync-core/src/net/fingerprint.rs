//! SHA-256 fingerprints of certificates: taken, read from an option, and shown.

use crate::error::{Error, ErrorKind};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The fingerprint of a certificate: SHA-256 over its DER bytes.
pub fn of(der: &[u8]) -> [u8; 32] {
    Sha256::digest(der).into()
}

/// Reads a fingerprint of 64 hexadecimal digits in either case, with or without colons or spaces between them and
/// with or without `sha256:` or openssl's `SHA256 Fingerprint=` in front.
///
/// # Errors
/// [`ErrorKind::Usage`] where it is anything else; 40 digits are called by their name, SHA-1.
///
/// ```
/// use imapsync_core::net::fingerprint;
/// let pin = fingerprint::of(b"certificate");
/// assert_eq!(fingerprint::parse(&fingerprint::colons(&pin)).unwrap(), pin);
/// assert_eq!(fingerprint::parse(&fingerprint::hex(&pin)).unwrap(), pin);
/// ```
pub fn parse(text: &str) -> Result<[u8; 32], Error> {
    let wrong = |why: &str| Err(Error::new(ErrorKind::Usage, format!("not a SHA-256 fingerprint: {why}")));
    let lower = text.trim().to_ascii_lowercase();
    let digits = ["sha256 fingerprint=", "sha256:", "sha-256:"]
        .iter()
        .find_map(|prefix| lower.strip_prefix(prefix))
        .unwrap_or(&lower);
    let mut nibbles = Vec::with_capacity(64);
    for c in digits.chars().filter(|c| !matches!(c, ':' | ' ')) {
        match c.to_digit(16).and_then(|n| u8::try_from(n).ok()) {
            Some(nibble) => nibbles.push(nibble),
            None => return wrong("it holds other characters than hexadecimal digits"),
        }
    }
    match nibbles.len() {
        64 => {}
        40 => return wrong("40 digits are a SHA-1 fingerprint"),
        n => return wrong(&format!("it has {n} hexadecimal digits instead of 64")),
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(nibbles.chunks(2)) {
        *byte = pair.iter().fold(0, |sum, nibble| (sum << 4) | nibble);
    }
    Ok(bytes)
}

/// `AB:CD:…`, as openssl and browsers show it.
pub fn colons(fingerprint: &[u8; 32]) -> String {
    let mut out = String::with_capacity(95);
    for (i, byte) in fingerprint.iter().enumerate() {
        let colon = if i == 0 { "" } else { ":" };
        let _ = write!(out, "{colon}{byte:02X}"); // writing to a String cannot fail
    }
    out
}

/// `abcd…`, the short form for an option.
pub fn hex(fingerprint: &[u8; 32]) -> String {
    let mut out = String::with_capacity(64);
    for byte in fingerprint {
        let _ = write!(out, "{byte:02x}"); // writing to a String cannot fail
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // The digest of "abc", from FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn known_digest() {
        assert_eq!(hex(&of(b"abc")), ABC);
        assert!(colons(&of(b"abc")).starts_with("BA:78:16:BF:"));
        assert_eq!(colons(&of(b"abc")).len(), 95);
    }

    #[test]
    fn every_spelling_is_read() {
        let abc = of(b"abc");
        let upper = ABC.to_uppercase();
        for text in [
            ABC,
            &upper,
            &colons(&abc),
            &colons(&abc).to_lowercase(),
            &format!("  {ABC}\n"),
            &format!("sha256:{ABC}"),
            &format!("SHA256 Fingerprint={}", colons(&abc)),
        ] {
            assert_eq!(parse(text).unwrap(), abc, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (text, why) in [
            ("", "0 hexadecimal digits"),
            (&ABC[1..], "63 hexadecimal"),
            (&ABC[..40], "SHA-1"),
            (&ABC.replace('a', "g"), "other characters"),
            ("é", "other characters"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
    }
}
