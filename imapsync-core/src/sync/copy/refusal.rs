//! What a NO or BAD to an APPEND means.

use crate::imap::response::{Code, Status, StatusKind};
use std::time::Duration;

/// What to do after a refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The account is full.
    Quota,
    /// Try again, after this pause where the server named one.
    Later(Option<Duration>),
    /// The server does not understand the command, perhaps not the way its literal was sent.
    BadLiteral,
    /// This message is not wanted.
    Final,
}

/// The longest pause that a server's suggestion is followed for.
const LONGEST: Duration = Duration::from_secs(15 * 60);

pub(super) fn classify(status: &Status) -> Refusal {
    if let Some(pause) = suggested_pause(&status.text) {
        return Refusal::Later(Some(pause));
    }
    match status.code {
        // Dovecot says LIMIT of a message that is larger than it takes: no later try will help.
        Some(Code::Limit | Code::TooBig) if is_size_text(&status.text) => Refusal::Final,
        Some(Code::OverQuota) => Refusal::Quota,
        Some(Code::Unavailable | Code::InUse | Code::Limit | Code::ServerBug) => Refusal::Later(None),
        _ if status.kind == StatusKind::Bad => Refusal::BadLiteral,
        _ if is_quota_text(&status.text) => Refusal::Quota,
        _ => Refusal::Final,
    }
}

fn is_size_text(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["size", "too big", "too large", "larger than", "too long"].iter().any(|words| text.contains(words))
}

/// Servers without the code say it in words.
fn is_quota_text(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["over quota", "overquota", "quota exceeded", "exceeds quota", "mailbox is full", "mailbox full"]
        .iter()
        .any(|words| text.contains(words))
}

/// `Request is throttled. Suggested Backoff Time: 178755 milliseconds` (Office 365).
fn suggested_pause(text: &str) -> Option<Duration> {
    let lower = text.to_ascii_lowercase();
    let rest = lower.split_once("backoff time:")?.1.trim_start();
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    let milliseconds: u64 = digits.parse().ok()?;
    Some(Duration::from_millis(milliseconds).min(LONGEST))
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
        let later = |ms| Refusal::Later(Some(Duration::from_millis(ms)));
        let table = [
            ("NO [OVERQUOTA] Quota exceeded (mailbox for user is full)", Refusal::Quota),
            ("NO Over quota", Refusal::Quota),
            ("NO [UNAVAILABLE] later", Refusal::Later(None)),
            ("NO [LIMIT] slow down", Refusal::Later(None)),
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
