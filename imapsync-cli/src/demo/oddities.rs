//! Messages as no good program writes them, and as every old mailbox has them.

use super::mailbox::Letter;
use super::message::Draft;
use super::phrases::{LANGUAGES, OWNER};
use chrono::{DateTime, TimeDelta};

/// Characters of the very long line.
const LONG_LINE: usize = 200_000;

/// One of each kind; the largest has a file of `largest` bytes.
pub(super) fn oddities(largest: usize, random: &mut fastrand::Rng) -> Vec<Letter> {
    let twin = |text: &str| {
        format!("Message-Id: <twin@example.org>\r\nSubject: Twins\r\n\r\n{text}\r\n").into_bytes()
    };
    let double =
        b"Message-Id: <double@example.org>\r\nSubject: Here twice, byte for byte\r\n\r\nOnce is enough.\r\n";
    let mut latin1 = b"Message-Id: <raw@example.org>\r\nSubject: Gr".to_vec();
    latin1.extend_from_slice(b"\xfc\xdfe, not encoded at all\r\n\r\nK\xf6ln\r\n");
    let long = format!(
        "Message-Id: <long@example.org>\r\nSubject: A very long line\r\n\r\n{}\r\n",
        "no end in sight ".repeat(LONG_LINE / 16)
    );
    let mut file = vec![0; largest];
    random.fill(&mut file);
    let large = Draft {
        from: LANGUAGES[0].people[0],
        to: OWNER,
        subject: "The whole film".to_owned(),
        date: DateTime::UNIX_EPOCH.fixed_offset(),
        id: "film@example.org".to_owned(),
        thread: Vec::new(),
        list: None,
        text: "Here it is.\n".to_owned(),
        attachment: Some(("film.mp4".to_owned(), file)),
    };
    let bodies = [
        b"\r\nThere is no header above this line.\r\n".to_vec(),
        b"From: alice@old.example\r\nSubject: without a Message-Id\r\n\r\nA note to myself.\r\n".to_vec(),
        twin("I have the same Message-Id as my twin."),
        twin("And yet I say something else."),
        double.to_vec(),
        double.to_vec(),
        latin1,
        long.into_bytes(),
        b"Message-Id: <empty@example.org>\r\nSubject: Nothing beneath\r\n\r\n".to_vec(),
        large.bytes(),
    ];
    let start = DateTime::UNIX_EPOCH.fixed_offset() + TimeDelta::days(12_500);
    let at = |n: usize| start + TimeDelta::days(n as i64 * 200);
    let letter = |(n, body)| Letter { date: at(n), flags: vec!["\\Seen"], body, there: None };
    bodies.into_iter().enumerate().map(letter).collect()
}
