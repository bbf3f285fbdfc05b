//! Which names a server does not like.

use super::mail::Mail;
use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// Why CREATE refuses this name, if it does.
pub(super) fn refusal(mail: &Mail, name: &str) -> Option<&'static str> {
    let (quirks, separator) = (&mail.quirks, mail.separator);
    let levels = || name.split(separator);
    if name.is_empty() || levels().any(str::is_empty) {
        Some("NO [CANNOT] that is no name")
    } else if name.chars().any(|c| quirks.names_refuse.contains(c)) {
        Some("NO [CANNOT] Invalid mailbox name")
    } else if quirks.longest_name.is_some_and(|most| name.len() > most) {
        Some("NO [CANNOT] Mailbox name too long")
    } else if quirks.no_surrogates && has_surrogates(name) {
        Some("NO Invalid mailbox name")
    } else if !name.starts_with(&mail.prefix) && name != "INBOX" {
        Some("NO [CANNOT] outside of the namespace")
    } else if quirks.files && parents(name, separator).any(|parent| mail.usable(parent).is_some()) {
        Some("NO Can't create mailbox: a file is in the way")
    } else {
        None
    }
}

/// The folders above a name, the uppermost first.
pub(super) fn parents(name: &str, separator: char) -> impl Iterator<Item = &str> {
    name.match_indices(separator).map(|(at, _)| &name[..at])
}

/// Whether the modified UTF-7 of a name holds characters that UTF-16 writes as two units.
fn has_surrogates(name: &str) -> bool {
    let base64 = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);
    name.split('&').skip(1).filter_map(|rest| rest.split_once('-')).any(|(encoded, _)| {
        let units = base64.decode(encoded).unwrap_or_default();
        units.chunks_exact(2).any(|unit| (0xD8..=0xDF).contains(&unit[0]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_are_seen() {
        assert!(has_surrogates("Party &2DzfiQ-"));
        assert!(!has_surrogates("Entw&APw-rfe &- more"));
    }
}
