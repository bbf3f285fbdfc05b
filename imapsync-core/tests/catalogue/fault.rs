//! What faults and scenarios are made of: messages, moments, changes of answers.

use crate::case::Case;
use imapsync_core::testing::{Act, Call, Folder, Mail, Server, Stage};
use std::sync::Arc;

/// So many messages of different lengths, the first of them read and flagged.
pub fn fill(server: &Server, folder: &str, messages: usize) {
    for n in 1..=messages {
        let flags: &[&str] = if n == 1 { &["\\Seen", "\\Flagged"] } else { &["\\Seen"] };
        server.mail().folder(folder).add(message(folder, n), flags);
    }
}

/// A message like any other.
pub fn message(folder: &str, n: usize) -> Vec<u8> {
    let body = "All work and no play.\r\n".repeat(n % 7 + 1);
    format!(
        "Message-Id: <{n}.{folder}@example.org>\r\nFrom: a@example.org\r\nSubject: Number {n}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Whether the large counts are wanted too.
pub fn full() -> bool {
    std::env::var_os("IMAPSYNC_FULL").is_some_and(|value| value == "1")
}

/// A hook that acts the first `times` times that `when` holds.
pub fn times(
    times: usize,
    when: impl Fn(&Call<'_>) -> bool + Send + 'static,
    act: impl Fn() -> Act + Send + 'static,
) -> impl FnMut(&mut Mail, &Call<'_>) -> Act + Send + 'static {
    let mut left = times;
    move |_, call| {
        if left > 0 && when(call) {
            left -= 1;
            return act();
        }
        Act::Pass
    }
}

/// Says this.
pub fn say(text: &str) -> impl Fn() -> Act + Send + 'static {
    let text = text.to_owned();
    move || Act::Say(text.clone())
}

/// Changes the bytes of an answer.
pub fn edit(
    change: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
) -> impl Fn() -> Act + Send + 'static {
    let change = Arc::new(change);
    move || {
        let change = change.clone();
        Act::Edit(Box::new(move |bytes| change(bytes)))
    }
}

/// Puts a text in front of the answer to a command, behind its first line, and in front of its last line.
pub fn inserted(text: &str) -> [impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + use<>; 3] {
    [0, 1, 2].map(|place| {
        let text = text.as_bytes().to_vec();
        move |bytes: Vec<u8>| {
            let last =
                bytes[..bytes.len() - 2].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let first_row = bytes.windows(3).position(|end| end == b")\r\n").map_or(0, |at| at + 3);
            let at = [0, first_row.min(last), last][place];
            [&bytes[..at], &text, &bytes[at..]].concat()
        }
    })
}

/// A FETCH of the listing, at its line.
pub fn is_listing(call: &Call<'_>) -> bool {
    call.is("UID FETCH") && call.line.contains("RFC822.SIZE")
}

/// A FETCH of whole messages, at its line.
pub fn is_body(call: &Call<'_>) -> bool {
    call.is("UID FETCH") && call.line.contains("BODY.PEEK[])")
}

/// An APPEND that is stored and not answered yet.
pub fn is_stored(call: &Call<'_>) -> bool {
    call.stage == Stage::Applied && call.line.starts_with("APPEND")
}

/// SELECT or EXAMINE, at its line.
pub fn is_opening(call: &Call<'_>) -> bool {
    call.is("SELECT") || call.is("EXAMINE")
}

/// The delete modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Keep,
    Delete1,
    Delete2,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Keep, Self::Delete1, Self::Delete2];

    /// What this mode has to do: of five messages of INBOX the first two are on the destination, with one that the source
    /// does not have; three of Work are nowhere.
    pub fn case(self, source: &'static str, destination: &'static str) -> Case {
        let case = Case::new(source, destination).setup(|pair| {
            fill(&pair.source, "INBOX", 5);
            fill(&pair.source, "Work", 3);
            fill(&pair.destination, "INBOX", 2);
            pair.destination.mail().folder("INBOX").add(message("old", 1), &[]);
        });
        case.options(|options| match self {
            Self::Keep => {}
            Self::Delete1 => options.delete1 = imapsync_core::Delete1::Expunge,
            Self::Delete2 => options.delete2 = true,
        })
    }
}

/// Changes each answer to an executed command, as long as the fault lasts.
pub fn every_answer(server: &Server, change: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) {
    server.hook(times(usize::MAX, |call| call.stage == Stage::Applied, edit(change)));
}

/// The INBOX.
pub fn inbox(mail: &mut Mail) -> &mut Folder {
    mail.folder("INBOX")
}

/// As it should.
pub fn pass() -> Act {
    Act::Pass
}

/// Changes the text of an answer.
pub fn text(change: impl Fn(String) -> String + Send + Sync + 'static) -> impl Fn() -> Act + Send + 'static {
    edit(move |bytes| change(String::from_utf8(bytes).expect("text")).into_bytes())
}

/// An answer without the lines that contain this.
pub fn without_lines(what: &'static str) -> impl Fn() -> Act + Send + 'static {
    text(move |text| text.split_inclusive("\r\n").filter(|line| !line.contains(what)).collect())
}

/// Somebody delivers a message.
pub fn deliver(folder: &mut Folder, message: Vec<u8>, flags: &[&str]) {
    folder.add(message, flags);
}

/// The FETCH responses of an answer, and what follows them.
pub fn rows(bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let (mut rows, mut rest) = (Vec::new(), bytes);
    while rest.starts_with(b"* ") {
        let mut at = 0;
        loop {
            let line = at + rest[at..].windows(2).position(|two| two == b"\r\n").expect("a line") + 2;
            let text = &rest[at..line - 2];
            at = line;
            let Some(inner) = text.strip_suffix(b"}") else { break };
            let open = inner.iter().rposition(|byte| *byte == b'{').expect("a literal") + 1;
            at += std::str::from_utf8(&inner[open..]).unwrap().parse::<usize>().unwrap();
        }
        rows.push(rest[..at].to_vec());
        rest = &rest[at..];
    }
    (rows, rest.to_vec())
}

/// The UID of a row.
pub fn uid_of(row: &[u8]) -> u32 {
    let text = String::from_utf8_lossy(row);
    let digits = &text[text.find("UID ").expect("a UID") + 4..];
    digits[..digits.find([' ', ')']).expect("an end")].parse().expect("a number")
}

/// Answers a command of this kind with the server's own answer, changed, so many times.
pub fn answers(
    number: usize,
    beginning: &'static str,
    change: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
) -> impl FnMut(&mut Mail, &Call<'_>) -> Act + Send + 'static {
    times(number, move |call| call.stage == Stage::Applied && call.line.starts_with(beginning), edit(change))
}
