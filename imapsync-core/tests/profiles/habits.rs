//! The habits themselves: what each server says to a client that speaks its lines by hand, as it was seen on it, and what
//! a sync makes of the odder ones.

use crate::account::{USUAL, named};
use crate::directions::{failed, honest, run};
use crate::expected::NOW;
use imapsync_core::ErrorKind;
use imapsync_core::testing::{Act, Body, Profile, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// A client that sends lines and shows what comes back.
struct Client {
    stream: DuplexStream,
    sent: usize,
}

impl Client {
    async fn new(server: &Server) -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        server.serve(theirs);
        let mut client = Self { stream: ours, sent: 0 };
        client.until("\r\n").await;
        client.say("LOGIN alice secret").await;
        client
    }

    async fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !String::from_utf8_lossy(&bytes).contains(end) {
            let mut chunk = [0; 4096];
            let n = self.stream.read(&mut chunk).await.unwrap();
            assert!(n > 0, "closed after {:?}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&chunk[..n]);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends a line (a literal, which waits for its `+`, stands between two `|`) and gives the answer, the tag left out.
    async fn say(&mut self, line: &str) -> String {
        self.sent += 1;
        let tag = format!("t{}", self.sent);
        let mut text = format!("{tag} ");
        for (n, part) in line.split('|').enumerate() {
            if n % 2 == 0 {
                text.push_str(part);
                continue;
            }
            text.push_str(&format!("{{{}}}\r\n", part.len()));
            self.stream.write_all(text.as_bytes()).await.unwrap();
            let answer = self.until("\r\n").await;
            if !answer.starts_with('+') {
                return answer.trim_end().replace(&format!("{tag} "), "");
            }
            text = part.to_owned();
        }
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await.unwrap();
        let answer = self.until(&format!("{tag} ")).await;
        let answer = if answer.ends_with("\r\n") { answer } else { answer + &self.until("\r\n").await };
        answer.trim_end().replace(&format!("{tag} "), "")
    }
}

/// A line, and what stands in its answer; `!` in front: what does not.
type Line = (&'static str, &'static str);

const ANSWERS: &[(&Profile, &[Line])] = &[
    (
        &Profile::DOVECOT,
        &[
            ("CREATE INBOX", "NO [ALREADYEXISTS]"),
            ("APPEND nowhere |text|", "NO [TRYCREATE]"),
            ("CREATE a/b", "OK"),
            ("LIST \"\" a", "\\Noselect"),
            ("APPEND INBOX (Foo) |A: b\r\n\r\n|", "OK [APPENDUID"),
            ("APPEND INBOX (foo $forwarded) |A: b\r\n\r\n|", "OK"),
            ("SELECT INBOX", "\\*"),
            ("FETCH 2 FLAGS", "(Foo $forwarded)"),
            ("STORE 1 FLAGS (long_keyword_long_keyword_long_keyword_long_keyword_)", "NO [CANNOT]"),
            ("APPEND INBOX () \"20-Jan-2038 00:00:00 +0000\" |A: b\r\n\r\n|", "OK"),
            ("FETCH 3 INTERNALDATE", NOW),
            ("APPEND INBOX () \"01-Jan-1950 00:00:00 +0000\" |A: b\r\n\r\n|", "OK"),
            ("FETCH 4 INTERNALDATE", "06-Feb-2086 06:28:16 +0000"),
            ("APPEND INBOX () ||", "NO"),
            ("UID SEARCH UID 999:*", "* SEARCH 4"),
            ("STATUS INBOX (NONSENSE)", "BAD"),
        ],
    ),
    (
        &Profile::DOVECOT_MAILDIR,
        &[
            ("CREATE INBOX.tw", "OK"),
            ("CREATE INBOX.tw.below", "OK"),
            ("DELETE INBOX.tw", "OK"),
            ("LIST \"\" INBOX.tw", "(\\HasChildren)"),
            ("SELECT INBOX.tw", "NO"),
            ("CREATE INBOX.a/b", "NO [CANNOT]"),
            ("STATUS inbox.tw.below (MESSAGES)", "OK"),
        ],
    ),
    (
        &Profile::CYRUS,
        &[
            ("CREATE INBOX", "!ALREADYEXISTS"),
            ("SELECT INBOX.nowhere", "!NONEXISTENT"),
            ("CREATE INBOX.a.b", "OK"),
            ("LIST \"\" INBOX.a", "!\\Noselect"),
            ("DELETE INBOX.a", "NO [HASCHILDREN]"),
            ("CREATE \"INBOX.[x]\"", "NO"),
            ("APPEND INBOX () \"01-Jan-1950 00:00:00 +0000\" |A: b\r\n\r\n|", "BAD"),
            ("APPEND INBOX () \"01-Jan-1970 00:00:00 +0000\" |A: b\r\n\r\n|", "OK"),
            ("SELECT INBOX", "OK"),
            ("FETCH 1 INTERNALDATE", NOW),
            ("APPEND INBOX () |no header|", "NO Message contains invalid header"),
            ("APPEND INBOX () |A: b\r\n\r\none\ntwo|", "NO Message contains bare newlines"),
        ],
    ),
    (&Profile::CYRUS_2_1, &[("CAPABILITY", "MULTIAPPEND"), ("UID EXPUNGE 1", "!what")]),
    (&Profile::CYRUS_1_5, &[("CAPABILITY", "!UIDPLUS"), ("UID EXPUNGE 1", "BAD")]),
    (
        &Profile::COURIER,
        &[
            ("NONSENSE", "NO"),
            ("STATUS INBOX (HIGHESTMODSEQ)", "* STATUS \"INBOX\" ()"),
            ("SUBSCRIBE INBOX.nowhere", "OK"),
            ("CREATE \"INBOX.Party &2DzfiQ-\"", "NO"),
            ("CREATE INBOX", "!ALREADYEXISTS"),
            ("APPEND INBOX () \"01-Jan-1950 00:00:00 +0000\" |A: b\r\n\r\n|", "NO"),
            ("APPEND INBOX () |A: b\r\n\r\nno end|", "OK"),
            ("SELECT INBOX", "OK"),
            ("FETCH 1 RFC822.SIZE", "RFC822.SIZE 16"),
            ("UID SEARCH UID 999:*", "!SEARCH 1"),
            ("UID SEARCH UID 1:*", "SEARCH 1"),
            ("STORE 1 FLAGS (a~b)", "NO"),
        ],
    ),
    (&Profile::NETSCAPE, &[("CAPABILITY", "!LITERAL+"), ("UID EXPUNGE 1", "BAD")]),
    (&Profile::IPLANET, &[("CAPABILITY", "XSERVERINFO")]),
    (&Profile::COMMUNIGATE, &[("CAPABILITY", "MULTIAPPEND"), ("NAMESPACE", "((\"\" \"/\"))")]),
    (
        &Profile::GMAIL,
        &[
            ("LIST \"\" *", "(\\All \\HasNoChildren) \"/\" \"[Gmail]/All Mail\""),
            ("CREATE Receipts", "OK"),
            ("APPEND INBOX (\\Seen) |Message-Id: <1@x>\r\n\r\nHello\r\n|", "OK"),
            ("APPEND Receipts () |Message-Id: <1@x>\r\n\r\nHello\r\n|", "OK"),
            ("STATUS \"[Gmail]/All Mail\" (MESSAGES)", "MESSAGES 1"),
            ("APPEND Receipts () |Message-Id: <1@x>\r\n\r\nHello\r\n|", "OK"),
            ("STATUS Receipts (MESSAGES)", "MESSAGES 1"),
            ("SELECT Receipts", "OK"),
            ("FETCH 1 FLAGS", "(\\Seen)"),
            ("STORE 1 +FLAGS (\\Flagged \\Deleted)", "OK"),
            ("EXPUNGE", "* 1 EXPUNGE"),
            ("STATUS \"[Gmail]/All Mail\" (MESSAGES)", "MESSAGES 1"),
            ("EXAMINE INBOX", "OK"),
            ("FETCH 1 FLAGS", "(\\Seen \\Flagged)"),
        ],
    ),
    (
        &Profile::OFFICE365,
        &[
            ("SELECT INBOX", "PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $MDNSent)"),
            ("APPEND INBOX ($Junk $mdnsent) |A: b\r\n\r\n|", "OK"),
            ("UID FETCH 1 (FLAGS RFC822.SIZE)", "(FLAGS ($MDNSent) RFC822.SIZE 44 UID 1)"),
            ("STATUS \"sent items\" (MESSAGES)", "OK"),
            ("CREATE \"SENT ITEMS\"", "NO"),
        ],
    ),
    (
        &Profile::YAHOO,
        &[
            ("LIST \"\" INBOX", "\"Inbox\""),
            ("APPEND INBOX (\\Deleted) |A: b\r\n\r\n|", "NO [CANNOT] APPEND Contains Deleted flag"),
            ("APPEND INBOX () |A: b\r\n\r\nno end|", "BAD [CLIENTBUG]"),
        ],
    ),
    (&Profile::ICLOUD, &[("LIST \"\" * RETURN (SUBSCRIBED)", "BAD"), ("LIST \"\" *", "Deleted Messages")]),
    (
        &Profile::MAILUTILS,
        &[
            ("APPEND nowhere |A: b\r\n\r\n|", "NO APPEND [TRYCREATE] failed"),
            ("APPEND INBOX |no header|", "NO APPEND [TRYCREATE] failed"),
            ("APPEND INBOX (\\Seen) |Date: Fri, 05 Mar 2021 10:11:12 +0000\r\n\r\n|", "OK"),
            ("SELECT INBOX", "OK"),
            ("FETCH 1 (FLAGS INTERNALDATE)", "FLAGS () INTERNALDATE \"05-Mar-2021 10:11:12 +0000\""),
            ("STORE 1 FLAGS (\\Seen)", "(\\Seen)"),
            ("STORE 1 FLAGS (Foo)", "BAD"),
            ("UID SEARCH UID 1:*", "!SEARCH 1"),
            ("UID SEARCH KEYWORD nonsense", "SEARCH 1"),
            ("CREATE a/b", "OK"),
            ("LIST \"\" a", "\\Noselect"),
            ("SELECT a", "OK"),
        ],
    ),
    (
        &Profile::UW,
        &[
            ("CREATE a", "OK"),
            ("LIST \"\" a", "\\NoInferiors"),
            ("CREATE a/b", "NO"),
            ("CREATE dir/", "OK"),
            ("LIST \"\" dir", "\\Noselect"),
            ("CREATE dir/below", "OK"),
            ("APPEND INBOX (Foo \\Bar \\Seen) |A: b\r\n\r\n|", "OK"),
            ("SELECT INBOX", "OK"),
            ("FETCH 1 FLAGS", "(\\Seen)"),
            ("STORE 1 +FLAGS (Foo)", "(\\Seen Foo)"),
            ("APPEND INBOX (Foo) |A: b\r\n\r\n|", "OK"),
            ("FETCH 2 FLAGS", "(Foo)"),
        ],
    ),
    (
        &Profile::PYMAP,
        &[
            ("NAMESPACE", "BAD"),
            ("APPEND INBOX (Foo \\Seen) |A: b\r\n\r\nHello\r\n|", "OK"),
            ("SELECT INBOX", "OK"),
            ("FETCH 1 (FLAGS RFC822.SIZE)", "FLAGS (\\Seen) RFC822.SIZE 12"),
            ("CREATE a.b", "NO"),
        ],
    ),
];

#[tokio::test(start_paused = true)]
async fn servers_say_what_was_seen_of_them() {
    let mut told = Vec::new();
    for (profile, lines) in ANSWERS {
        let server = Server::like(profile);
        let mut client = Client::new(&server).await;
        for (line, wanted) in *lines {
            let answer = client.say(line).await;
            let (wanted, stands) = wanted.strip_prefix('!').map_or((*wanted, true), |wanted| (wanted, false));
            if answer.contains(wanted) != stands {
                told.push(format!("{}: {line:?} gives {answer:?}, {stands} {wanted:?}", profile.name));
            }
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
    let missing = |profile: &&Profile| !ANSWERS.iter().any(|(one, _)| one.name == profile.name);
    assert!(Profile::ALL.iter().find(missing).is_none(), "every profile has its lines");
}

#[tokio::test(start_paused = true)]
async fn a_folder_made_again_may_have_the_same_uidvalidity() {
    // What the number is after DELETE and CREATE, compared with before.
    let table = [
        (&Profile::DOVECOT, std::cmp::Ordering::Greater),
        (&Profile::UW, std::cmp::Ordering::Equal),
        (&Profile::MAILUTILS, std::cmp::Ordering::Equal),
        (&Profile::PYMAP, std::cmp::Ordering::Less),
    ];
    for (profile, wanted) in table {
        let server = Server::like(profile);
        let mut client = Client::new(&server).await;
        let mut numbers = Vec::new();
        for line in ["CREATE a", "DELETE a", "CREATE a"] {
            client.say(line).await;
            numbers.extend(server.mail().folders.get("a").map(|folder| folder.validity));
        }
        assert_eq!(numbers[1].cmp(&numbers[0]), wanted, "{}: {numbers:?}", profile.name);
    }
}

/// A message.
fn text(n: usize) -> String {
    format!("Message-Id: <{n}@example.org>\r\nSubject: Number {n}\r\n\r\nHello, number {n}.\r\n")
}

#[tokio::test(start_paused = true)]
async fn what_others_expunge_meanwhile_is_never_copied_as_something_else() {
    for profile in Profile::ALL {
        let (source, destination) = (Server::like(profile), Server::like(&Profile::DOVECOT));
        for n in 0..10 {
            source.mail().folder("INBOX").store(Body::from(text(n)), Vec::new(), USUAL);
        }
        let mut done = false;
        source.hook(move |mail, call| {
            if !done && call.is("UID FETCH") && call.line.contains("BODY.PEEK[]") {
                done = true;
                mail.folder("INBOX").expunge(|message| message.uid % 3 == 0);
            }
            Act::Pass
        });
        let report = run(&source, &destination).await;
        assert_eq!(honest(profile.name, &source, &destination, &report), Vec::<String>::new());
        // Dovecot and Cyrus still give the true bytes; with the others the messages have vanished, which is nothing to
        // complain of.
        let gives = profile.name.starts_with("dovecot") || profile.name.starts_with("cyrus");
        let wanted: Vec<Vec<u8>> =
            (0..10).filter(|n| gives || (n + 1) % 3 != 0).map(|n| text(n).into_bytes()).collect();
        assert_eq!(destination.bodies("INBOX"), wanted, "{}", profile.name);
        let tally = (report.tally.vanished, report.tally.failed, report.is_success());
        assert_eq!(tally, (if gives { 0 } else { 3 }, 0, true), "{}: {:?}", profile.name, report.errors);
    }
}

#[tokio::test(start_paused = true)]
async fn a_uid_without_a_message_is_named_and_holds_nothing_up() {
    let (source, destination) = (Server::like(&Profile::ICLOUD), Server::like(&Profile::DOVECOT));
    for n in 0..10 {
        source.mail().folder("INBOX").store(Body::from(text(n)), Vec::new(), USUAL);
    }
    source.mail().quirks.phantoms = vec![4, 7];
    let mut first = true;
    for _ in 0..2 {
        let report = run(&source, &destination).await;
        assert_eq!(honest("icloud", &source, &destination, &report), Vec::<String>::new());
        assert_eq!(report.tally.copied, if first { 8 } else { 0 });
        let named: Vec<(u32, &str)> = report.named.iter().map(|one| (one.uid, one.outcome.name())).collect();
        assert_eq!(named, [(4, "failed"), (7, "failed")]);
        first = false;
    }
    assert_eq!(destination.messages("INBOX").len(), 8);
}

#[tokio::test(start_paused = true)]
async fn labels_of_gmail_are_folders_elsewhere_and_one_message_at_home() {
    let (source, gmail) = (Server::like(&Profile::DOVECOT), Server::like(&Profile::GMAIL));
    for (n, folders) in
        [(1, &["INBOX", "Receipts"][..]), (2, &["Receipts", "Taxes", "INBOX"]), (3, &["Taxes"])]
    {
        for folder in folders {
            source.mail().folder(folder).store(Body::from(text(n)), vec!["\\Seen".to_owned()], USUAL);
        }
    }
    let report = run(&source, &gmail).await;
    assert!(report.is_success(), "{:?}", report.errors);
    assert_eq!(report.tally.copied, 6);
    // Six copies of three messages.
    assert_eq!(gmail.bodies("[Gmail]/All Mail"), [text(1), text(2), text(3)].map(String::into_bytes));
    let mut ids: Vec<u64> = ["INBOX", "Receipts", "Taxes"]
        .iter()
        .flat_map(|folder| gmail.messages(folder))
        .map(|m| m.id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    let report = run(&source, &gmail).await;
    assert_eq!((report.is_success(), report.tally.copied, report.flags_changed), (true, 0, 0));
    // And from there to another server: each folder as it was, All Mail beside them.
    let third = Server::like(&Profile::CYRUS);
    let report = run(&gmail, &third).await;
    assert_eq!(report.tally.copied, 6);
    for folder in ["INBOX", "Receipts", "Taxes"] {
        let there = if folder == "INBOX" { "INBOX".to_owned() } else { named(&Profile::CYRUS, &[folder]) };
        assert_eq!(third.bodies(&there), source.bodies(folder), "{folder}");
    }
    // Cyrus has no name for [Gmail]: its three messages are named, each with the reason.
    assert_eq!(failed(&report).iter().filter(|(_, _, kind)| *kind == ErrorKind::Create).count(), 3);
    assert!(!report.is_success());
}

#[tokio::test(start_paused = true)]
async fn only_the_newest_messages_of_a_yahoo_folder_can_be_seen() {
    let (source, destination) = (Server::like(&Profile::YAHOO), Server::like(&Profile::DOVECOT));
    source.mail().quirks.listing_window = Some(20);
    for n in 0..30 {
        source.mail().folder("INBOX").store(Body::from(text(n)), Vec::new(), USUAL);
    }
    let report = run(&source, &destination).await;
    // The server says that there are twenty: what it does not show nobody can know of.
    assert_eq!((report.start[0].messages, report.tally.copied), (20, 20));
    let mut wanted: Vec<Vec<u8>> = (10..30).map(|n| text(n).into_bytes()).collect();
    wanted.sort();
    assert_eq!(destination.bodies("INBOX"), wanted);
}

#[tokio::test(start_paused = true)]
async fn a_parent_that_is_listed_but_gone_is_made_again() {
    let (source, destination) = (Server::like(&Profile::DOVECOT), Server::like(&Profile::DOVECOT_MAILDIR));
    let mut client = Client::new(&destination).await;
    for line in ["CREATE INBOX.Work", "CREATE INBOX.Work.Old", "DELETE INBOX.Work"] {
        assert!(client.say(line).await.contains("OK"));
    }
    source.mail().folder("Work").store(Body::from(text(1)), Vec::new(), USUAL);
    source.mail().folder("Work/Old").store(Body::from(text(2)), Vec::new(), USUAL);
    let report = run(&source, &destination).await;
    assert!(report.is_success(), "{:?}", report.errors);
    assert_eq!(destination.bodies("INBOX.Work"), [text(1).into_bytes()]);
    assert_eq!(destination.bodies("INBOX.Work.Old"), [text(2).into_bytes()]);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_for_a_provider_is_named() {
    // Gmail says it before, Exchange when the message comes.
    let table = [(&Profile::GMAIL, "skipped"), (&Profile::OFFICE365, "failed")];
    for (profile, outcome) in table {
        let (source, destination) = (Server::like(&Profile::DOVECOT), Server::like(profile));
        source.mail().folder("INBOX").store(Body::from(text(1)), Vec::new(), USUAL);
        source.mail().folder("INBOX").store(Body::made(2, 46_000_000), Vec::new(), USUAL);
        let report = run(&source, &destination).await;
        assert_eq!(honest(profile.name, &source, &destination, &report), Vec::<String>::new());
        let named: Vec<(u32, &str)> = report.named.iter().map(|one| (one.uid, one.outcome.name())).collect();
        assert_eq!(named, [(2, outcome)], "{}", profile.name);
        assert!(!report.is_success(), "{}", profile.name);
        assert_eq!(destination.messages("INBOX").len(), 1, "{}", profile.name);
    }
}
