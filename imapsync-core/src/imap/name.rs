//! Mailbox names: the bytes on the wire, what they mean to people, and their hierarchy.

use super::{text, utf7};
use std::fmt;

/// Characters of a name that are shown.
const LONGEST_SHOWN: usize = 1000;

/// A mailbox name exactly as the server writes it (modified UTF-7, UTF-8 under UTF8=ACCEPT, or broken bytes).
///
/// Bytes are the identity: they round-trip whatever they hold. `INBOX` in any case is one name (`is_inbox`), and is
/// normalised to `INBOX` on construction (only the whole name, never a component).
///
/// ```
/// use imapsync_core::imap::name::MailboxName;
/// let name = MailboxName::from_wire("Entw&APw-rfe.2024");
/// assert_eq!(name.display(), "Entwürfe.2024");
/// assert_eq!(name.parent(b'.'), Some(MailboxName::from_text("Entwürfe")));
/// assert_eq!(MailboxName::from_wire("inbox"), MailboxName::inbox());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName(Vec<u8>);

impl MailboxName {
    /// The name with these wire bytes.
    pub fn from_wire(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        if bytes.eq_ignore_ascii_case(b"INBOX") { Self::inbox() } else { Self(bytes) }
    }

    /// The name in an answer of a server that was told to speak UTF-8 (`ENABLE UTF8=ACCEPT`, RFC 6855, or
    /// `ENABLE IMAP4rev2`): there `&` means itself. Inside this crate it takes the same form as everywhere else, so
    /// that the two sides of a sync compare; [`encode_for`](Self::encode_for) turns it back into the same bytes.
    pub fn from_utf8_wire(bytes: impl Into<Vec<u8>>) -> Self {
        match String::from_utf8(bytes.into()) {
            Ok(text) => Self::from_text(&text),
            Err(broken) => Self::from_wire(broken.into_bytes()),
        }
    }

    /// `INBOX`.
    pub fn inbox() -> Self {
        Self(b"INBOX".to_vec())
    }

    /// The name that a person typed: UTF-8, encoded as modified UTF-7; `&` becomes `&-`.
    pub fn from_text(text: &str) -> Self {
        Self::from_wire(utf7::encode(text))
    }

    /// The name that a user gave as an option: valid modified UTF-7 (a `&...-` run that decodes) is taken as it
    /// is, anything else is encoded from UTF-8.
    ///
    /// ```
    /// use imapsync_core::imap::name::MailboxName;
    /// for option in ["Entwürfe", "Entw&APw-rfe"] {
    ///     assert_eq!(MailboxName::from_option(option).as_wire(), b"Entw&APw-rfe");
    /// }
    /// assert_eq!(MailboxName::from_option("R&D").as_wire(), b"R&-D");
    /// ```
    pub fn from_option(text: &str) -> Self {
        let is_wire =
            text.bytes().all(|b| matches!(b, b' '..=b'~')) && utf7::decode(text.as_bytes()).is_some();
        if is_wire { Self::from_wire(text) } else { Self::from_text(text) }
    }

    /// The bytes on the wire.
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// The bytes to send: those of [`as_wire`](Self::as_wire), or the decoded name as raw UTF-8 when the server has
    /// confirmed `ENABLE UTF8=ACCEPT` or `ENABLE IMAP4rev2`. A name that cannot be decoded is sent as it came.
    pub fn encode_for(&self, utf8_names: bool) -> Vec<u8> {
        let decoded = if utf8_names { self.decode() } else { None };
        decoded.map_or_else(|| self.0.clone(), String::into_bytes)
    }

    /// The decoded name, or None where the bytes are neither valid modified UTF-7 nor UTF-8.
    pub fn decode(&self) -> Option<String> {
        utf7::decode(&self.0).or_else(|| std::str::from_utf8(&self.0).ok().map(str::to_owned))
    }

    /// For people: decoded where possible, control characters and bidi marks escaped, cut where it is longer than any
    /// name that people give.
    pub fn display(&self) -> String {
        match self.decode() {
            Some(decoded) => text::escape(decoded.as_bytes(), LONGEST_SHOWN),
            None => text::escape(&self.0, LONGEST_SHOWN),
        }
    }

    /// Whether this is INBOX.
    pub fn is_inbox(&self) -> bool {
        self.0 == b"INBOX"
    }

    /// Whether there is no name at all, as in the answer to `LIST "" ""`.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parts between separators, outermost first, as wire bytes. A name without separator is one component; a
    /// leading, double or trailing separator gives an empty one.
    pub fn components(&self, separator: u8) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(move |byte| *byte == separator)
    }

    /// The name made of these components: the opposite of [`components`](Self::components).
    ///
    /// ```
    /// use imapsync_core::imap::name::MailboxName;
    /// let name = MailboxName::from_wire("a.b.c");
    /// assert_eq!(MailboxName::join(name.components(b'.'), b'/').as_wire(), b"a/b/c");
    /// ```
    pub fn join<C: AsRef<[u8]>>(components: impl IntoIterator<Item = C>, separator: u8) -> Self {
        let mut bytes = Vec::new();
        for (index, component) in components.into_iter().enumerate() {
            if index > 0 {
                bytes.push(separator);
            }
            bytes.extend_from_slice(component.as_ref());
        }
        Self::from_wire(bytes)
    }

    /// The name of a child, given its last component (or several) in wire form.
    #[must_use]
    pub fn child(&self, component: impl AsRef<[u8]>, separator: u8) -> Self {
        Self::join([self.as_wire(), component.as_ref()], separator)
    }

    /// The name one level up; None at the top. Separators at the end of either name do not count as levels:
    /// the parent of `a//b/` is `a`, and `/a` has none.
    pub fn parent(&self, separator: u8) -> Option<Self> {
        let own = trim_end(&self.0, separator);
        let at = own.iter().rposition(|byte| *byte == separator)?;
        let parent = trim_end(own.get(..at)?, separator);
        (!parent.is_empty()).then(|| Self::from_wire(parent))
    }

    /// All the names above this one, outermost first: for `a.b.c` they are `a` and `a.b`. A folder is created after
    /// these.
    pub fn parents(&self, separator: u8) -> Vec<Self> {
        let own = trim_end(&self.0, separator);
        let ends = own.iter().enumerate().filter(|(_, byte)| **byte == separator).map(|(at, _)| at);
        let mut parents: Vec<Self> = ends
            .filter_map(|at| own.get(..at))
            // `a//b` ends a component twice at the same place; once is enough.
            .filter(|parent| parent.last().is_some_and(|last| *last != separator))
            .map(Self::from_wire)
            .collect();
        parents.dedup();
        parents
    }

    /// Whether this name lies anywhere below `ancestor`; no name lies below itself.
    pub fn is_below(&self, ancestor: &Self, separator: u8) -> bool {
        let rest = self.0.get(..ancestor.0.len()).filter(|head| {
            // INBOX is the one name whose case does not matter, also where it is a parent.
            if ancestor.is_inbox() { head.eq_ignore_ascii_case(&ancestor.0) } else { **head == *ancestor.0 }
        });
        rest.is_some() && self.0.get(ancestor.0.len()) == Some(&separator) && !ancestor.is_empty()
    }
}

/// Without the separators at its end.
fn trim_end(mut bytes: &[u8], separator: u8) -> &[u8] {
    while let Some(shorter) = bytes.strip_suffix(&[separator]) {
        bytes = shorter;
    }
    bytes
}

/// Shows the name as [`MailboxName::display`] does.
impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display())
    }
}

/// Shows the name as [`MailboxName::display`] does, for it appears in logs.
impl fmt::Debug for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire(bytes: &str) -> MailboxName {
        MailboxName::from_wire(bytes)
    }

    #[test]
    fn inbox_in_any_case_but_only_alone() {
        for text in ["INBOX", "inbox", "InBoX"] {
            assert!(wire(text).is_inbox());
            assert!(MailboxName::from_text(text).is_inbox());
            assert!(MailboxName::from_option(text).is_inbox());
            assert!(MailboxName::from_utf8_wire(text).is_inbox());
            assert_eq!(wire(text).as_wire(), b"INBOX");
        }
        for text in ["inbox.x", "x.inbox", "INBOX ", ""] {
            assert!(!wire(text).is_inbox());
            assert_eq!(wire(text).as_wire(), text.as_bytes());
        }
    }

    #[test]
    fn decoding() {
        let table: &[(&[u8], Option<&str>)] = &[
            (b"Entw&APw-rfe", Some("Entwürfe")),
            (b"R&-D", Some("R&D")),
            (b"R&D", Some("R&D")), // no modified UTF-7: taken as UTF-8
            ("Entwürfe".as_bytes(), Some("Entwürfe")), // raw UTF-8
            ("ü&APw-".as_bytes(), Some("ü&APw-")), // not both at once
            (b"&2D0-", Some("&2D0-")), // unpaired surrogate
            (b"Entw\xfcrfe", None), // Latin-1
        ];
        for (bytes, expected) in table {
            assert_eq!(MailboxName::from_wire(*bytes).decode().as_deref(), *expected);
        }
    }

    #[test]
    fn options() {
        for (text, expected) in [
            ("Sent", "Sent"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("Entw&APw-rfe", "Entw&APw-rfe"),
            ("a &- b", "a &- b"),
            ("a & b", "a &- b"),
            ("R&D-", "R&-D-"),
            ("ü&APw-", "&APw-&-APw-"),
            ("tab\t", "tab&AAk-"),
            ("line\n&APw-", "line&AAo-&-APw-"),
        ] {
            assert_eq!(MailboxName::from_option(text).as_wire(), expected.as_bytes(), "{text}");
        }
    }

    #[test]
    fn shown_without_harm() {
        for (bytes, expected) in [
            (&b"&BB4EQgQ,-"[..], "Отп"),
            (b"a&IC4-b", r"a\u{202e}b"),
            (b"a&ABs-[2J", r"a\x1b[2J"),
            (b"a\r\nb", r"a\x0d\x0ab"),
            (b"Entw\xfcrfe", r"Entw\xfcrfe"),
            (br"back\slash", r"back\slash"),
        ] {
            let name = MailboxName::from_wire(bytes);
            assert_eq!(name.display(), expected);
            assert_eq!(format!("{name:?} {name}"), format!("{expected} {expected}"));
        }
    }

    #[test]
    fn utf8_names() {
        assert_eq!(wire("Entw&APw-rfe").encode_for(false), b"Entw&APw-rfe");
        assert_eq!(wire("Entw&APw-rfe").encode_for(true), "Entwürfe".as_bytes());
        assert_eq!(MailboxName::from_utf8_wire("R&APw-").as_wire(), b"R&-APw-");
        assert_eq!(MailboxName::from_wire(*b"\xfc").encode_for(true), b"\xfc");
    }

    #[test]
    fn hierarchy() {
        for (name, parent, parents) in [
            ("a", None, &[][..]),
            ("", None, &[]),
            ("/", None, &[]),
            ("/a", None, &[]),
            ("a/b", Some("a"), &["a"]),
            ("a/b/c", Some("a/b"), &["a", "a/b"]),
            ("a/b/", Some("a"), &["a"]),
            ("a//b", Some("a"), &["a"]),
            ("/a/b", Some("/a"), &["/a"]),
            ("inbox/b", Some("INBOX"), &["INBOX"]),
            ("x.y/b", Some("x.y"), &["x.y"]),
        ] {
            assert_eq!(wire(name).parent(b'/'), parent.map(wire), "{name}");
            assert_eq!(
                wire(name).parents(b'/'),
                parents.iter().map(|p| wire(p)).collect::<Vec<_>>(),
                "{name}"
            );
        }
        assert_eq!(wire("a").child("b", b'.'), wire("a.b"));
        assert_eq!(wire("/a//b").components(b'/').collect::<Vec<_>>(), [&b""[..], b"a", b"", b"b"]);
    }

    #[test]
    fn below() {
        for (name, ancestor, expected) in [
            ("a.b", "a", true),
            ("a.b.c", "a", true),
            ("a", "a", false),
            ("ab", "a", false),
            ("A.b", "a", false),
            ("inbox.b", "INBOX", true),
            ("INBOXES", "INBOX", false),
            (".a", "", false),
        ] {
            assert_eq!(wire(name).is_below(&wire(ancestor), b'.'), expected, "{name} {ancestor}");
        }
    }

    proptest! {
        #[test]
        fn bytes_round_trip(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assume!(!bytes.eq_ignore_ascii_case(b"INBOX"));
            let name = MailboxName::from_wire(bytes.clone());
            prop_assert_eq!(name.as_wire(), &bytes[..]);
            prop_assert_eq!(name.encode_for(false), &bytes[..]);
            prop_assert!(!name.display().chars().any(char::is_control));
        }

        #[test]
        fn text_round_trips(text in any::<String>()) {
            prop_assume!(!text.eq_ignore_ascii_case("INBOX"));
            prop_assert_eq!(MailboxName::from_text(&text).decode(), Some(text));
        }

        #[test]
        fn utf8_wire_round_trips(bytes in prop::collection::vec(any::<u8>(), 0..12), text in "[&A-Cé-]{0,8}") {
            prop_assume!(!bytes.eq_ignore_ascii_case(b"INBOX"));
            prop_assert_eq!(MailboxName::from_utf8_wire(bytes.clone()).encode_for(true), bytes);
            prop_assert_eq!(MailboxName::from_utf8_wire(text.clone()).encode_for(true), text.into_bytes());
        }

        #[test]
        fn parents_are_the_chain_of_parent(bytes in "[ab/]{0,12}") {
            let name = wire(&bytes);
            let chain: Vec<_> = std::iter::successors(name.parent(b'/'), |n| n.parent(b'/')).collect();
            prop_assert_eq!(name.parents(b'/'), chain.into_iter().rev().collect::<Vec<_>>());
            prop_assert_eq!(MailboxName::join(name.components(b'/'), b'/'), name);
        }
    }
}
