//! Message flags: system flags, keywords, and sets of them that compare without case (RFC 9051 section 2.3.2).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU8;

bitflags::bitflags! {
    /// The system flags.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
    pub struct SystemFlags: u8 {
        /// `\Seen`
        const SEEN = 1;
        /// `\Answered`
        const ANSWERED = 2;
        /// `\Flagged`
        const FLAGGED = 4;
        /// `\Deleted`
        const DELETED = 8;
        /// `\Draft`
        const DRAFT = 16;
        /// `\Recent` (never sent by a client)
        const RECENT = 32;
    }
}

/// The words of the system flags, in the order in which they are written.
const SYSTEM_WORDS: [(&str, SystemFlags); 6] = [
    ("\\Answered", SystemFlags::ANSWERED),
    ("\\Deleted", SystemFlags::DELETED),
    ("\\Draft", SystemFlags::DRAFT),
    ("\\Flagged", SystemFlags::FLAGGED),
    ("\\Recent", SystemFlags::RECENT),
    ("\\Seen", SystemFlags::SEEN),
];

impl SystemFlags {
    /// The system flag with this word, such as `\Seen`, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        SYSTEM_WORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, flag)| *flag)
    }

    /// The words of these flags, with the RFC's capitals, in alphabetical order.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        SYSTEM_WORDS.iter().filter(move |(_, flag)| self.contains(*flag)).map(|(word, _)| *word)
    }
}

/// The flags of one message: system flags and keywords (sorted without case, each once, first spelling kept).
/// Keywords include unknown `\X-...` flags. Equality ignores case.
///
/// ```
/// use imapsync_core::imap::flag::Flags;
/// let flags = Flags::parse(["$Junk", "\\SEEN", "$junk"]);
/// assert_eq!(flags, Flags::parse(["\\Seen", "$JUNK"]));
/// assert_eq!(flags.words(), ["\\Seen", "$Junk"]);
/// ```
// Every message of a listing has one of these, and few have keywords.
#[derive(Clone)]
pub struct Flags {
    /// The system flags and a bit that is always there, so that an Option needs no more room.
    system: NonZeroU8,
    /// None where there are none.
    keywords: Option<Box<Keywords>>,
}

type Keywords = Vec<Box<str>>;

/// The bit beside the system flags.
const THERE: NonZeroU8 = NonZeroU8::new(128).expect("it is not zero");
const _: () = assert!(size_of::<Option<Flags>>() == 2 * size_of::<usize>());

impl Default for Flags {
    fn default() -> Self {
        Self { system: THERE, keywords: None }
    }
}

impl Flags {
    /// No flags.
    pub fn new() -> Self {
        Self::default()
    }

    /// From the words of a list, such as `["\\Seen", "$Junk"]`. Words that no server should send are kept too, so
    /// that nothing that was there is overlooked; [`words`](Self::words) leaves them out. Empty words are dropped.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut system = SystemFlags::empty();
        let mut keywords = Keywords::new();
        for word in words {
            match SystemFlags::from_word(word) {
                Some(flag) => system |= flag,
                None if word.is_empty() => {}
                None => keywords.push(word.into()),
            }
        }
        // The sort is stable: of several spellings the first stays.
        keywords.sort_by(|a, b| compare(a, b));
        keywords.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        let mut flags = Self::default();
        flags.set_system(system);
        flags.set_keywords(keywords);
        flags
    }

    /// Adds one flag or keyword.
    pub fn insert(&mut self, word: &str) {
        if let Some(flag) = SystemFlags::from_word(word) {
            self.set_system(self.system() | flag);
        } else if let (false, Err(at)) = (word.is_empty(), self.position(word)) {
            self.keywords.get_or_insert_default().insert(at, word.into());
        }
    }

    /// The system flags.
    pub fn system(&self) -> SystemFlags {
        SystemFlags::from_bits_truncate(self.system.get())
    }

    /// Replaces the system flags.
    pub fn set_system(&mut self, system: SystemFlags) {
        self.system = THERE | system.bits();
    }

    fn set_keywords(&mut self, keywords: Keywords) {
        self.keywords = (!keywords.is_empty()).then(|| Box::new(keywords));
    }

    /// The keywords, sorted.
    pub fn keywords(&self) -> impl Iterator<Item = &str> {
        self.keywords.iter().flat_map(|words| words.iter()).map(|word| &**word)
    }

    /// All of them, system flags first, whether they may be sent or not.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.system().words().map(|word| -> &str { word }).chain(self.keywords())
    }

    /// Whether the flag or keyword is there, without regard to case.
    pub fn contains(&self, word: &str) -> bool {
        match SystemFlags::from_word(word) {
            Some(flag) => self.system().contains(flag),
            None => self.position(word).is_ok(),
        }
    }

    /// Removes a flag or keyword.
    pub fn remove(&mut self, word: &str) {
        if let Some(flag) = SystemFlags::from_word(word) {
            self.set_system(self.system() - flag);
        } else if self.position(word).is_ok() {
            self.retain(|other| !other.eq_ignore_ascii_case(word));
        }
    }

    /// Keeps the flags and keywords for which `wanted` says yes.
    pub fn retain(&mut self, mut wanted: impl FnMut(&str) -> bool) {
        for word in self.system().words() {
            if !wanted(word) {
                self.remove(word);
            }
        }
        if let Some(mut keywords) = self.keywords.take() {
            keywords.retain(|word| wanted(word));
            self.set_keywords(*keywords);
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.system().is_empty() && self.keywords.is_none()
    }

    /// The words, system flags first, as a server expects them between the parentheses. Only what a client may send
    /// ([`is_sendable`]): `\Recent` and words that would break the command are left out.
    pub fn words(&self) -> Vec<String> {
        self.iter().filter(|word| is_sendable(word)).map(str::to_owned).collect()
    }

    /// Where the keyword stands, or where it belongs.
    fn position(&self, word: &str) -> Result<usize, usize> {
        let keywords = self.keywords.as_deref().map_or(&[][..], Vec::as_slice);
        keywords.binary_search_by(|other| compare(other, word))
    }
}

/// Whether a client may write this word into an APPEND or STORE: a system flag other than `\Recent`, a keyword that is
/// an atom, or a backslash and an atom (RFC 9051 section 9, `flag`). Servers refuse the whole command for any other
/// word, and one with a space or a line end would be read as something else.
///
/// ```
/// use imapsync_core::imap::flag::is_sendable;
/// assert!(is_sendable("$MDNSent") && is_sendable("\\Seen") && is_sendable("\\XFoo"));
/// assert!(!is_sendable("\\Recent") && !is_sendable("two words") && !is_sendable("\\*"));
/// ```
pub fn is_sendable(word: &str) -> bool {
    is_atom(word.strip_prefix('\\').unwrap_or(word)) && !word.eq_ignore_ascii_case("\\Recent")
}

/// Whether the word is an `atom` of RFC 9051 section 9, which needs no quotes.
pub(super) fn is_atom(word: &str) -> bool {
    let is_special = |byte| matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']');
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && !is_special(byte))
}

/// Compares without regard to the case of ASCII letters, the only ones a flag may have.
fn compare(a: &str, b: &str) -> Ordering {
    folded(a).cmp(folded(b))
}

fn folded(word: &str) -> impl Iterator<Item = u8> + '_ {
    word.bytes().map(|byte| byte.to_ascii_lowercase())
}

impl PartialEq for Flags {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Flags {}

impl PartialOrd for Flags {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Flags {
    fn cmp(&self, other: &Self) -> Ordering {
        let keywords = || self.keywords().map(Folded).cmp(other.keywords().map(Folded));
        self.system.cmp(&other.system).then_with(keywords)
    }
}

/// A word that compares without case.
#[derive(PartialEq, Eq)]
struct Folded<'a>(&'a str);

impl PartialOrd for Folded<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Folded<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.0, other.0)
    }
}

impl Hash for Flags {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.system.hash(state);
        for word in self.keywords() {
            folded(word).for_each(|byte| state.write_u8(byte));
            state.write_u8(b' ');
        }
    }
}

/// Shows every word, as Rust strings: what is not fit to be sent must not reach a log unescaped.
impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The words that may be sent, with single spaces between them and no parentheses.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(" "))
    }
}

impl<'a> FromIterator<&'a str> for Flags {
    fn from_iter<I: IntoIterator<Item = &'a str>>(words: I) -> Self {
        Self::parse(words)
    }
}

/// What a mailbox can store for good, as `[PERMANENTFLAGS (...)]` says (RFC 9051 section 7.1).
///
/// A server that sends none has not told: that is None where this stands in an Option, and all flags may be tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PermanentFlags {
    /// The flags and keywords that are stored.
    pub flags: Flags,
    /// `\*`: new keywords are stored too.
    pub any_keyword: bool,
}

impl PermanentFlags {
    /// From the words between the parentheses.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut flags = Flags::parse(words);
        let any_keyword = flags.contains("\\*");
        flags.remove("\\*");
        Self { flags, any_keyword }
    }

    /// Whether the mailbox stores this flag or keyword. Never `\Recent` or a word that cannot be sent; and `\*` speaks
    /// of keywords only: a `\XFoo` must be in the list, or servers refuse the whole command.
    ///
    /// ```
    /// use imapsync_core::imap::flag::PermanentFlags;
    /// let permanent = PermanentFlags::parse(["\\Seen", "\\*"]);
    /// assert!(permanent.allows("\\seen") && permanent.allows("$Junk"));
    /// assert!(!permanent.allows("\\Flagged") && !permanent.allows("\\XFoo"));
    /// ```
    pub fn allows(&self, word: &str) -> bool {
        is_sendable(word) && (self.flags.contains(word) || self.any_keyword && !word.starts_with('\\'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::hash::DefaultHasher;

    fn hash(flags: &Flags) -> u64 {
        let mut hasher = DefaultHasher::new();
        flags.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn small() {
        assert!(size_of::<Flags>() <= 24);
    }

    #[test]
    fn every_system_flag_has_its_word() {
        for (name, flag) in SystemFlags::all().iter_names() {
            let words: Vec<_> = flag.words().collect();
            assert_eq!(words.len(), 1, "{name}");
            assert_eq!(words[0].to_ascii_uppercase(), format!("\\{name}"));
            assert_eq!(SystemFlags::from_word(&words[0].to_ascii_lowercase()), Some(flag));
        }
        for word in ["Seen", "\\Seen ", "\\", "", "\\*", "\\Forwarded"] {
            assert_eq!(SystemFlags::from_word(word), None);
        }
    }

    #[test]
    fn parse_and_write() {
        for (words, expected) in [
            (&[][..], ""),
            (&["\\Seen", "\\Answered"], "\\Answered \\Seen"),
            (&["\\SEEN", "\\seen", "\\Recent"], "\\Seen"),
            (&["$Forwarded", "Alpha", "$forwarded", "beta", "ALPHA"], "$Forwarded Alpha beta"),
            (&["\\XFoo", "\\xfoo", ""], "\\XFoo"),
            (&["a b", "x)\r\nA1 DELETE", "caf\u{e9}", "%", "ok]", "\\*", "\\", "\\\\Seen", "fine"], "fine"),
        ] {
            assert_eq!(Flags::parse(words.iter().copied()).to_string(), expected);
        }
    }

    #[test]
    fn nothing_is_forgotten() {
        let flags = Flags::parse(["\\Recent", "a b"]);
        assert!(!flags.is_empty() && flags.contains("\\recent") && flags.contains("A B"));
        assert_eq!(flags.iter().collect::<Vec<_>>(), ["\\Recent", "a b"]);
        assert_eq!(format!("{:?}", Flags::parse(["x\x1b"])), r#"{"x\u{1b}"}"#);
    }

    #[test]
    fn changes() {
        let mut flags = Flags::new();
        for word in ["b", "\\Draft", "a", "B", "", "\\SEEN", "c"] {
            flags.insert(word);
        }
        assert_eq!(flags.to_string(), "\\Draft \\Seen a b c");
        for word in ["A", "\\draft", "nothing", ""] {
            flags.remove(word);
        }
        assert_eq!(flags.to_string(), "\\Seen b c");
        flags.retain(|word| word == "c");
        assert_eq!(flags.to_string(), "c");
        flags.set_system(SystemFlags::FLAGGED | SystemFlags::SEEN);
        flags.retain(|word| word != "\\Seen");
        assert_eq!(flags.to_string(), "\\Flagged c");
        assert_eq!(flags.system(), SystemFlags::FLAGGED);
    }

    #[test]
    fn sendable() {
        for word in
            ["\\Seen", "\\deleted", "$Junk", "NonJunk", "a[b", "x:y", "~", "NIL", "5", "\\X-Foo", "[Gmail"]
        {
            assert!(is_sendable(word), "{word}");
        }
        let refused = [
            "", "\\", "\\Recent", "\\*", "*", "\\\\Seen", "a\\b", "a b", "a(", "a)", "a{3}", "%", "a\"", "a]",
        ];
        for word in refused.into_iter().chain(["\u{7f}", "\0", "a\n", "é"]) {
            assert!(!is_sendable(word), "{word}");
        }
    }

    #[test]
    fn permanent() {
        let table: &[(&[&str], &str, bool)] = &[
            (&[], "\\Seen", false),
            (&[], "$Junk", false),
            (&["\\Seen"], "\\SEEN", true),
            (&["\\Seen"], "\\Draft", false),
            (&["$junk"], "$Junk", true),
            (&["$junk"], "$Other", false),
            (&["\\*"], "$Other", true),
            (&["\\*"], "\\Seen", false),
            (&["\\*"], "\\XFoo", false),
            (&["\\XFoo"], "\\xfoo", true),
            (&["\\*", "\\Recent"], "\\Recent", false),
            (&["\\*", "a b"], "a b", false),
        ];
        for (words, word, expected) in table {
            let permanent = PermanentFlags::parse(words.iter().copied());
            assert_eq!(permanent.allows(word), *expected, "{words:?} {word}");
            assert!(!permanent.flags.contains("\\*"));
        }
    }

    const WORD: &str = "[ab]{1,2}|[AB]{1,2}|\\\\Seen|\\\\SEEN|\\\\Draft|\\\\[xX]";

    proptest! {
        #[test]
        fn a_set_that_ignores_case(words in prop::collection::vec(WORD, 0..12), removed in WORD) {
            // The model: lower-cased word to its first spelling.
            let mut model = BTreeMap::new();
            for word in &words {
                model.entry(word.to_lowercase()).or_insert(word.as_str());
            }
            let mut flags = Flags::parse(words.iter().map(String::as_str));
            let mut inserted = Flags::new();
            words.iter().for_each(|word| inserted.insert(word));
            prop_assert_eq!(flags.iter().collect::<Vec<_>>(), inserted.iter().collect::<Vec<_>>());

            let keywords: Vec<_> = model.iter().filter(|(k, _)| !["\\seen", "\\draft"].contains(&k.as_str())).map(|(_, v)| *v).collect();
            prop_assert_eq!(flags.keywords().collect::<Vec<_>>(), keywords);
            prop_assert_eq!(flags.contains("\\sEEN"), model.contains_key("\\seen"));
            prop_assert_eq!(flags.iter().count(), model.len());

            prop_assert_eq!(flags.contains(&removed), model.remove(&removed.to_lowercase()).is_some());
            flags.remove(&removed);
            prop_assert_eq!(flags.iter().count(), model.len());
            prop_assert!(!flags.contains(&removed));
        }

        #[test]
        fn equal_in_any_case_and_order(words in prop::collection::vec(WORD, 0..6)) {
            let one = Flags::parse(words.iter().map(String::as_str));
            let upper: Vec<_> = words.iter().rev().map(|word| word.to_uppercase()).collect();
            let other = Flags::parse(upper.iter().map(String::as_str));
            prop_assert_eq!(&one, &other);
            prop_assert_eq!(hash(&one), hash(&other));
            let mut more = one.clone();
            more.insert("zz");
            prop_assert_ne!(&one, &more);
            prop_assert!(one < more);
        }

        #[test]
        fn what_is_sent_reads_back(words in prop::collection::vec(any::<String>(), 0..6)) {
            let flags = Flags::parse(words.iter().map(String::as_str));
            let line = flags.to_string();
            prop_assert!(line.bytes().all(|b| matches!(b, b' '..=b'~') && b != b')' && b != b'"'));
            let again = Flags::parse(line.split(' '));
            prop_assert_eq!(again.words(), flags.words());
        }
    }
}
