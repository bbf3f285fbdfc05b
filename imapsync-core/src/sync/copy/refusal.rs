//! What a NO or BAD to an APPEND means.

use crate::imap::backoff;
use crate::imap::response::{Code, Status, StatusKind};
use std::time::Duration;

/// What to do after a refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The account is full.
    Quota,
    /// Try again, after this pause.
    Later(Duration),
    /// The server does not understand the command, perhaps not the way its literal was sent.
    BadLiteral,
    /// This message is not wanted.
    Final,
}

pub(super) fn classify(status: &Status) -> Refusal {
    let text = status.text.to_ascii_lowercase();
    match status.code {
        Some(Code::Limit | Code::TooBig) if backoff::blames_request(&text) => return Refusal::Final,
        Some(Code::OverQuota) => return Refusal::Quota,
        _ => {}
    }
    match backoff::wait(status) {
        Some(pause) => Refusal::Later(pause),
        None if status.kind == StatusKind::Bad => Refusal::BadLiteral,
        None if is_quota_text(&text) => Refusal::Quota,
        None => Refusal::Final,
    }
}

/// Servers without the code say it in words.
fn is_quota_text(text: &str) -> bool {
    ["over quota", "overquota", "quota exceeded", "exceeds quota", "mailbox is full", "mailbox full"]
        .iter()
        .any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::frame::{Frame, Framer, Limits};
    use crate::imap::response::{Response, parse};

    fn status(line: &str) -> Status {
        let mut framer = Framer::new(Limits::default());
        framer.feed(format!("a1 {line}\r\n").as_bytes());
        match framer.next_frame() {
            Ok(Some(Frame::Line(line))) => match parse(&line) {
                Ok(Response::Tagged { status, .. }) => status,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refusal_is_what_code_and_words_say() {
        let later = |ms| Refusal::Later(Duration::from_millis(ms));
        let table = [
            ("NO [OVERQUOTA] Quota exceeded (mailbox for user is full)", Refusal::Quota),
            ("NO Over quota", Refusal::Quota),
            ("NO [UNAVAILABLE] later", later(1000)),
            ("NO [LIMIT] slow down", later(1000)),
            ("NO [LIMIT] Too many user flags in mailbox", Refusal::Final),
            ("NO [LIMIT] Mail size is larger than the maximum size allowed", Refusal::Final),
            ("BAD Request is throttled. Suggested Backoff Time: 178755 milliseconds", later(178_755)),
            ("NO throttled. Suggested Backoff Time: 99999999 milliseconds", later(900_000)),
            ("BAD what", Refusal::BadLiteral),
            ("NO Message contains bare newlines", Refusal::Final),
            ("NO [TOOBIG] too big", Refusal::Final),
            ("NO [TRYCREATE] no such folder", Refusal::Final),
        ];
        for (line, wanted) in table {
            assert_eq!(classify(&status(line)), wanted, "{line}");
        }
    }
}
