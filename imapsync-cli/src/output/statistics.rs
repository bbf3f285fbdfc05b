//! The final statistics, in the original's words and order, because scripts read them, and four lines of our own.

use super::outcome::Counts;
use super::text::{bytes, date, float, ratio};
use super::usage::Usage;
use chrono::{DateTime, FixedOffset, Utc};
use imapsync_core::sync::Report;
use std::fmt::Write;

/// The figures of a run. Pairs are host1, host2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) started: DateTime<FixedOffset>,
    pub(crate) ended: DateTime<FixedOffset>,
    pub(crate) dry: bool,
    /// Folder pairs done completely, and all.
    pub(crate) folders: (usize, usize),
    /// Messages copied, or under `dry` to be copied.
    pub(crate) copied: u64,
    /// Source messages that needed or allowed no copy, and their bytes.
    pub(crate) skipped: u64,
    pub(crate) bytes_skipped: u64,
    /// Source messages that were on host2 before.
    pub(crate) already_there: u64,
    /// Source messages that were gone when they were to be read.
    pub(crate) vanished: u64,
    /// Source messages that a rule leaves out.
    pub(crate) left_out: u64,
    /// Source messages that could not be copied, or that the run did not come to.
    pub(crate) failed: u64,
    pub(crate) duplicates: [u64; 2],
    pub(crate) headerless: [u64; 2],
    /// Source messages that are not on host2 now.
    pub(crate) missing: u64,
    /// Host2 messages that host1 does not have, now.
    pub(crate) extra: u64,
    pub(crate) deleted: [u64; 2],
    pub(crate) bytes_copied: u64,
    pub(crate) biggest: u64,
    pub(crate) reconnections: [u64; 2],
    /// Messages and bytes per side before the run.
    pub(crate) start: [(u64, u64); 2],
    /// Messages and bytes after the run, per side.
    pub(crate) end: [(u64, u64); 2],
    /// Why it ended early.
    pub(crate) stopped: Option<String>,
}

impl Figures {
    /// The figures of a report, its dates as `local` makes them.
    pub(super) fn of(report: &Report, local: impl Fn(DateTime<Utc>) -> DateTime<FixedOffset>) -> Self {
        let counts = Counts::of(&report.tally);
        let [start1, start2] = report.start;
        let done = if report.dry { 0 } else { counts.copied };
        let [deleted1, deleted2] = if report.dry { [0, 0] } else { report.deleted };
        Self {
            started: local(report.started),
            ended: local(report.ended),
            dry: report.dry,
            folders: (report.folders.iter().filter(|folder| folder.complete).count(), report.folders.len()),
            copied: counts.copied,
            skipped: counts.skipped,
            bytes_skipped: report
                .tally
                .bytes
                .total()
                .saturating_sub(report.tally.bytes.copied)
                .saturating_sub(report.tally.bytes.failed),
            already_there: report.tally.already_there,
            vanished: report.tally.vanished,
            left_out: report.tally.skipped,
            failed: report.tally.failed,
            duplicates: [counts.duplicates, report.destination_duplicates],
            headerless: report.headerless,
            missing: start1.messages.saturating_sub(done).saturating_sub(counts.settled),
            extra: report.destination_only.saturating_sub(deleted2),
            deleted: [deleted1, deleted2],
            bytes_copied: report.tally.bytes.copied,
            biggest: report.biggest,
            reconnections: report.reconnections,
            start: [(start1.messages, start1.bytes), (start2.messages, start2.bytes)],
            end: report.end.map(|amount| (amount.messages, amount.bytes)),
            stopped: report.stopped.as_ref().map(ToString::to_string),
        }
    }
}

/// The statistics and the sentences after them.
pub(crate) fn statistics(figures: &Figures, usage: &Usage) -> String {
    let f = figures;
    let mut out = String::from("++++ Statistics\n");
    let mut row = |label: &str, value: String| {
        let _ = writeln!(out, "{label:<40}: {value}");
    };
    let elapsed = (f.ended - f.started).as_seconds_f64().max(0.0);
    let (transferred, could_be) = if f.dry {
        (0, format!(" (could be {} without dry mode)", f.copied))
    } else {
        (f.copied, String::new())
    };
    let bytes_transferred = if f.dry { 0 } else { f.bytes_copied };

    row("Transfer started on", date(&f.started));
    row("Transfer ended on", date(&f.ended));
    row("Transfer time", format!("{elapsed:.1} sec"));
    row("Folders synced", format!("{}/{} synced", f.folders.0, f.folders.1));
    row("Messages transferred", format!("{transferred}{could_be}"));
    row("Messages skipped", f.skipped.to_string());
    // Ours. With those transferred and the duplicates on host1 they add up to what host1 lists. None of the labels
    // contains one of the original's, which scripts look for.
    row("Messages already on host2", f.already_there.to_string());
    row("Messages vanished from host1", f.vanished.to_string());
    row("Messages left out by a rule", f.left_out.to_string());
    row("Messages failed or not reached", f.failed.to_string());
    row("Messages found duplicate on host1", f.duplicates[0].to_string());
    row("Messages found duplicate on host2", f.duplicates[1].to_string());
    row("Messages found crossduplicate on host2", "0".to_owned());
    row("Messages void (noheader) on host1", f.headerless[0].to_string());
    row("Messages void (noheader) on host2", f.headerless[1].to_string());
    row("Messages found in host1 not in host2", format!("{} messages", f.missing));
    row("Messages found in host2 not in host1", format!("{} messages", f.extra));
    row("Messages deleted on host1", f.deleted[0].to_string());
    row("Messages deleted on host2", f.deleted[1].to_string());
    row("Total bytes transferred", amount(bytes_transferred));
    row("Total bytes skipped", amount(f.bytes_skipped));
    row("Message rate", format!("{:.1} messages/s", ratio(float(transferred), elapsed)));
    row("Average bandwidth rate", format!("{:.1} KiB/s", ratio(float(bytes_transferred) / 1024.0, elapsed)));
    row("Reconnections to host1", f.reconnections[0].to_string());
    row("Reconnections to host2", f.reconnections[1].to_string());
    if let Some(memory) = usage.memory {
        let peak = usage.peak.map(|peak| format!(" (peak {:.1} MiB)", mebibytes(peak))).unwrap_or_default();
        row("Memory consumption at the end", format!("{:.1} MiB{peak}", mebibytes(memory)));
    }
    if let Some(load) = &usage.load {
        row("Load end is", load.clone());
    }
    if let Some(seconds) = usage.seconds {
        row("CPU time and %cpu", format!("{seconds:.2} sec {:.1} %cpu", 100.0 * ratio(seconds, elapsed)));
    }
    row("Biggest message transferred", format!("{} bytes ({})", f.biggest, bytes(float(f.biggest))));
    if let Some(memory) = usage.memory {
        let ratio = match f.biggest {
            0 => "NA".to_owned(),
            biggest => format!("{:.1}", float(memory) / float(biggest)),
        };
        row("Memory/biggest message ratio", ratio);
    }
    row("Start difference host2 - host1", difference(f.start));
    row("Final difference host2 - host1", difference(f.end));
    out.push_str(&sentences(f));
    out
}

fn sentences(f: &Figures) -> String {
    let mut out = String::new();
    if let Some(reason) = &f.stopped {
        let _ = writeln!(out, "The sync was stopped before its end: {reason}.");
    }
    let (on1, on2) = (f.start[0].0, f.end[1].0);
    if f.missing > 0 {
        let _ = writeln!(
            out,
            "The sync is not finished, there are {} among {on1} identified messages in host1 that are not on host2.",
            f.missing
        );
    } else if f.stopped.is_none() {
        let _ = writeln!(out, "The sync looks good, all {on1} identified messages in host1 are on host2.");
    }
    // A message without the identifying headers is known by its body: none is left out.
    out.push_str("There is no unidentified message on host1.\n");
    if f.extra > 0 {
        let _ = writeln!(
            out,
            "The sync is not strict, there are {} among {on2} identified messages in host2 that are not on host1. \
             Use --delete2 and sync again to delete them and have a strict sync.",
            f.extra
        );
    } else if f.stopped.is_none() {
        let _ = writeln!(out, "The sync is strict, all {on2} identified messages in host2 are on host1.");
    }
    out
}

fn amount(count: u64) -> String {
    format!("{count} ({})", bytes(float(count)))
}

fn mebibytes(count: u64) -> f64 {
    float(count) / f64::from(1 << 20)
}

#[allow(clippy::cast_precision_loss)] // Only for people to read.
fn difference([(messages1, bytes1), (messages2, bytes2)]: [(u64, u64); 2]) -> String {
    let messages = i128::from(messages2) - i128::from(messages1);
    let count = i128::from(bytes2) - i128::from(bytes1);
    format!("{messages} messages, {count} bytes ({})", bytes(count as f64))
}
