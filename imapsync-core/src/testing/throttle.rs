//! Servers that ask for pauses.

use super::mail::Mail;
use super::quirks::Throttled;
use std::time::Duration;
use tokio::time::Instant;

/// What a command has to bear before it is executed.
pub(super) enum Held {
    /// Nothing.
    No,
    /// It waits so long.
    Wait(Duration),
    /// It is refused with this text.
    Refused(String),
    /// It is refused with this text, and the connection ends with the other one.
    Ended(String, &'static str),
}

impl Mail {
    /// Whether the command is executed now. Counts those that move messages.
    pub(super) fn throttle(&mut self, line: &str) -> Held {
        let Some(throttle) = self.quirks.throttle else { return Held::No };
        let upper = line.to_ascii_uppercase();
        let verb = upper.strip_prefix("UID ").unwrap_or(&upper).split(' ').next().unwrap_or_default();
        if ["CAPABILITY", "LOGIN", "AUTHENTICATE", "LOGOUT", "ID", "NOOP"].contains(&verb) {
            return Held::No;
        }
        let now = Instant::now();
        let left = self.throttled_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        if left.is_zero() {
            self.heavy += usize::from(verb == "APPEND" || upper.contains("BODY.PEEK[]"));
            if self.heavy < throttle.every {
                return Held::No;
            }
            self.heavy = 0;
            self.throttled_until = Some(now + throttle.pause);
        }
        let left = if left.is_zero() { throttle.pause } else { left };
        let backoff =
            format!("Request is throttled. Suggested Backoff Time: {} milliseconds", left.as_millis());
        match throttle.says {
            Throttled::Backoff => Held::Refused(format!("NO {backoff}")),
            Throttled::BackoffAndBye => Held::Ended(format!("BAD {backoff}"), "* BYE Connection closed. 14"),
            Throttled::Unavailable => {
                Held::Refused(format!("NO [UNAVAILABLE] {verb} Server error - Please try again later"))
            }
            Throttled::Bandwidth => Held::Refused(
                "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)".to_owned(),
            ),
            Throttled::Slow => Held::Wait(left),
        }
    }
}
