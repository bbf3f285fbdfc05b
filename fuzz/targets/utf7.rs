//! Mailbox names: modified UTF-7 round-trips, and bytes that are none are kept as they are.
#![no_main]

use imapsync_core::imap::name::MailboxName;
use imapsync_core::imap::utf7;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(text) = utf7::decode(bytes) {
        assert_eq!(utf7::decode(utf7::encode(&text).as_bytes()), Some(text));
    }
    let name = MailboxName::from_wire(bytes);
    assert!(name.is_inbox() || name.as_wire() == bytes);
    assert!(!name.display().contains(char::is_control));
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_eq!(utf7::decode(utf7::encode(text).as_bytes()).as_deref(), Some(text));
        let name = MailboxName::from_utf8_wire(bytes);
        assert!(name.is_inbox() || name.encode_for(true) == bytes);
        let _ = MailboxName::from_option(text);
    }
    for separator in *b"./&" {
        assert_eq!(MailboxName::join(name.components(separator), separator), name);
        for parent in name.parents(separator) {
            assert!(name.is_below(&parent, separator));
        }
    }
});
