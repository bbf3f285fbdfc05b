//! Fault scripts as text, both ways.

use super::{Deed, Fault, Place, Script, When};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A line of a script that names no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no fault: {line:?}: {why}")]
pub struct Unreadable {
    line: String,
    why: &'static str,
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.faults.iter().try_for_each(|fault| writeln!(f, "{fault}"))
    }
}

impl FromStr for Script {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Self { faults: lines.map(str::parse).collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, nth, deed } = self;
        match place {
            Place::Connection => write!(f, "connection {nth}")?,
            Place::Step => write!(f, "step {nth}")?,
            Place::Continuation => write!(f, "continuation {nth}")?,
            Place::Literal(0) => write!(f, "literal {nth}")?,
            Place::Literal(byte) => write!(f, "literal {nth} byte {byte}")?,
            Place::Reply(When::Byte(byte)) => write!(f, "reply {nth} byte {byte}")?,
            Place::Reply(When::Replied) => write!(f, "reply {nth} end")?,
            Place::Reply(_) => write!(f, "reply {nth}")?,
            Place::Command(word, When::Line) => write!(f, "{word} {nth}")?,
            Place::Command(word, When::Received) => write!(f, "{word} {nth} received")?,
            Place::Command(word, When::Applied) => write!(f, "{word} {nth} applied")?,
            Place::Command(word, When::Byte(byte)) => write!(f, "{word} {nth} byte {byte}")?,
            Place::Command(word, When::Replied) => write!(f, "{word} {nth} replied")?,
        }
        write!(f, ": {deed}")
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drop => f.write_str("drop"),
            Self::Reset => f.write_str("reset"),
            Self::Stall => f.write_str("stall"),
            Self::Wait(time) => write!(f, "wait {}", Time(*time)),
            Self::No(text) => write!(f, "NO {text}"),
            Self::Bad(text) => write!(f, "BAD {text}"),
            Self::Bye(text) => write!(f, "BYE {text}"),
            Self::Say(text) => write!(f, "say \"{}\"", text.as_bytes().escape_ascii()),
            Self::Insert(bytes) => write!(f, "insert \"{}\"", bytes.escape_ascii()),
            Self::ApplyThenDrop => f.write_str("apply, then drop"),
            Self::DropThenApply(after) => write!(f, "drop, then apply after {}", Time(*after)),
            Self::AnnounceLess(bytes) => write!(f, "announce {bytes} less"),
            Self::AnnounceMore(bytes) => write!(f, "announce {bytes} more"),
            Self::AnnounceNonsense => f.write_str("announce nonsense"),
            Self::Replica { changes, lag } => {
                write!(f, "replica {changes} changes behind for {}", Time(*lag))
            }
        }
    }
}

/// A duration in whole seconds or in milliseconds.
struct Time(Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            millis if millis % 1000 == 0 => write!(f, "{}s", millis / 1000),
            millis => write!(f, "{millis}ms"),
        }
    }
}

impl FromStr for Fault {
    type Err = Unreadable;

    fn from_str(line: &str) -> Result<Self, Unreadable> {
        let unreadable = |why| Unreadable { line: line.to_owned(), why };
        let (place, deed) =
            line.split_once(": ").ok_or_else(|| unreadable("a place, a colon and a deed are wanted"))?;
        let (place, nth) = read_place(place.trim()).ok_or_else(|| unreadable("there is no such place"))?;
        let deed = read_deed(deed.trim()).ok_or_else(|| unreadable("there is no such deed"))?;
        Ok(Self { place, nth, deed })
    }
}

fn read_place(text: &str) -> Option<(Place, u64)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (word, nth, rest) = match words[..] {
        [uid, word, nth, ref rest @ ..] if uid.eq_ignore_ascii_case("UID") => {
            (format!("UID {}", word.to_ascii_uppercase()), nth, rest)
        }
        [word, nth, ref rest @ ..] => (word.to_owned(), nth, rest),
        _ => return None,
    };
    let nth: u64 = nth.parse().ok().filter(|nth| *nth > 0)?;
    let when = |last: &str| match rest {
        [] => Some(When::Line),
        ["received"] => Some(When::Received),
        ["applied"] => Some(When::Applied),
        ["byte", byte] => Some(When::Byte(byte.parse().ok()?)),
        [word] if *word == last => Some(When::Replied),
        _ => None,
    };
    let place = match (word.as_str(), rest) {
        ("connection", []) => Place::Connection,
        ("step", []) => Place::Step,
        ("continuation", []) => Place::Continuation,
        ("literal", []) => Place::Literal(0),
        ("literal", ["byte", byte]) => Place::Literal(byte.parse().ok()?),
        ("reply", []) => Place::Reply(When::Applied),
        ("reply", ["byte", _] | ["end"]) => Place::Reply(when("end")?),
        ("connection" | "step" | "continuation" | "literal" | "reply", _) => return None,
        (word, _) if word.bytes().all(|b| b.is_ascii_alphabetic() || b == b' ') => {
            Place::Command(word.to_ascii_uppercase(), when("replied")?)
        }
        _ => return None,
    };
    Some((place, nth))
}

fn read_deed(text: &str) -> Option<Deed> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    let words: Vec<&str> = rest.split_whitespace().collect();
    Some(match (word, words.as_slice()) {
        ("drop", []) => Deed::Drop,
        ("reset", []) => Deed::Reset,
        ("stall", []) => Deed::Stall,
        ("wait", [time]) => Deed::Wait(read_time(time)?),
        ("NO", _) => Deed::No(rest.to_owned()),
        ("BAD", _) => Deed::Bad(rest.to_owned()),
        ("BYE", _) => Deed::Bye(rest.to_owned()),
        ("say", _) => Deed::Say(String::from_utf8(read_bytes(rest)?).ok()?),
        ("insert", _) => Deed::Insert(read_bytes(rest)?),
        ("apply,", ["then", "drop"]) => Deed::ApplyThenDrop,
        ("drop,", ["then", "apply", "after", time]) => Deed::DropThenApply(read_time(time)?),
        ("announce", ["nonsense"]) => Deed::AnnounceNonsense,
        ("announce", [bytes, "less"]) => Deed::AnnounceLess(bytes.parse().ok()?),
        ("announce", [bytes, "more"]) => Deed::AnnounceMore(bytes.parse().ok()?),
        ("replica", [changes, "change" | "changes", "behind", "for", time]) => {
            Deed::Replica { changes: changes.parse().ok()?, lag: read_time(time)? }
        }
        _ => return None,
    })
}

fn read_time(text: &str) -> Option<Duration> {
    match text.strip_suffix("ms") {
        Some(millis) => millis.parse().ok().map(Duration::from_millis),
        None => text.strip_suffix('s')?.parse().ok().map(Duration::from_secs),
    }
}

/// `"…"` with `\r`, `\n`, `\t`, `\\`, `\"`, `\'` and `\x7f`.
fn read_bytes(text: &str) -> Option<Vec<u8>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(byte) = inner.get(at) {
        at += 1;
        if *byte == b'"' {
            return None;
        }
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let escape = inner.get(at)?;
        at += 1;
        out.push(match escape {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'\\' | b'"' | b'\'' => *escape,
            b'x' => {
                let digits = std::str::from_utf8(inner.get(at..at + 2)?).ok()?;
                at += 2;
                u8::from_str_radix(digits, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn when() -> impl Strategy<Value = When> {
        prop_oneof![
            Just(When::Line),
            Just(When::Received),
            Just(When::Applied),
            any::<u64>().prop_map(When::Byte),
            Just(When::Replied),
        ]
    }

    fn place() -> impl Strategy<Value = Place> {
        let command = (prop_oneof!["[A-Z]{1,12}", "UID [A-Z]{1,12}"], when());
        prop_oneof![
            Just(Place::Connection),
            Just(Place::Step),
            Just(Place::Continuation),
            any::<u64>().prop_map(Place::Literal),
            prop_oneof![Just(When::Applied), any::<u64>().prop_map(When::Byte), Just(When::Replied)]
                .prop_map(Place::Reply),
            command
                .prop_filter("UID alone is no command", |(word, _)| word != "UID")
                .prop_map(|(word, when)| Place::Command(word, when)),
        ]
    }

    fn deed() -> impl Strategy<Value = Deed> {
        let line = || "([!-~]([ -~]{0,20}[!-~])?)?";
        let time = || any::<u32>().prop_map(|millis| Duration::from_millis(millis.into()));
        prop_oneof![
            Just(Deed::Drop),
            Just(Deed::Reset),
            Just(Deed::Stall),
            time().prop_map(Deed::Wait),
            line().prop_map(Deed::No),
            line().prop_map(Deed::Bad),
            line().prop_map(Deed::Bye),
            any::<String>().prop_map(Deed::Say),
            vec(any::<u8>(), 0..30).prop_map(Deed::Insert),
            Just(Deed::ApplyThenDrop),
            time().prop_map(Deed::DropThenApply),
            any::<u64>().prop_map(Deed::AnnounceLess),
            any::<u64>().prop_map(Deed::AnnounceMore),
            Just(Deed::AnnounceNonsense),
            (any::<usize>(), time()).prop_map(|(changes, lag)| Deed::Replica { changes, lag }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_as_the_same(faults in vec((place(), 1..u64::MAX, deed()), 0..6)) {
            let faults = faults.into_iter().map(|(place, nth, deed)| Fault { place, nth, deed }).collect();
            let script = Script { faults };
            let text = script.to_string();
            prop_assert_eq!(text.parse::<Script>(), Ok(script), "{}", text);
        }

        #[test]
        fn no_text_panics(text in any::<String>(), line in "(uid |literal |reply |[a-z]+ )?[0-9]* ?[a-z]*: .{0,20}") {
            let _ = text.parse::<Script>();
            let _ = line.parse::<Script>();
        }
    }

    #[test]
    fn the_lines_of_the_documentation_are_faults() {
        let text = include_str!("mod.rs");
        let example = text.split("```text").nth(1).unwrap().split("```").next().unwrap();
        let lines: Vec<&str> = example.lines().map(|line| line.trim_start_matches("//!").trim()).collect();
        let script: Script = lines.join("\n").parse().unwrap();
        assert_eq!(script.faults.len(), 8);
        let printed: Vec<String> = script.faults.iter().map(ToString::to_string).collect();
        let meant: Vec<&&str> = lines.iter().filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
        assert!(printed.iter().eq(meant), "{printed:?}");
    }

    #[test]
    fn what_is_no_fault_is_told() {
        for line in [
            "APPEND 3",
            "APPEND: drop",
            "APPEND 0: drop",
            "APPEND 3 later: drop",
            "step 3 received: drop",
            "literal 3 end: drop",
            "step 1: explode",
            "step 1: wait 3",
            "step 1: insert \"a\"b\"",
            "step 1: insert \"\\x9\"",
            "step 1: announce 5",
        ] {
            let error = line.parse::<Script>().expect_err(line).to_string();
            assert!(error.starts_with("no fault: "), "{error}");
        }
    }
}
