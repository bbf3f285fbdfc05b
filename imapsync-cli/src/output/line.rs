//! One line for one event, in the original's words where it has them. Pure: names in events are already escaped.

use super::meter::Meter;
use super::outcome::{Fate, fate};
use super::text::{bytes, float};
use chrono::{DateTime, FixedOffset};
use imapsync_core::sync::Event;
use imapsync_core::{Error, Side};
use std::time::Duration;

/// Where an event's line is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// Everywhere.
    Always,
    /// Where no progress bar tells the same: in a file or a pipe, and under `--dry`.
    Plain,
}

/// What a line needs to know beyond its event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Nothing is really done.
    pub(super) dry: bool,
    /// How far the run is.
    pub(super) meter: Meter,
    /// How long it has run.
    pub(super) elapsed: Duration,
    /// The present date.
    pub(super) now: DateTime<FixedOffset>,
}

/// The line of an event; None for what needs no line.
pub(super) fn line(event: &Event, moment: &Moment) -> Option<(Where, String)> {
    let dry = moment.dry;
    let told = match event {
        Event::Connected { side, greeting, encryption } => {
            let software = match side {
                Side::Source => "From software :",
                Side::Destination => "To   software :",
            };
            let encryption = encryption.as_deref().unwrap_or("no encryption, everything travels in clear");
            (Where::Always, format!("{}: connected, {encryption}\n{software} {greeting}", host(*side)))
        }
        Event::LoggedIn { side, capabilities } => {
            (Where::Plain, format!("{}: logged in; capabilities: {capabilities}", host(*side)))
        }
        Event::Notice { side, text } => (Where::Always, notice(*side, text)),
        Event::Listed { side, folders, separator, prefix } => (
            Where::Always,
            format!("{}: {folders} folders, separator [{separator}], prefix [{prefix}]", host(*side)),
        ),
        Event::Mapped { source, destination, exists } => {
            let missing = match (exists, dry) {
                (true, _) => "",
                (false, false) => " (to be created)",
                (false, true) => " (would be created)",
            };
            (Where::Plain, format!("Folder [{source}] -> [{destination}]{missing}"))
        }
        Event::Created { folder } => {
            let verb = if dry { "would create" } else { "created" };
            (Where::Plain, format!("Host2: {verb} folder [{folder}]"))
        }
        Event::Totals { messages, bytes: size, folders } => (
            Where::Always,
            format!(
                "Host1: {messages} messages, {size} bytes ({}) in {folders} folders",
                bytes(float(*size))
            ),
        ),
        Event::FolderStarted { source, destination, messages, destination_messages } => (
            Where::Plain,
            format!(
                "Syncing [{source}] ({messages} messages) to [{destination}] ({destination_messages} messages)"
            ),
        ),
        Event::Message { folder, uid, size, destination, outcome } => match fate(outcome) {
            Fate::Copied(_) if dry => (
                Where::Plain,
                format!("msg {folder}/{uid} {{{size}}}       would be copied to {destination}"),
            ),
            Fate::Copied(copy) => {
                let copy = copy.map(|uid| format!("/{uid}")).unwrap_or_default();
                let tail = moment.meter.tail(moment.elapsed, moment.now);
                (
                    Where::Plain,
                    format!("msg {folder}/{uid} {{{size}}}       copied to {destination}{copy} {tail}"),
                )
            }
            Fate::Failed(why) => {
                (Where::Always, format!("msg {folder}/{uid} {{{size}}}       not copied: {why}"))
            }
            Fate::There | Fate::Left(_) | Fate::NotReached => return None,
        },
        Event::FlagsChanged { folder, uid, flags } => {
            let verb = if dry { "would be" } else { "are now" };
            (Where::Plain, format!("msg {folder}/{uid} of host2: flags {verb} ({flags})"))
        }
        Event::Deleted { side, folder, messages, expunged } => {
            let verb = match (dry, expunged) {
                (false, true) => "deleted",
                (false, false) => "marked as deleted",
                (true, true) => "would be deleted",
                (true, false) => "would be marked as deleted",
            };
            (Where::Plain, format!("{}: {messages} messages of folder [{folder}] {verb}", host(*side)))
        }
        Event::Reconnected { side, reason } => {
            (Where::Always, format!("{}: connected again after: {reason}", host(*side)))
        }
        Event::Failed(error) => (Where::Always, failure(error)),
        Event::Lost(count) => {
            (Where::Plain, format!("({count} lines are missing here; the statistics miss nothing)"))
        }
        _ => return None,
    };
    Some(told)
}

/// A notice as one line.
pub(crate) fn notice(side: Option<Side>, text: &str) -> String {
    match side {
        Some(side) => format!("Notice: {}: {}", host(side), without_side(text, side)),
        None => format!("Notice: {text}"),
    }
}

/// An error as one line that scripts can look for: `Host1 failure: ...`.
pub(crate) fn failure(error: &Error) -> String {
    let text = error.to_string();
    match error.side() {
        Some(side) => format!("{} failure: {}", host(side), without_side(&text, side)),
        None => format!("Failure: {text}"),
    }
}

/// The text without the side in front, which the line names itself.
fn without_side(text: &str, side: Side) -> &str {
    text.strip_prefix(&format!("{side}: ")).unwrap_or(text)
}

const fn host(side: Side) -> &'static str {
    match side {
        Side::Source => "Host1",
        Side::Destination => "Host2",
    }
}
