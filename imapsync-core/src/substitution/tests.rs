//! Substitutions against what Perl itself answered, and what is refused.

use super::{Pattern, Substitution};
use crate::error::ErrorKind;
use proptest::prelude::*;

/// Perl's answers; its first lines say how it was made.
const TABLE: &str = include_str!("perl.tsv");

/// Bytes from their escaped form in the table: `\n`, `\r`, `\t`, `\\` and `\xNN`.
fn unescape(text: &str, is_text: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next().unwrap() {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '\\' => '\\',
                'x' => {
                    let hex: String = chars.by_ref().take(2).collect();
                    let byte = u8::from_str_radix(&hex, 16).unwrap();
                    if !is_text {
                        out.push(byte);
                        continue;
                    }
                    char::from(byte)
                }
                other => panic!("\\{other} in the table"),
            },
            c => c,
        };
        out.extend_from_slice(c.to_string().as_bytes());
    }
    out
}

#[test]
fn as_perl_does() {
    let mut rows = 0;
    let mut wrong = Vec::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [mode, input, edit, expected] = fields[..] else { panic!("{line}") };
        let is_text = mode == "text";
        let (input, expected) = (unescape(input, is_text), unescape(expected, is_text));
        let answer = match Substitution::parse(edit) {
            Ok(edit) if is_text => edit.apply(std::str::from_utf8(&input).unwrap()).into_owned().into_bytes(),
            Ok(edit) => edit.apply_bytes(&input).into_owned(),
            Err(error) => error.to_string().into_bytes(),
        };
        if answer != expected {
            wrong.push(format!("{line}\n    but: {}", answer.escape_ascii()));
        }
        rows += 1;
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(rows > 150);
}

/// Edits that are refused, with the place and a part of the reason.
#[test]
fn refused_by_name() {
    for (edit, place, reason) in [
        ("s/a/b/e", 7, "the flag e would run the replacement as Perl code"),
        ("s/a/b/gee", 8, "the flag e "),
        ("s/a/b/r", 7, "the flag r "),
        ("s/a/b/gz", 8, "the flag 'z'"),
        ("tr/a/b/r", 8, "the flag r "),
        ("tr/a/b/g", 8, "no flag 'g'"),
        ("s/(?{print})/b/", 3, "a code block"),
        ("s/(??{print})/b/", 3, "a code block"),
        ("s/a/@{[lc $1]}/", 5, "would run Perl code"),
        (r"s/a/${\ lc}/", 5, "would run Perl code"),
        ("s/a/$name/", 5, "Perl variable"),
        ("s/a/${name}/", 5, "Perl variable"),
        ("s/a/b$/", 6, "Perl variable"),
        ("s/$name/b/", 3, "Perl variable"),
        ("s/[$name]/b/", 4, "Perl variable"),
        ("s/a/$0/", 5, "$0"),
        ("s/(a)/$2/", 7, "no group 2, it has 1"),
        (r"s/a/\1/", 5, "no group 1, it has 0"),
        ("s/(a)/$1[0]/", 9, "subscript"),
        ("s/(a)/$1->{x}/", 9, "subscript"),
        ("s/a/$+{name}/", 5, "no group of this name"),
        ("s/a(?=b)/x/", 4, "a look-ahead"),
        ("s/^(?!INBOX)/x/", 4, "a negative look-ahead"),
        ("s/(?<=a)b/x/", 3, "a look-behind"),
        ("s/(?<!a)b/x/", 3, "a negative look-behind"),
        (r"s/(a)\1/x/", 6, "a backreference"),
        (r"s/(a)\g{1}/x/", 6, "a backreference"),
        (r"s/(?<n>a)\k<n>/x/", 10, "a backreference"),
        ("s/(?<n>a)(?P=n)/x/", 10, "a backreference"),
        ("s/(?R)/x/", 3, "a recursion"),
        ("s/(a)(?1)/x/", 6, "a recursion"),
        ("s/(?>a)/x/", 3, "an atomic group"),
        ("s/(?|a)/x/", 3, "a branch reset"),
        ("s/(?(1)a)/x/", 3, "a conditional"),
        ("s/(*FAIL)/x/", 3, "a control verb"),
        ("s/a++/x/", 4, "possessive"),
        ("s/a{2}+/x/", 4, "possessive"),
        ("s/a**/x/", 5, "follows another"),
        ("s/*a/x/", 3, "nothing here to repeat"),
        ("s/a{3,2}/x/", 4, "counts"),
        ("s/a{99999}/x/", 4, "counts"),
        (r"s/a\Kb/x/", 4, r"\K"),
        (r"s/\Ga/x/", 3, r"\G"),
        (r"s/\Ua/x/", 3, "works in a replacement"),
        ("s/(a/x/", 3, "the ) of this group"),
        ("s/a)/x/", 4, "closes nothing"),
        ("s/[a/x/", 3, "the ] of this character class"),
        ("s/[b-a]/x/", 5, "backwards"),
        ("s/[[:nope:]]/x/", 4, "no POSIX class"),
        ("tr/b-a/x/", 5, "backwards"),
        ("tr/a-c-e/x/", 7, "ambiguous"),
        (r"s/\p{Nope}/x/", 3, "property"),
        (r"s/\x{110000}/x/", 12, "names no character"),
        (r"s/a/\x{+41}/", 11, "names no character"),
        ("s/a/b", 4, "the closing /"),
        ("s/a", 2, "the closing /"),
        ("s{a}", 4, "the second part"),
        ("s", 1, "the delimiter"),
        ("sxaxbx", 1, "begins with s, tr or y"),
        ("m/a/", 1, "only looks"),
        ("lc($1)", 1, "begins with s, tr or y"),
        ("s/a/b/; system('rm')", 9, "begins with s, tr or y"),
        ("s/a/b/ if 1", 8, "nothing is evaluated"),
        ("s/a/b/ . `ls`", 8, "nothing is evaluated"),
        ("", 1, "empty"),
        ("s//a/", 3, "an empty pattern"),
        (" ; ", 1, "empty"),
    ] {
        let error = Substitution::parse(edit).expect_err(edit);
        assert_eq!(error.kind(), ErrorKind::Usage);
        let text = error.to_string();
        assert!(
            text.contains(&format!("at character {place}: ")) && text.contains(reason),
            "{edit} => {text}"
        );
        // Every refusal says what to do.
        assert!(text.ends_with(')'), "{text}");
    }
}

#[test]
fn errors_are_safe_to_print() {
    for edit in ["s/\x1b[2J/\u{202e}/q", "s/[[:\x1b\u{202e}:]]//", "s/a/b/\x1b", "s/a/\\\x1b\u{202e}/"] {
        if let Err(error) = Substitution::parse(edit) {
            let text = error.to_string();
            assert!(!text.contains(['\x1b', '\u{202e}']), "{text:?}");
        }
    }
    assert!(Substitution::parse("s/[[:\x1b:]]//").is_err());
}

#[test]
fn bounded() {
    for pattern in [
        r"s/(?:\w{1000}){1000}/x/".to_owned(),
        format!("s/{}/x/", "(".repeat(10_000)),
        format!("s/{}a{}/x/", "(".repeat(1000), ")".repeat(1000)),
        format!("s/{}/x/", "((((a{100}){100}){100}){100})"),
        format!("s/a/{}/", r"\u\l".repeat(1000)),
        format!("s/{}/x/", "a".repeat(70_000)),
    ] {
        assert_eq!(Substitution::parse(&pattern).unwrap_err().kind(), ErrorKind::Usage);
    }
    // A pattern that takes exponential time with backtracking.
    let hostile = Substitution::parse("s/^(a+)+$/x/").unwrap();
    let text = format!("{}!", "a".repeat(100_000));
    assert_eq!(hostile.apply(&text), text);
}

#[test]
fn unchanged_is_borrowed() {
    let edit = Substitution::parse("s/x/y/; tr/z/Z/").unwrap();
    assert!(matches!(edit.apply("abc"), std::borrow::Cow::Borrowed(_)));
    assert!(matches!(edit.apply_bytes(b"abc\xff"), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn written_form_is_kept() {
    let edit: Substitution = "s/a/b/".parse().unwrap();
    assert_eq!((edit.as_str(), edit.to_string()), ("s/a/b/", "s/a/b/".to_owned()));
    assert_eq!(format!("{:?}", Pattern::parse("a").unwrap()), "Pattern(\"a\")");
}

#[test]
fn patterns() {
    for (pattern, text, expected) in [
        ("Sent", "INBOX.Sent", true),
        ("sent", "INBOX.Sent", false),
        ("(?i)sent", "INBOX.Sent", true),
        (r"\[Gmail\]$", "[Gmail]", true),
        (r"\[Gmail\]$", "[Gmail]/Trash", false),
        ("^Files$", "Files", true),
        ("Entwürfe", "Entwürfe", true),
        ("^Entw.rfe$", "Entwürfe", true),
        // No interpolation in a bare pattern.
        ("a$b", "a$b", false),
        ("user@example", "user@example.org", true),
        ("^$", "", true),
        ("(?m)^$", "a\n", false),
    ] {
        assert_eq!(Pattern::parse(pattern).unwrap().is_match(text), expected, "{pattern} {text}");
    }
    assert!(Pattern::parse("a.b").unwrap().is_match_bytes(b"a\xffb"));
    for pattern in ["", "(?!a)", "(?<=a)b", "(?{1})", "*"] {
        assert_eq!(Pattern::parse(pattern).unwrap_err().kind(), ErrorKind::Usage, "{pattern}");
    }
}

proptest! {
    /// Whatever a user writes, and whatever it is applied to: no panic, and text stays text.
    #[test]
    fn any_edit_on_any_text(
        left in r"[ab.*?+(){}\[\]\\|^$&é,0-9dwQEZ:-]{0,12}",
        right in r"[ab$&\\{}0-9uUlLEQéx+-]{0,8}",
        flags in "[gimsx]{0,3}",
        text in r"[abé\n -]{0,12}",
        bytes in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        for edit in [format!("s/{left}/{right}/{flags}"), format!("tr/{left}/{right}/cds")] {
            if let Ok(edit) = Substitution::parse(&edit) {
                let edited = edit.apply(&text).into_owned();
                prop_assert!(!edited.contains(char::REPLACEMENT_CHARACTER));
                let _ = edit.apply_bytes(&bytes);
            }
        }
        if let Ok(pattern) = Pattern::parse(&left) {
            let _ = pattern.is_match(&text) | pattern.is_match_bytes(&bytes);
        }
    }

    #[test]
    fn garbage_is_refused_or_read(source in any::<String>()) {
        let _ = Substitution::parse(&source);
        let _ = Pattern::parse(&source);
        let _ = Substitution::parse(&format!("s/{source}/{source}/"));
        let _ = Substitution::parse(&format!("tr/{source}/{source}/"));
    }

    /// A literal under \Q..\E replaces exactly what str::replacen does.
    #[test]
    fn quoted_is_literal(needle in "[a-c.*+?(){}^|-]{1,3}", text in "[a-c.*+?(){}^|-]{0,10}") {
        let edit = Substitution::parse(&format!("s/\\Q{needle}\\E/<>/")).unwrap();
        prop_assert_eq!(edit.apply(&text), text.replacen(&needle, "<>", 1));
    }
}
