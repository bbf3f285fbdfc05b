//! Mailbox names: modified UTF-7 round-trips in its one normal form, and bytes that are none are kept as they are.

use imapsync_core::imap::name::MailboxName;
use imapsync_core::imap::utf7;

/// Takes the bytes as a name on the wire, as UTF-8, and as what a user typed.
pub fn one(bytes: &[u8]) {
    if let Some(text) = utf7::decode(bytes) {
        let wire = utf7::encode(&text);
        assert!(wire.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{wire:?}");
        assert_eq!(utf7::decode(wire.as_bytes()).as_deref(), Some(&*text));
        // Without shifts there is nothing to choose: the name is its own normal form.
        if bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'&') {
            assert_eq!((wire.as_bytes(), text.as_bytes()), (bytes, bytes));
        }
    }
    let name = MailboxName::from_wire(bytes);
    if bytes.eq_ignore_ascii_case(b"INBOX") {
        assert_eq!(name, MailboxName::inbox());
    } else {
        assert_eq!(name.as_wire(), bytes);
    }
    assert!(!name.display().contains(char::is_control));
    if let Ok(text) = std::str::from_utf8(bytes) {
        let wire = utf7::encode(text);
        assert!(wire.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{wire:?}");
        assert_eq!(utf7::decode(wire.as_bytes()).as_deref(), Some(text));
        let name = MailboxName::from_utf8_wire(bytes);
        assert!(name.is_inbox() || name.encode_for(true) == bytes);
        let typed = MailboxName::from_option(text);
        assert!(typed.as_wire() == bytes || typed == MailboxName::from_text(text) || typed.is_inbox());
        assert!(typed.as_wire().iter().all(|byte| matches!(byte, b' '..=b'~')));
    }
    for separator in *b"./&" {
        assert_eq!(MailboxName::join(name.components(separator), separator), name);
        let parents = name.parents(separator);
        for (n, parent) in parents.iter().enumerate() {
            assert!(name.is_below(parent, separator) && !parent.is_below(&name, separator));
            assert!(parents[..n].iter().all(|above| parent.is_below(above, separator)));
        }
        assert_eq!(parents.last(), name.parent(separator).as_ref());
    }
}
