//! Refusals that time heals: whether a NO, BAD or BYE asks to come back later, and how long it asks to wait.

use super::response::{Code, Status, StatusKind};
use std::time::Duration;

/// The longest pause that a server's suggestion is followed for.
pub const LONGEST: Duration = Duration::from_secs(15 * 60);
/// The pause where the server names none.
pub const USUAL: Duration = Duration::from_secs(1);

/// What servers without response codes say when it is not for good. Not "try again" or "temporarily": these are said of wrong
/// passwords and of accounts that are locked for them.
const WORDS: [&str; 6] = [
    "throttled",
    "backoff time:",
    "server busy",
    // Exchange, while its store is away.
    "authenticated but not connected",
    // Gmail and others, of connections. Not "too many": Gmail says that of wrong passwords too.
    "too many simultaneous",
    "too many connections",
];

/// How long to wait before the same thing is tried again; None where a refusal is for good, or is none.
///
/// A pause that the server names is obeyed to the millisecond (`Suggested Backoff Time: 178755 milliseconds`, Office 365), up
/// to [`LONGEST`]; else it is [`USUAL`].
///
/// ```
/// use imapsync_core::imap::backoff::{USUAL, wait};
/// use imapsync_core::imap::frame::{Frame, Framer, Limits};
/// use imapsync_core::imap::response::{Response, parse};
/// let wait = |line: &str| {
///     let mut framer = Framer::new(Limits::default());
///     framer.feed(format!("a1 {line}\r\n").as_bytes());
///     let Ok(Some(Frame::Line(line))) = framer.next_frame() else { panic!() };
///     let Ok(Response::Tagged { status, .. }) = parse(&line) else { panic!() };
///     wait(&status)
/// };
/// assert_eq!(wait("NO [UNAVAILABLE] the store is away"), Some(USUAL));
/// assert_eq!(wait("NO [AUTHENTICATIONFAILED] try again"), None);
/// ```
pub fn wait(status: &Status) -> Option<Duration> {
    if !matches!(status.kind, StatusKind::No | StatusKind::Bad | StatusKind::Bye) {
        return None;
    }
    let text = status.text.to_ascii_lowercase();
    match status.code {
        Some(Code::Limit) if blames_request(&text) => return None,
        // EXPUNGEISSUED: the folder has to be opened again, to see what is left.
        Some(Code::Unavailable | Code::Limit | Code::InUse | Code::ServerBug | Code::ExpungeIssued) => {}
        None | Some(Code::Alert | Code::Other { .. }) if WORDS.iter().any(|words| text.contains(words)) => {}
        _ => return None,
    }
    Some(named(&text).unwrap_or(USUAL).min(LONGEST))
}

/// Whether a text in lower case says that the request itself is too much: no later try will help. Dovecot says LIMIT of a message
/// that is larger than it takes, Cyrus of a keyword too many.
pub fn blames_request(text: &str) -> bool {
    ["size", "too big", "too large", "larger than", "too long", "user flags", "keyword"]
        .iter()
        .any(|words| text.contains(words))
}

/// `request is throttled. suggested backoff time: 178755 milliseconds`.
fn named(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once("backoff time:")?;
    let digits = rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?;
    Some(Duration::from_millis(digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::frame::{Frame, Framer, Limits};
    use crate::imap::response::{Response, parse};

    #[test]
    fn only_what_may_pass_is_waited_for() {
        let table = [
            ("OK throttled, try again", None),
            ("NO [UNAVAILABLE] later", Some(1000)),
            ("NO [LIMIT] slow down", Some(1000)),
            ("NO [LIMIT] Too many user flags in mailbox", None),
            ("NO [LIMIT] Mail size is larger than the maximum size allowed", None),
            ("NO [INUSE] locked", Some(1000)),
            ("BAD [SERVERBUG] oops", Some(1000)),
            ("BAD Request is throttled. Suggested Backoff Time: 178755 milliseconds", Some(178_755)),
            ("NO [LIMIT] Suggested backoff time:7 milliseconds", Some(7)),
            ("NO Throttled. Suggested Backoff Time: 99999999 milliseconds", Some(900_000)),
            ("NO Throttled. Suggested Backoff Time: many milliseconds", Some(1000)),
            ("NO Throttled. Suggested Backoff Time: 99999999999999999999999 milliseconds", Some(1000)),
            ("BAD User is authenticated but not connected.", Some(1000)),
            ("NO [ALERT] Too many simultaneous connections. (Failure)", Some(1000)),
            ("NO [ALERT] Too many login failures", None),
            ("NO [AUTHENTICATIONFAILED] try again", None),
            ("NO [NONEXISTENT] try again", None),
            ("NO Login failed, try again", None),
            ("NO what", None),
            ("BAD what", None),
        ];
        for (line, milliseconds) in table {
            let mut framer = Framer::new(Limits::default());
            framer.feed(format!("a1 {line}\r\n").as_bytes());
            let Ok(Some(Frame::Line(frame))) = framer.next_frame() else { panic!("{line}") };
            let Ok(Response::Tagged { status, .. }) = parse(&frame) else { panic!("{line}") };
            assert_eq!(wait(&status), milliseconds.map(Duration::from_millis), "{line}");
        }
    }
}
