//! Modified UTF-7 (RFC 3501, section 5.1.3), by which names are kept, and UTF-8, which IMAP4rev2 and UTF8=ACCEPT show.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

const BASE64: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// The name in modified UTF-7.
pub(super) fn encoded(name: &str) -> String {
    let mut out = String::new();
    let mut shifted: Vec<u8> = Vec::new();
    let flush = |out: &mut String, shifted: &mut Vec<u8>| {
        if !shifted.is_empty() {
            out.push_str(&format!("&{}-", BASE64.encode(&shifted)));
            shifted.clear();
        }
    };
    for c in name.chars() {
        match c {
            ' '..='~' => {
                flush(&mut out, &mut shifted);
                out.push(c);
                if c == '&' {
                    out.push('-');
                }
            }
            _ => shifted.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes())),
        }
    }
    flush(&mut out, &mut shifted);
    out
}

/// The name in UTF-8; None where it is no modified UTF-7.
pub(super) fn decoded(name: &str) -> Option<String> {
    let (mut out, mut rest) = (String::new(), name);
    while let Some((plain, shifted)) = rest.split_once('&') {
        out.push_str(plain);
        let (text, after) = shifted.split_once('-')?;
        if text.is_empty() {
            out.push('&');
        } else {
            let bytes = BASE64.decode(text).ok()?;
            let units: Vec<u16> =
                bytes.chunks(2).map(|two| two.iter().fold(0, |sum, b| sum << 8 | u16::from(*b))).collect();
            out.push_str(&String::from_utf16(&units).ok()?);
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 3501, section 5.1.3.
        let (utf7, utf8) = ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語");
        assert_eq!(decoded(utf7).as_deref(), Some(utf8));
        assert_eq!(encoded(utf8), utf7);
        assert_eq!((encoded("A&B").as_str(), decoded("A&-B").as_deref()), ("A&-B", Some("A&B")));
        assert_eq!(encoded("😀"), "&2D3eAA-");
        assert_eq!(decoded("&2D3eAA-").as_deref(), Some("😀"));
        assert_eq!(decoded("&broken"), None);
    }
}
