//! Capabilities as bits, with the few that carry a value.

use std::fmt;

/// Declares the bits and the table of their names at once, so that neither can lack what the other has.
macro_rules! capabilities {
    ($($(#[doc = $doc:literal])* $bit:ident = $name:literal,)*) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "only numbers the bits")]
        #[repr(u8)]
        enum Number { $($bit,)* }

        bitflags::bitflags! {
            /// What a server says it can do.
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
            pub struct Capability: u64 {
                $(
                    #[doc = concat!("`", $name, "`")]
                    #[doc = ""]
                    $(#[doc = $doc])*
                    const $bit = 1 << Number::$bit as u8;
                )*
            }
        }

        /// Every capability with its name on the wire.
        const NAMES: &[(&str, Capability)] = &[$(($name, Capability::$bit),)*];
    };
}

capabilities! {
    /// RFC 3501.
    IMAP4REV1 = "IMAP4rev1",
    /// RFC 9051.
    IMAP4REV2 = "IMAP4rev2",
    /// Literals need not wait, whatever their size (RFC 7888).
    LITERAL_PLUS = "LITERAL+",
    /// Literals up to 4096 bytes need not wait (RFC 7888).
    LITERAL_MINUS = "LITERAL-",
    /// UID EXPUNGE, APPENDUID, COPYUID (RFC 4315).
    UIDPLUS = "UIDPLUS",
    /// Several messages in one APPEND (RFC 3502).
    MULTIAPPEND = "MULTIAPPEND",
    /// Prefixes and separators on request (RFC 2342).
    NAMESPACE = "NAMESPACE",
    /// LIST tells what folders are for, and can be asked for just these (RFC 6154).
    SPECIAL_USE = "SPECIAL-USE",
    /// CREATE says what a folder is for (RFC 6154).
    CREATE_SPECIAL_USE = "CREATE-SPECIAL-USE",
    /// LIST with selection and return options (RFC 5258).
    LIST_EXTENDED = "LIST-EXTENDED",
    /// LIST with RETURN (STATUS ...) (RFC 5819).
    LIST_STATUS = "LIST-STATUS",
    /// MODSEQ (RFC 7162).
    CONDSTORE = "CONDSTORE",
    /// What changed and vanished since (RFC 7162).
    QRESYNC = "QRESYNC",
    /// SEARCH answers as a set (RFC 4731).
    ESEARCH = "ESEARCH",
    /// `$` names the last search result (RFC 5182).
    SEARCHRES = "SEARCHRES",
    /// Search and fetch results in pages (RFC 9394).
    PARTIAL = "PARTIAL",
    /// RFC 4978.
    COMPRESS_DEFLATE = "COMPRESS=DEFLATE",
    /// RFC 5161.
    ENABLE = "ENABLE",
    /// RFC 2971.
    ID = "ID",
    /// RFC 2177.
    IDLE = "IDLE",
    /// RFC 3691.
    UNSELECT = "UNSELECT",
    /// RFC 6851.
    MOVE = "MOVE",
    /// MAILBOXID, EMAILID, THREADID (RFC 8474).
    OBJECTID = "OBJECTID",
    /// RFC 9208.
    QUOTA = "QUOTA",
    /// RFC 4314.
    ACL = "ACL",
    /// RFC 5464.
    METADATA = "METADATA",
    /// STATUS can ask for SIZE (RFC 8438).
    STATUS_SIZE = "STATUS=SIZE",
    /// BINARY\[\], and APPEND of `~{n}` (RFC 3516).
    BINARY = "BINARY",
    /// AUTHENTICATE with an initial response (RFC 4959).
    SASL_IR = "SASL-IR",
    /// RFC 9051 section 6.2.1.
    STARTTLS = "STARTTLS",
    /// The LOGIN command is refused (RFC 9051 section 6.2.3).
    LOGINDISABLED = "LOGINDISABLED",
    /// UTF-8 names and headers on request (RFC 6855).
    UTF8_ACCEPT = "UTF8=ACCEPT",
    /// Nothing without `ENABLE UTF8=ACCEPT` (RFC 6855).
    UTF8_ONLY = "UTF8=ONLY",
    /// Messages have a largest size (RFC 7889). With a number it is
    /// [`append_limit`](Capabilities::append_limit); without, each mailbox has its own: ask STATUS for APPENDLIMIT.
    APPENDLIMIT = "APPENDLIMIT",
    /// Gmail's labels and ids.
    GMAIL = "X-GM-EXT-1",
    /// An administrator takes a user's place after login.
    PROXYAUTH = "PROXYAUTH",
    /// `\HasChildren` and `\HasNoChildren` in LIST (RFC 3348).
    CHILDREN = "CHILDREN",
    /// SEARCH OLDER and YOUNGER (RFC 5032).
    WITHIN = "WITHIN",
    /// RFC 5256.
    SORT = "SORT",
}

impl Capability {
    /// The capability that this word of a CAPABILITY line stands for, in any case; None for one this crate has no use for,
    /// and for one with a value.
    pub fn from_word(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, bit)| *bit)
    }

    /// These capabilities as the words of a CAPABILITY line.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(_, bit)| self.contains(*bit)).map(|(name, _)| *name)
    }

    /// These, and what they contain without naming it.
    fn with_implied(self) -> Self {
        let implications = [
            // RFC 9051 appendix E. Of BINARY only FETCH is contained, and of SPECIAL-USE only the attributes: neither
            // is enough for the bit.
            (
                Self::IMAP4REV2,
                Self::NAMESPACE
                    | Self::UNSELECT
                    | Self::UIDPLUS
                    | Self::ESEARCH
                    | Self::SEARCHRES
                    | Self::ENABLE
                    | Self::IDLE
                    | Self::SASL_IR
                    | Self::LIST_EXTENDED
                    | Self::LIST_STATUS
                    | Self::MOVE
                    | Self::LITERAL_MINUS
                    | Self::STATUS_SIZE,
            ),
            // RFC 7162 section 3.2.3.
            (Self::QRESYNC, Self::CONDSTORE | Self::ENABLE),
            // RFC 6855 sections 3 and 6.
            (Self::UTF8_ONLY, Self::UTF8_ACCEPT),
            (Self::UTF8_ACCEPT, Self::ENABLE),
        ];
        implications
            .into_iter()
            .fold(self, |bits, (one, implied)| if bits.contains(one) { bits | implied } else { bits })
    }
}

/// Everything a CAPABILITY line says.
///
/// ```
/// use imapsync_core::imap::capability::{Capabilities, Capability};
/// let line = "IMAP4rev1 uidplus AUTH=PLAIN APPENDLIMIT=35651584 XLIST";
/// let capabilities = Capabilities::parse(line.split(' ').map(str::as_bytes));
/// assert!(capabilities.has(Capability::IMAP4REV1 | Capability::UIDPLUS));
/// assert!(!capabilities.has(Capability::MULTIAPPEND));
/// assert!(capabilities.has_auth("plain"));
/// assert_eq!(capabilities.append_limit(), Some(35_651_584));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    bits: Capability,
    /// Upper case.
    auth: Vec<String>,
    append_limit: Option<u64>,
    /// What this crate has no use for, as it came.
    others: Vec<String>,
}

/// A longer word is no capability, and more of them than this is no CAPABILITY line: the rest is ignored.
const MAX_WORD: usize = 100;
const MAX_UNKNOWN: usize = 300;

impl Capabilities {
    /// From the words after `CAPABILITY`, in any case. A line without IMAP4rev1 is accepted.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut parsed = Self::default();
        let words = words.into_iter().filter(|word| (1..=MAX_WORD).contains(&word.len()));
        for word in words.filter_map(|word| std::str::from_utf8(word).ok()) {
            let value = |key: &str| {
                word.split_at_checked(key.len())
                    .filter(|(start, _)| start.eq_ignore_ascii_case(key))
                    .map(|(_, v)| v)
            };
            if let Some(bit) = Capability::from_word(word) {
                parsed.bits |= bit;
            } else if let Some(mechanism) = value("AUTH=") {
                let mechanism = mechanism.to_ascii_uppercase();
                if !mechanism.is_empty()
                    && !parsed.auth.contains(&mechanism)
                    && parsed.auth.len() < MAX_UNKNOWN
                {
                    parsed.auth.push(mechanism);
                }
            } else if let Some(limit) = value("APPENDLIMIT=").and_then(|limit| limit.parse().ok()) {
                parsed.bits |= Capability::APPENDLIMIT;
                parsed.append_limit = Some(limit);
            } else if parsed.others.len() < MAX_UNKNOWN {
                parsed.others.push(word.to_owned());
            }
        }
        parsed.bits = parsed.bits.with_implied();
        parsed
    }

    /// Whether all these are offered. IMAP4rev2 implies what it contains (see RFC 9051 appendix E).
    pub fn has(&self, wanted: Capability) -> bool {
        self.bits.contains(wanted)
    }

    /// Removes bits, after a server refused what it had offered.
    pub fn remove(&mut self, bits: Capability) {
        self.bits -= bits;
        if bits.contains(Capability::APPENDLIMIT) {
            self.append_limit = None;
        }
    }

    /// All that is offered, with what is implied.
    pub fn bits(&self) -> Capability {
        self.bits
    }

    /// Whether `AUTH=mechanism` is offered.
    pub fn has_auth(&self, mechanism: &str) -> bool {
        self.auth.iter().any(|offered| offered.eq_ignore_ascii_case(mechanism))
    }

    /// The SASL mechanisms offered, in upper case and in the server's order.
    pub fn auth_mechanisms(&self) -> impl Iterator<Item = &str> {
        self.auth.iter().map(String::as_str)
    }

    /// The limit of APPENDLIMIT=n in bytes. None with [`Capability::APPENDLIMIT`] set: ask each mailbox.
    pub fn append_limit(&self) -> Option<u64> {
        self.append_limit
    }

    /// The words that this crate has no use for, as the server wrote them (not escaped).
    pub fn others(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(String::as_str)
    }
}

/// The capabilities for people, in one line, what is implied included.
impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = self.bits.words().map(str::to_owned).collect();
        if let Some(limit) = self.append_limit {
            words.retain(|word| word != "APPENDLIMIT");
            words.push(format!("APPENDLIMIT={limit}"));
        }
        words.extend(self.auth.iter().map(|mechanism| format!("AUTH={mechanism}")));
        words.extend(self.others.iter().cloned());
        f.write_str(&super::text::escape(words.join(" ").as_bytes(), usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(line: &str) -> Capabilities {
        Capabilities::parse(line.split(' ').map(str::as_bytes))
    }

    #[test]
    fn the_table_runs_both_ways() {
        assert_eq!(NAMES.len(), Capability::all().iter().count());
        for (name, bit) in NAMES {
            assert_eq!(bit.bits().count_ones(), 1, "{name}");
            assert_eq!(Capability::from_word(&name.to_ascii_lowercase()), Some(*bit), "{name}");
            assert_eq!(bit.words().collect::<Vec<_>>(), [*name]);
            let parsed = parse(name);
            assert!(parsed.has(*bit));
            assert_eq!(parsed.bits(), bit.with_implied());
            assert_eq!(parsed.others().count(), 0);
        }
        assert_eq!(Capability::all().words().count(), NAMES.len());
    }

    #[test]
    fn names_are_the_registered_ones() {
        // From the IANA registry; APPENDLIMIT, PROXYAUTH and X-GM-EXT-1 as their servers write them.
        let registered = "ACL BINARY CHILDREN COMPRESS=DEFLATE CONDSTORE CREATE-SPECIAL-USE ENABLE ESEARCH ID IDLE \
            IMAP4rev1 IMAP4rev2 LIST-EXTENDED LIST-STATUS LITERAL+ LITERAL- LOGINDISABLED METADATA MOVE MULTIAPPEND \
            NAMESPACE OBJECTID PARTIAL QRESYNC QUOTA SASL-IR SEARCHRES SORT SPECIAL-USE STARTTLS STATUS=SIZE UIDPLUS \
            UNSELECT UTF8=ACCEPT UTF8=ONLY WITHIN APPENDLIMIT PROXYAUTH X-GM-EXT-1";
        let parsed = parse(registered);
        assert_eq!(parsed.bits(), Capability::all());
        assert_eq!(parsed.others().count(), 0);
    }

    #[test]
    fn what_is_implied() {
        let rev2 = parse("IMAP4REV2");
        for name in
            "NAMESPACE UNSELECT UIDPLUS ESEARCH SEARCHRES ENABLE IDLE SASL-IR LIST-EXTENDED LIST-STATUS MOVE \
            LITERAL- STATUS=SIZE"
                .split_ascii_whitespace()
        {
            assert!(rev2.has(Capability::from_word(name).unwrap()), "{name}");
        }
        let not = Capability::IMAP4REV1
            | Capability::LITERAL_PLUS
            | Capability::BINARY
            | Capability::SPECIAL_USE
            | Capability::MULTIAPPEND
            | Capability::CONDSTORE;
        assert!(!rev2.bits().intersects(not));
        assert!(parse("QRESYNC").has(Capability::CONDSTORE | Capability::ENABLE));
        assert!(parse("UTF8=ONLY").has(Capability::UTF8_ACCEPT | Capability::ENABLE));
        assert!(!parse("IMAP4rev1").has(Capability::NAMESPACE));
    }

    #[test]
    fn a_real_line() {
        let line =
            "IMAP4REV1 I18NLEVEL=1 literal+ IDLE AUTH=PLAIN auth=login AUTH=PLAIN AUTH= QUOTA=RES-STORAGE";
        let mut parsed = parse(line);
        assert!(parsed.has(Capability::IMAP4REV1 | Capability::LITERAL_PLUS | Capability::IDLE));
        assert!(parsed.has_auth("LOGIN") && parsed.has_auth("Plain") && !parsed.has_auth("XOAUTH2"));
        assert_eq!(parsed.auth_mechanisms().collect::<Vec<_>>(), ["PLAIN", "LOGIN"]);
        assert_eq!(parsed.others().collect::<Vec<_>>(), ["I18NLEVEL=1", "QUOTA=RES-STORAGE"]);
        assert_eq!(
            parsed.to_string(),
            "IMAP4rev1 LITERAL+ IDLE AUTH=PLAIN AUTH=LOGIN I18NLEVEL=1 QUOTA=RES-STORAGE"
        );
        parsed.remove(Capability::LITERAL_PLUS | Capability::MOVE);
        assert!(!parsed.has(Capability::LITERAL_PLUS) && parsed.has(Capability::IDLE));
    }

    #[test]
    fn append_limits() {
        for (word, has, limit) in [
            ("APPENDLIMIT=1000", true, Some(1000)),
            ("appendlimit=0", true, Some(0)),
            ("APPENDLIMIT", true, None),
            ("APPENDLIMIT=", false, None),
            ("APPENDLIMIT=x", false, None),
            ("APPENDLIMIT=99999999999999999999999", false, None),
        ] {
            let parsed = parse(word);
            assert_eq!((parsed.has(Capability::APPENDLIMIT), parsed.append_limit()), (has, limit), "{word}");
        }
        let mut parsed = parse("APPENDLIMIT=7");
        assert_eq!(parsed.to_string(), "APPENDLIMIT=7");
        parsed.remove(Capability::APPENDLIMIT);
        assert_eq!(parsed.append_limit(), None);
    }

    #[test]
    fn hostile_lines_stay_small() {
        let words: Vec<String> = (0..100_000).flat_map(|n| [format!("X{n}"), format!("AUTH=X{n}")]).collect();
        let parsed = Capabilities::parse(words.iter().map(String::as_bytes));
        assert_eq!((parsed.others.len(), parsed.auth.len()), (MAX_UNKNOWN, MAX_UNKNOWN));
        let long = [b'x'; MAX_WORD + 1];
        assert_eq!(Capabilities::parse([&long[..], b"\xff", b"", "AUTHé".as_bytes()]).others.len(), 1);
    }

    proptest! {
        #[test]
        fn any_selection_reads_back(bits in any::<u64>()) {
            let wanted = Capability::from_bits_truncate(bits);
            let parsed = Capabilities::parse(wanted.words().map(str::as_bytes));
            prop_assert!(parsed.has(wanted));
            prop_assert_eq!(parsed.bits(), wanted.with_implied());
            prop_assert_eq!(parse(&parsed.to_string()).bits(), parsed.bits());
        }

        #[test]
        fn no_bytes_panic(words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6)) {
            let _ = Capabilities::parse(words.iter().map(Vec::as_slice)).to_string();
        }
    }
}
