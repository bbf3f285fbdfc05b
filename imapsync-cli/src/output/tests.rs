//! Tests of the lines and the statistics against hand-made events and reports.

use super::line::{Moment, line};
use super::meter::Meter;
use super::statistics::{Figures, statistics};
use super::usage::Usage;
use super::*;
use chrono::{DateTime, Utc};
use imapsync_core::imap::name::MailboxName;
use imapsync_core::plan::{How, Outcome, SkipReason, Tally, TallyBytes};
use imapsync_core::sync::{Amount, Event, FolderReport, NamedMessage, Report};
use imapsync_core::{Error, ErrorKind, Side};
use std::sync::Arc;
use std::time::Duration;

fn moment(dry: bool) -> Moment {
    Moment {
        dry,
        meter: Meter { total: 10, done: 4, copied: 2, bytes: 4096 },
        elapsed: Duration::from_secs(2),
        now: DateTime::parse_from_rfc3339("2022-06-29T14:05:41+02:00").unwrap(),
    }
}

fn message(folder: &str, outcome: Outcome) -> Event {
    Event::Message { folder: folder.into(), uid: 7, size: 1234, destination: "INBOX.Sent".into(), outcome }
}

#[test]
fn lines_of_a_run_and_of_a_dry_one() {
    let error = Error::new(ErrorKind::Append, "the message was refused")
        .on(Side::Destination)
        .in_folder("Sent")
        .for_message(7)
        .server_said("NO too strange");
    let events = [
        Event::Connected {
            side: Side::Source,
            greeting: "* OK Dovecot ready.".into(),
            encryption: Some("TLSv1.3".into()),
        },
        Event::Connected { side: Side::Destination, greeting: "* OK Cyrus".into(), encryption: None },
        Event::LoggedIn { side: Side::Source, capabilities: "IMAP4rev1 IDLE".into() },
        Event::Notice { side: Some(Side::Source), text: "the certificate is not verified".into() },
        Event::Listed { side: Side::Destination, folders: 3, separator: ".".into(), prefix: "INBOX.".into() },
        Event::Mapped { source: "Sent".into(), destination: "INBOX.Sent".into(), exists: false },
        Event::Mapped { source: "INBOX".into(), destination: "INBOX".into(), exists: true },
        Event::Created { folder: "INBOX.Sent".into() },
        Event::Totals { messages: 10, bytes: 2048, folders: 2 },
        Event::FolderStarted {
            source: "Sent".into(),
            destination: "INBOX.Sent".into(),
            messages: 10,
            destination_messages: 0,
        },
        message("Sent", copied()),
        message("Sent", there()),
        message("Sent", duplicate()),
        message("Sent", failed()),
        message("Sent", not_reached()),
        Event::FlagsChanged { folder: "INBOX.Sent".into(), uid: 9, flags: "\\Seen".into() },
        Event::Deleted { side: Side::Source, folder: "Sent".into(), messages: 3, expunged: true },
        Event::Deleted { side: Side::Source, folder: "Sent".into(), messages: 3, expunged: false },
        Event::Reconnected { side: Side::Source, reason: Error::new(ErrorKind::ConnectionLost, "closed") },
        Event::Failed(error),
        Event::Lost(5),
    ];
    let mut all = String::new();
    for dry in [false, true] {
        all.push_str(if dry { "---- dry\n" } else { "---- for real\n" });
        for event in &events {
            if let Some((place, text)) = line(event, &moment(dry)) {
                all.push_str(&format!("{place:?}: {text}\n"));
            }
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_hostile_folder_name_stays_on_its_line() {
    let hostile = MailboxName::from_wire(
        b"x\x1b[2J\r\nExiting with return value 0 (EX_OK: successful termination)\x07\xff\xc2\x9b31m"
            .to_vec(),
    );
    let name: Arc<str> = hostile.display().into();
    for event in [
        message(&name, copied()),
        Event::Mapped { source: name.clone(), destination: name.clone(), exists: false },
        Event::Failed(Error::new(ErrorKind::Create, "refused").on(Side::Destination).in_folder(&*name)),
        Event::Deleted { side: Side::Source, folder: name.clone(), messages: 1, expunged: true },
    ] {
        let (_, text) = line(&event, &moment(false)).unwrap();
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn report() -> Report {
    let sent: Arc<str> = "Sent".into();
    Report {
        started: utc("2022-06-29T12:05:41Z"),
        ended: utc("2022-06-29T12:05:51.500Z"),
        dry: false,
        tally: tally(),
        folders: vec![FolderReport {
            source: sent.clone(),
            destination: "INBOX.Sent".into(),
            tally: tally(),
            complete: true,
        }],
        named: vec![NamedMessage {
            folder: sent,
            uid: 7,
            size: 1234,
            title: "<1@example.org>".into(),
            outcome: duplicate(),
        }],
        start: [Amount { messages: 10, bytes: 20480 }, Amount { messages: 3, bytes: 9000 }],
        end: [Amount { messages: 10, bytes: 20480 }, Amount { messages: 9, bytes: 21288 }],
        destination_duplicates: 0,
        destination_only: 0,
        headerless: [1, 0],
        deleted: [0, 0],
        flags_changed: 2,
        biggest: 4096,
        reconnections: [0, 1],
        errors: vec![],
        stopped: None,
    }
}

fn told(report: &Report) -> String {
    let usage = Usage {
        memory: Some(10 << 20),
        peak: Some(12 << 20),
        seconds: Some(1.25),
        load: Some("0.50 0.40 0.30 on 2 cores".into()),
    };
    let offset = chrono::FixedOffset::east_opt(7200).unwrap();
    summary(report, &usage, true, |date| date.with_timezone(&offset))
}

#[test]
fn the_summary_of_a_good_run() {
    insta::assert_snapshot!(told(&report()));
}

/// Ten messages that end in every way there is: two copied and then deleted from host1, where a signal came before the
/// last two had their turn. Host2 held three, of which one is the copy of one on host1, and one of the others was deleted.
fn bad_report() -> Report {
    let mut report = report();
    let named = |uid, size, title: &str, outcome| NamedMessage {
        folder: "Sent".into(),
        uid,
        size,
        title: title.to_owned(),
        outcome,
    };
    let error = |kind, uid| {
        Error::new(kind, "refused").on(Side::Destination).in_folder("INBOX.Sent").for_message(uid)
    };
    report.tally = bad_tally();
    report.folders[0].tally = bad_tally();
    report.folders[0].complete = false;
    report.named = vec![
        named(4, 1234, "<1@example.org>", duplicate()),
        named(5, 100, "<5@example.org>", Outcome::Vanished),
        named(6, 6000, "A large one", Outcome::Skipped(SkipReason::TooLargeForServer { limit: 5000 })),
        named(7, 1000, "", failed()),
        named(8, 2000, "<8@example.org>", failed()),
        named(9, 2001, "", not_reached()),
        named(10, 2001, "", not_reached()),
    ];
    report.errors =
        vec![error(ErrorKind::Flags, 3), error(ErrorKind::Append, 7), error(ErrorKind::Append, 8)];
    report.stopped = Some(Error::new(ErrorKind::Cancelled, "a signal came"));
    report.destination_only = 2;
    report.deleted = [2, 1];
    report.biggest = 3000;
    report.end =
        [Amount { messages: 8, bytes: 20480 - 4096 }, Amount { messages: 4, bytes: 9000 + 4096 - 2000 }];
    report
}

#[test]
fn the_summary_of_a_bad_run() {
    insta::assert_snapshot!(told(&bad_report()));
}

/// What the statistics print as the value of a label.
fn printed(text: &str, label: &str) -> String {
    let start = format!("{label:<40}: ");
    let mut values = text.lines().filter_map(|line| line.strip_prefix(&start));
    let value = values.next().unwrap_or_else(|| panic!("{label} is missing: {text}"));
    assert_eq!(values.next(), None, "{label} is there twice: {text}");
    value.to_owned()
}

#[test]
fn the_outcomes_add_up_to_the_listing() {
    let dry = Report { dry: true, ..report() };
    for report in [report(), bad_report(), dry] {
        assert_eq!((report.tally.total(), report.tally.bytes.total()), (10, 20480), "the report itself");
        assert_eq!(report.start[0], Amount { messages: 10, bytes: 20480 }, "the report itself");
        let text = told(&report);
        let number = |label| -> u64 {
            let value = printed(&text, label);
            let could_be = value.strip_prefix("0 (could be ").and_then(|rest| rest.split(' ').next());
            could_be.unwrap_or(&value).parse().unwrap()
        };
        let outcomes = [
            "Messages transferred",
            "Messages already on host2",
            "Messages found duplicate on host1",
            "Messages vanished from host1",
            "Messages left out by a rule",
            "Messages failed or not reached",
        ];
        let sum: u64 = outcomes.into_iter().map(number).sum();
        assert_eq!(sum, 10, "{text}");
        // The original's line counts all that was passed over.
        let skipped = number("Messages transferred") + number("Messages skipped");
        assert_eq!(skipped + number("Messages failed or not reached"), 10, "{text}");
    }
}

#[test]
fn a_dry_run_transfers_nothing() {
    let report = Report { dry: true, ..report() };
    let text = told(&report);
    for expected in [
        "Messages transferred                    : 0 (could be 6 without dry mode)\n",
        "Total bytes transferred                 : 0 (0.000 KiB)\n",
        "The sync is not finished, there are 6 among 10 identified messages in host1 that are not on host2.\n",
    ] {
        assert!(text.contains(expected), "{expected}{text}");
    }
}

#[test]
fn an_empty_report_divides_by_nothing() {
    let report = Report {
        ended: report().started,
        tally: Tally::default(),
        folders: vec![],
        named: vec![],
        start: [Amount::default(); 2],
        end: [Amount::default(); 2],
        biggest: 0,
        ..report()
    };
    let figures = Figures::of(&report, |date| date.fixed_offset());
    let text = statistics(&figures, &Usage::default());
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}

/// The lines that the original does not have.
const OURS: [&str; 4] = [
    "Messages already on host2",
    "Messages vanished from host1",
    "Messages left out by a rule",
    "Messages failed or not reached",
];

/// The labels that scripts look for, each padded to 40 columns, in the original's order.
#[test]
fn the_labels_are_the_original_s() {
    let text = told(&report());
    let labels: Vec<_> = text
        .lines()
        .skip_while(|line| *line != "++++ Statistics")
        .skip(1)
        .map_while(|line| line.get(..42))
        .take_while(|start| start.ends_with(": "))
        .map(|start| start[..40].trim_end())
        .collect();
    let (ours, labels): (Vec<_>, Vec<_>) = labels.into_iter().partition(|label| OURS.contains(label));
    assert_eq!(ours, OURS);
    assert!(
        !OURS.iter().any(|own| labels.iter().any(|label| own.contains(label))),
        "a search for a line of the original finds one of ours"
    );
    assert_eq!(
        labels,
        [
            "Transfer started on",
            "Transfer ended on",
            "Transfer time",
            "Folders synced",
            "Messages transferred",
            "Messages skipped",
            "Messages found duplicate on host1",
            "Messages found duplicate on host2",
            "Messages found crossduplicate on host2",
            "Messages void (noheader) on host1",
            "Messages void (noheader) on host2",
            "Messages found in host1 not in host2",
            "Messages found in host2 not in host1",
            "Messages deleted on host1",
            "Messages deleted on host2",
            "Total bytes transferred",
            "Total bytes skipped",
            "Message rate",
            "Average bandwidth rate",
            "Reconnections to host1",
            "Reconnections to host2",
            "Memory consumption at the end",
            "Load end is",
            "CPU time and %cpu",
            "Biggest message transferred",
            "Memory/biggest message ratio",
            "Start difference host2 - host1",
            "Final difference host2 - host1",
        ]
    );
}

fn copied() -> Outcome {
    Outcome::Copied { destination: Some(9) }
}

fn there() -> Outcome {
    Outcome::Present { destination: 9, how: How::Key }
}

fn duplicate() -> Outcome {
    Outcome::DuplicateOf(3)
}

fn failed() -> Outcome {
    let error = Error::new(ErrorKind::Append, "the message was refused").on(Side::Destination);
    Outcome::Failed(error.server_said("NO too strange"))
}

fn not_reached() -> Outcome {
    Outcome::Failed(Error::new(ErrorKind::Cancelled, "not reached"))
}

fn tally() -> Tally {
    Tally {
        copied: 6,
        already_there: 3,
        duplicates: 1,
        bytes: TallyBytes { copied: 12288, already_there: 6958, duplicates: 1234, ..TallyBytes::default() },
        ..Tally::default()
    }
}

fn bad_tally() -> Tally {
    Tally {
        copied: 2,
        already_there: 1,
        duplicates: 1,
        vanished: 1,
        skipped: 1,
        failed: 4,
        bytes: TallyBytes {
            copied: 4096,
            already_there: 2048,
            duplicates: 1234,
            vanished: 100,
            skipped: 6000,
            failed: 7002,
        },
    }
}

#[cfg(feature = "state")]
mod remembered {
    use super::super::{state, state_file};
    use imapsync_core::imap::name::MailboxName;
    use imapsync_core::state::{
        AccountPair, IntendedMessage, Intent, IntentId, Mailbox, Remembered, StateFile, Summary,
    };
    use imapsync_core::{Account, Error, ErrorKind, Side};

    fn mailbox(side: Side, name: &str, messages: u32) -> Mailbox {
        Mailbox {
            side,
            name: MailboxName::from_text(name),
            uid_validity: 1_500_000_000,
            uid_next: messages + 1,
            highest_modseq: (side == Side::Source).then_some(77),
            messages,
            settled: true,
            pair: None,
            summary: Summary::default(),
        }
    }

    fn file() -> StateFile {
        let pair = |name: &str| Some(MailboxName::from_text(name));
        let source = |name| mailbox(Side::Source, name, 12_000);
        let mailboxes = vec![
            Mailbox { pair: pair("Sent"), settled: false, ..source("Envoyés") },
            Mailbox { pair: pair("INBOX"), ..source("INBOX") },
            Mailbox { pair: pair("Gone"), uid_next: 0, ..source("Old") },
            mailbox(Side::Destination, "INBOX", 12_345),
            mailbox(Side::Destination, "Sent", 0),
            mailbox(Side::Destination, "Alone", 3),
        ];
        let message = |uid| IntendedMessage { uid, size: 10, date: None, identity: None };
        let intent = Intent {
            source: MailboxName::from_text("Envoyés"),
            destination: MailboxName::from_text("Sent"),
            destination_uid_validity: 9,
            destination_uid_next: 501,
            messages: (1..=12).map(message).collect(),
        };
        let remembered = Remembered { mailboxes, intents: vec![(IntentId(1), intent)], notice: None };
        let mut new = Account::new("new.example", "alice", "");
        new.port = Some(1143);
        let accounts = AccountPair::new(&Account::new("old.example", "alice", ""), &new);
        let path = "/home/alice/.local/state/imapsync/alice.sqlite".into();
        StateFile { path, bytes: 1_234_567, written: None, content: Ok((accounts, remembered)) }
    }

    #[test]
    fn what_is_remembered_of_two_accounts() {
        insta::assert_snapshot!(state(&file(), Some("2022-06-29 14:05:41 +0200")));
    }

    #[test]
    fn files_of_all_accounts() {
        let error =
            Error::new(ErrorKind::State, "what is remembered cannot be read: another run is using it");
        let held = StateFile { content: Err(error), ..file() };
        let shown = [
            state_file(&file(), Some("2022-06-29 14:05:41 +0200")),
            state_file(&held, None),
            state(&held, None),
        ];
        insta::assert_snapshot!(shown.join("\n"));
    }
}
