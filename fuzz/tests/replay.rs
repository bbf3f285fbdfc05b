//! The corpus again, and a fixed number of changes to it: always the same inputs, so that a failure comes again.

use imapsync_fuzz::TARGETS;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Changed inputs, for each input of the corpus.
const CHANGES: usize = 100;
/// A whole sync takes longer.
const CHANGES_OF_A_SYNC: usize = 10;

/// Bytes with a meaning somewhere.
const TOKENS: [&[u8]; 12] = [
    b"\r\n",
    b"\x0c",
    b"\0",
    b"{4294967296}\r\n",
    b"\x05",
    b"\"",
    b")",
    b"NIL",
    b"4294967295",
    b"&",
    b"\xff",
    b"\x02",
];

/// A generator of pseudo-random numbers (xorshift) that gives the same ones each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }

    /// A place in the input, and one not before it.
    fn span(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.roll(len + 1);
        start..start + self.roll((len - start).min(16) + 1)
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[(String, Vec<u8>)]) {
        let span = self.span(input.len());
        match self.roll(6) {
            0 => drop(input.drain(span)),
            1 => {
                let bytes = input[span.clone()].to_vec();
                input.splice(span.end..span.end, bytes);
            }
            2 => drop(input.splice(span, TOKENS[self.roll(TOKENS.len())].iter().copied())),
            3 => {
                let other = &corpus[self.roll(corpus.len())].1;
                let from = self.roll(other.len() + 1);
                input.splice(span.start.., other[from..].iter().copied());
            }
            4 => input.insert(span.start, self.roll(256) as u8),
            _ => {
                for byte in &mut input[span] {
                    *byte ^= 1 << self.roll(8);
                }
            }
        }
    }
}

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut corpus: Vec<_> = files
        .map(|file| {
            let path = file.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())
        })
        .collect();
    corpus.sort();
    corpus
}

fn replay(target: &str, one: fn(&[u8])) {
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "{target} has no corpus");
    let run = |input: &[u8], name: &str| {
        let outcome = catch_unwind(AssertUnwindSafe(|| one(input)));
        assert!(outcome.is_ok(), "{target}, {name}: {}", input.escape_ascii());
    };
    let changes = if target == "sync" { CHANGES_OF_A_SYNC } else { CHANGES };
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for (name, input) in &corpus {
        run(input, name);
        let mut changed = input.clone();
        for n in 1..=changes {
            // Up to five changes upon each other, then from the start again.
            if n % 5 == 1 {
                changed.clone_from(input);
            }
            dice.change(&mut changed, &corpus);
            run(&changed, &format!("{name} changed {n} times"));
        }
    }
}

macro_rules! replays {
    ($($target:ident)*) => {
        $(#[test] fn $target() { replay(stringify!($target), imapsync_fuzz::$target::one); })*

        #[test]
        fn every_target_is_replayed() {
            let replayed = [$(stringify!($target)),*];
            assert_eq!(TARGETS.map(|(name, _)| name), replayed);
        }
    };
}

replays! { command fetch framing identity mapping response substitution sync utf7 }
