//! What a command line asks for, in the terms of the core: two accounts and what to do with them.

mod account;
mod password;
mod rules;

#[cfg(feature = "state")]
pub(crate) use account::address;

use crate::exit::Status;
use crate::options::{UsageError, Values};
use imapsync_core::Account;
use imapsync_core::imap::sasl::Secret;
use imapsync_core::options::{Connections, Delete1, Pace, SyncOptions};
use password::Places;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

/// Why nothing is begun: the exit status and the text for the user.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The exit status.
    pub(crate) status: Status,
    /// The text.
    pub(crate) text: String,
}

impl Refusal {
    /// A refusal of the command line.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { status: Status::Usage, text: text.into() }
    }
}

impl From<UsageError> for Refusal {
    fn from(UsageError(text): UsageError) -> Self {
        Self::usage(text)
    }
}

/// Everything a run needs to know.
pub(crate) struct Settings {
    /// Host1.
    pub(crate) source: Account,
    /// Host2.
    pub(crate) destination: Account,
    /// What to do.
    pub(crate) options: SyncOptions,
    /// The directory in which it is remembered what was done.
    pub(crate) state: Option<PathBuf>,
    /// Tell what goes on inside.
    pub(crate) debug: bool,
    /// Tell every line to and from the servers.
    pub(crate) debugimap: bool,
    /// List the errors at the end.
    pub(crate) errors_dump: bool,
    /// Whether `--subfolder1` was given: its absence has an exit status of its own.
    pub(crate) subfolder1: bool,
    /// What the user should know before anything begins.
    pub(crate) notices: Vec<String>,
}

impl Settings {
    /// Reads the options; passwords are looked for last, when everything else is in order.
    pub(crate) fn new(values: &Values) -> Result<Self, Refusal> {
        let mut notices = Vec::new();
        if !values.ignored.is_empty() {
            notices.push(format!("without effect here: {}", values.ignored.join(", ")));
        }
        let mut source = account::account(values, 1)?;
        let mut destination = account::account(values, 2)?;
        let options = options(values)?;
        for (account, side) in [(&mut source, 1), (&mut destination, 2)] {
            let places = Places {
                side,
                file: values.one(&format!("passfile{side}")),
                environment: std::env::var(format!("IMAPSYNC_PASSWORD{side}")).ok(),
                option: values.one(&format!("password{side}")),
                who: account.auth_user.as_deref().unwrap_or(&account.user),
            };
            account.secret = Secret::new(places.look(&mut notices, password::ask)?);
        }
        let state = state(values, &mut notices);
        Ok(Self {
            source,
            destination,
            options,
            state,
            debug: values.toggle("debug").unwrap_or(false),
            debugimap: values.toggle("debugimap").unwrap_or(false),
            errors_dump: values.toggle("errorsdump").unwrap_or(true),
            subfolder1: values.is_given("subfolder1"),
            notices,
        })
    }
}

/// What to do, from the options that are not about one account.
fn options(values: &Values) -> Result<SyncOptions, Refusal> {
    let on = |name: &str| values.toggle(name).unwrap_or(false);
    let unless_off = |name: &str| values.toggle(name).unwrap_or(true);
    if on("delete1") && on("delete2") {
        return Err(Refusal::usage(
            "--delete1 and --delete2 exclude each other: what the first removes from host1 the second would remove \
             from host2 on the next run",
        ));
    }
    let expunge1 = values.toggle("expunge1");
    Ok(SyncOptions {
        sync_duplicates: on("syncduplicates"),
        internal_dates: unless_off("syncinternaldates"),
        resync_flags: unless_off("resyncflags"),
        merge_flags: on("mergeflags"),
        subscribe: unless_off("subscribe"),
        delete1: match (on("delete1"), expunge1) {
            (false, _) => Delete1::No,
            (true, Some(false)) => Delete1::Mark,
            (true, _) => Delete1::Expunge,
        },
        expunge1: expunge1 == Some(true),
        delete2: on("delete2"),
        dry: on("dry"),
        folders: rules::selection(values)?,
        mapping: rules::mapping(values)?,
        identity: rules::identity(values),
        connections: connections(values)?,
        pace: pace(values),
        ..SyncOptions::default()
    })
}

/// Where runs are remembered: as told, or where the system keeps such things. Never in a directory that all may write to.
pub(crate) fn state_directory(values: &Values) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let usual = || {
        let home = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
        home.map(|home| home.join("imapsync"))
    };
    values.one::<String>("statedir").map(PathBuf::from).or_else(usual)
}

/// Where this run is remembered, if it is.
fn state(values: &Values, notices: &mut Vec<String>) -> Option<PathBuf> {
    if !values.toggle("state").unwrap_or(true) {
        return None;
    }
    if cfg!(not(feature = "state")) {
        notices.extend(values.is_given("state").then(|| "this imapsync was built without state".to_owned()));
        return None;
    }
    let directory = state_directory(values);
    if directory.is_none() {
        notices.push(
            "nothing is remembered of this run: there is no HOME to keep it in; --statedir says where".into(),
        );
    }
    directory
}

/// The limits of speed. A limit of 0 is none, as in the original.
fn pace(values: &Values) -> Pace {
    let longest_sleep: Option<Duration> = values.one("maxsleep");
    let stop_over = values.one("exitwhenover");
    if longest_sleep == Some(Duration::ZERO) {
        return Pace { stop_over, ..Pace::default() };
    }
    Pace {
        bytes_per_second: values.one("maxbytespersecond").and_then(NonZeroU64::new),
        bytes_after: values.one("maxbytesafter").unwrap_or(0),
        messages_per_second: values.one("maxmessagespersecond"),
        longest_sleep,
        stop_over,
    }
}

/// What `--connections` says.
fn connections(values: &Values) -> Result<Connections, Refusal> {
    let Some(given) = values.one::<u32>("connections") else { return Ok(Connections::Auto) };
    usize::try_from(given)
        .ok()
        .filter(|n| *n <= Connections::MOST)
        .and_then(NonZeroUsize::new)
        .map(Connections::Fixed)
        .ok_or_else(|| {
            Refusal::usage(format!(
                "--connections {given}: a number from 1 to {} is meant",
                Connections::MOST
            ))
        })
}

#[cfg(test)]
mod tests;
