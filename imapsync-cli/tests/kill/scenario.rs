//! What is run: the servers' capabilities, the options, the mail on both sides.

use imapsync_core::testing::Mail;

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) capabilities: &'static str,
    pub(crate) arguments: &'static [&'static str],
    /// Puts the mail into the source and the destination.
    pub(crate) fill: fn(&mut Mail, &mut Mail),
}

/// What most servers can.
const MODERN: &str = "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+";

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "first copy", capabilities: MODERN, arguments: &[], fill: first },
    Scenario {
        name: "first copy, MULTIAPPEND",
        capabilities: "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+ MULTIAPPEND LIST-EXTENDED LIST-STATUS ENABLE CONDSTORE",
        arguments: &[],
        fill: first,
    },
    Scenario { name: "incremental, flags", capabilities: MODERN, arguments: &[], fill: incremental },
    Scenario { name: "--delete1", capabilities: MODERN, arguments: &["--delete1"], fill: incremental },
    Scenario {
        name: "--delete1 --noexpunge1",
        capabilities: MODERN,
        arguments: &["--delete1", "--noexpunge1"],
        fill: incremental,
    },
    Scenario { name: "--delete2", capabilities: MODERN, arguments: &["--delete2"], fill: incremental },
    Scenario {
        name: "no UIDPLUS, --delete1",
        capabilities: "IMAP4rev1 LITERAL+",
        arguments: &["--delete1"],
        fill: first,
    },
    Scenario { name: "no LITERAL+", capabilities: "IMAP4rev1 UIDPLUS", arguments: &[], fill: first },
    Scenario { name: "headerless and twins", capabilities: MODERN, arguments: &[], fill: odd },
    Scenario {
        name: "headerless and twins, --delete1",
        capabilities: MODERN,
        arguments: &["--delete1"],
        fill: odd,
    },
    Scenario { name: "large message", capabilities: MODERN, arguments: &[], fill: large },
];

fn message(folder: &str, n: usize) -> String {
    let body = "All work and no play.\r\n".repeat(n % 7 + 1);
    format!(
        "Message-Id: <{n}.{folder}@example.org>\r\nFrom: a@example.org\r\nSubject: Number {n}\r\n\r\n{body}"
    )
}

/// Two folders, one of which must be created.
fn first(source: &mut Mail, _: &mut Mail) {
    for (folder, count) in [("INBOX", 6), ("Work", 3)] {
        for n in 1..=count {
            source
                .folder(folder)
                .add(message(folder, n), if n % 2 == 0 { &["\\Seen"] } else { &["\\Flagged"] });
        }
        source.folder(folder).subscribed = true;
    }
}

/// The same; the first messages are there already, one with old flags, and so is one that the source does not have.
fn incremental(source: &mut Mail, destination: &mut Mail) {
    first(source, destination);
    for n in 1..=2 {
        let flags: &[&str] = if n == 2 { &["\\Seen"] } else { &[] };
        destination.folder("INBOX").add(message("INBOX", n), flags);
    }
    destination.folder("INBOX").add(message("elsewhere", 1), &[]);
}

/// Messages that only their bodies tell apart, messages that only their headers make alike, a true duplicate.
fn odd(source: &mut Mail, _: &mut Mail) {
    let inbox = source.folder("INBOX");
    for n in 1..=3 {
        inbox.add(format!("\r\nNo header, number {n}.\r\n"), &["\\Seen"]);
    }
    for text in ["one", "another", "a third"] {
        inbox.add(format!("Message-Id: <twin@example.org>\r\nSubject: Twins\r\n\r\n{text}\r\n"), &[]);
    }
    for _ in 0..2 {
        inbox.add(message("double", 1), &[]);
    }
}

/// One that takes its time, between two short ones.
fn large(source: &mut Mail, _: &mut Mail) {
    let inbox = source.folder("INBOX");
    inbox.add(message("INBOX", 1), &[]);
    let body = "This line is one of very many.\r\n".repeat(20_000);
    inbox.add(format!("Message-Id: <large@example.org>\r\nSubject: Large\r\n\r\n{body}"), &["\\Seen"]);
    inbox.add(message("INBOX", 2), &[]);
}
