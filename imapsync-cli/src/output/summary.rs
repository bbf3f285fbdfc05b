//! The end of a run: the messages left behind by name, the statistics, the errors, the exit status.

use super::line::failure;
use super::outcome::{Fate, fate};
use super::statistics::{Figures, statistics};
use super::usage::Usage;
use crate::exit::{Status, most_frequent};
use chrono::{DateTime, FixedOffset, Utc};
use imapsync_core::sync::Report;
use imapsync_core::{Error, ErrorKind};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Everything that went wrong; that the user stopped the run is not among it.
pub(crate) fn errors(report: &Report) -> impl Iterator<Item = &Error> + Clone {
    report.errors.iter().chain(&report.stopped).filter(|error| error.kind() != ErrorKind::Cancelled)
}

/// Everything from the list of messages left behind to the hint about the most frequent error.
pub(crate) fn summary(
    report: &Report,
    usage: &Usage,
    dump: bool,
    local: impl Fn(DateTime<Utc>) -> DateTime<FixedOffset>,
) -> String {
    let mut out = named(report);
    out.push_str(&statistics(&Figures::of(report, local), usage));
    out.push_str(&listing(errors(report), dump));
    out
}

/// The messages left behind, each by name; those that the run did not come to, by their number.
fn named(report: &Report) -> String {
    let mut out = String::new();
    let mut unreached: BTreeMap<&str, u64> = BTreeMap::new();
    for message in &report.named {
        let why = match fate(&message.outcome) {
            Fate::NotReached => {
                *unreached.entry(&message.folder).or_default() += 1;
                continue;
            }
            Fate::Failed(why) => format!("not copied: {why}"),
            Fate::Left(why) => why,
            Fate::Copied(_) => "copied".to_owned(),
            Fate::There => "already there".to_owned(),
        };
        let (folder, uid, size) = (&message.folder, message.uid, message.size);
        let _ = writeln!(out, "msg {folder}/{uid} {{{size}}} {} {why}", title(&message.title));
    }
    for (folder, count) in unreached {
        let _ = writeln!(out, "{count} messages of folder [{folder}] were not reached");
    }
    if !out.is_empty() {
        out.insert_str(0, "++++ Messages of host1 without a copy of their own\n");
    }
    out
}

fn title(title: &str) -> String {
    if title.is_empty() { "(no Message-Id, no subject)".to_owned() } else { format!("[{title}]") }
}

fn listing<'a>(errors: impl Iterator<Item = &'a Error> + Clone, dump: bool) -> String {
    let mut out = String::new();
    let count = errors.clone().count();
    let _ = writeln!(out, "Detected {count} errors");
    if count == 0 {
        return out;
    }
    if dump {
        let _ = writeln!(
            out,
            "++++ Listing {count} errors encountered during the sync ( avoid this listing with --noerrorsdump )."
        );
        for (number, error) in errors.clone().enumerate() {
            let _ = writeln!(out, "Err {}/{count}: {}", number + 1, failure(error));
        }
    }
    if let Some(class) = most_frequent(errors) {
        let _ = writeln!(out, "The most frequent error is {}. {}", class.name, class.hint);
    }
    out
}

/// The last line, which other programs read. No number of errors ends a run: the second number is 0.
pub(crate) fn exit_line(status: Status, errors: usize) -> String {
    let exit = status.exit();
    format!(
        "Exiting with return value {} ({}: {}) {errors}/0 nb_errors/max_errors PID {}",
        exit.code,
        exit.name,
        exit.meaning,
        std::process::id()
    )
}
