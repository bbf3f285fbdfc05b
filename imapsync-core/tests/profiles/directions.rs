//! Each server as destination and as source, the other side a modern Dovecot.

use crate::account::{LONG, TWICE, USUAL, fill, home, large, letters};
use crate::expected::{Copy, Text, copies, folder};
use imapsync_core::plan::Outcome;
use imapsync_core::testing::{Profile, Server, job};
use imapsync_core::{ErrorKind, Report, SyncOptions};
use std::collections::BTreeMap;

pub fn options() -> SyncOptions {
    let mut options = SyncOptions::default();
    options.mapping.automap = true;
    options.memory = 1 << 20;
    options
}

/// An hour of virtual time: more is a hang.
pub async fn run(source: &Server, destination: &Server) -> Report {
    let patience = std::time::Duration::from_secs(7 * 3600);
    let run = job(source, destination).options(options()).run();
    tokio::time::timeout(patience, run).await.expect("the run hangs").expect("a report")
}

/// What a destination shall hold: by folder, the copies, sorted.
type Held = BTreeMap<String, Vec<(Text, Vec<String>, String)>>;

/// What the destination holds, folders without messages left out.
fn held(server: &Server) -> Held {
    let mail = server.mail();
    let mut held = Held::new();
    for (name, folder) in mail.folders.iter().filter(|(_, folder)| !folder.messages.is_empty()) {
        let copies = held.entry(name.clone()).or_default();
        for message in &folder.messages {
            let mut flags = message.flags.clone();
            flags.sort();
            copies.push((Text::Is(message.body.to_bytes().to_vec()), flags, message.date.to_string()));
        }
        copies.sort_by_key(|copy| format!("{copy:?}"));
    }
    held
}

/// What the destination shall hold by the tables; `name` says where a folder of the account goes to.
pub fn expected(destination: &Profile, name: impl Fn(&[&str]) -> Option<String>) -> Held {
    let mut held = Held::new();
    for ((_, _, Copy { text, flags, date }), letter) in copies(destination).into_iter().zip(letters()) {
        if let Some(folder) = name(letter.folder)
            && text != Text::Refused
        {
            held.entry(folder).or_default().push((text, flags, date));
        }
    }
    let mut large = large();
    match destination.name {
        "office365" => large = [b"X-MS-Exchange-Organization-SCL: -1\r\n", &large[..]].concat(),
        "pymap" => large = crate::account::lf(&large),
        _ => {}
    }
    held.entry("INBOX".to_owned()).or_default().push((Text::Is(large), Vec::new(), USUAL.to_owned()));
    held.values_mut().for_each(|copies| copies.sort_by_key(|copy| format!("{copy:?}")));
    held
}

/// The differences between what is there and what shall be there, for people.
fn differences(here: &Held, wanted: &Held) -> Vec<String> {
    let mut told = Vec::new();
    for name in here.keys().chain(wanted.keys().filter(|name| !here.contains_key(*name))) {
        let (here, wanted) = (here.get(name).cloned(), wanted.get(name).cloned());
        let (here, wanted) = (here.unwrap_or_default(), wanted.unwrap_or_default());
        told.extend(
            here.iter()
                .filter(|copy| !wanted.contains(copy))
                .map(|copy| format!("{name} has {}", shown(copy))),
        );
        told.extend(
            wanted
                .iter()
                .filter(|copy| !here.contains(copy))
                .map(|copy| format!("{name} lacks {}", shown(copy))),
        );
        if here.len() != wanted.len() {
            told.push(format!("{name} has {} messages, not {}", here.len(), wanted.len()));
        }
    }
    told
}

fn shown((text, flags, date): &(Text, Vec<String>, String)) -> String {
    let Text::Is(bytes) = text else { return "nothing".to_owned() };
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).escape_debug().to_string();
    format!("{text} {flags:?} {date}")
}

/// What is named of the failed messages, sorted: folder, UID, kind.
pub fn failed(report: &Report) -> Vec<(String, u32, ErrorKind)> {
    let failed =
        |outcome: &Outcome| if let Outcome::Failed(error) = outcome { Some(error.kind()) } else { None };
    let mut named: Vec<_> = report
        .named
        .iter()
        .filter_map(|one| Some((one.folder.to_string(), one.uid, failed(&one.outcome)?)))
        .collect();
    named.sort_by_key(|(folder, uid, _)| (folder.clone(), *uid));
    named
}

/// What must hold after every run.
pub fn honest(name: &str, source: &Server, destination: &Server, report: &Report) -> Vec<String> {
    let mut told = Vec::new();
    for (side, server) in [("source", source), ("destination", destination)] {
        told.extend(server.mail().offences.iter().map(|offence| format!("{name}: on the {side}: {offence}")));
    }
    if report.tally.total() != report.start[0].messages {
        told.push(format!("{name}: {} outcomes for {:?}", report.tally.total(), report.start[0]));
    }
    if report.is_success() && report.tally.failed > 0 {
        told.push(format!("{name}: success with {:?}", report.tally));
    }
    told
}

/// Servers that keep only with STORE some of what APPEND brings: the run after the copy sets these flags.
const FLAGS_COME_LATER: [&str; 2] = ["mailutils", "uw"];

/// A run that finds nothing to do but to be refused once more.
pub async fn settled(name: &str, source: &Server, destination: &Server, failed: u64) -> Vec<String> {
    source.mail().log.clear();
    destination.mail().log.clear();
    let report = run(source, destination).await;
    let mut told = honest(name, source, destination, &report);
    if report.tally.copied > 0 || report.tally.failed != failed {
        told.push(format!("{name}: the next run: {:?} {:?}", report.tally, report.errors));
    }
    let writes = |line: &&String, verbs: &[&str]| verbs.iter().any(|verb| line.starts_with(verb));
    let verbs: &[&str] = &["UID STORE", "SUBSCRIBE", "DELETE", "EXPUNGE", "APPEND", "CREATE"];
    // What Dovecot refuses to set is refused once more.
    let log_of = |server: &Server| -> Vec<String> {
        server.mail().log.iter().filter(|line| !line.contains(LONG)).cloned().collect()
    };
    let verbs = if failed == 0 { verbs } else { &verbs[..4] };
    let log = log_of(destination);
    told.extend(
        log.iter().filter(|line| writes(line, verbs)).map(|line| format!("{name}: the next run: {line}")),
    );
    let log = log_of(source);
    told.extend(
        log.iter().filter(|line| writes(line, verbs)).map(|line| format!("{name}: on the source: {line}")),
    );
    told
}

#[tokio::test(start_paused = true)]
async fn every_server_as_destination() {
    let mut told = Vec::new();
    for profile in Profile::ALL {
        let (source, destination) = (Server::like(&Profile::DOVECOT), Server::like(profile));
        fill(&source, &Profile::DOVECOT);
        let report = run(&source, &destination).await;
        let name = format!("to {}", profile.name);
        told.extend(honest(&name, &source, &destination, &report));
        // What is refused is named, with its folder, its UID and the kind of refusal.
        let mut refused = Vec::new();
        for ((_, folder, copy), letter) in copies(profile).into_iter().zip(letters()) {
            let here = home(&Profile::DOVECOT, letter.folder);
            let uid = uid_of(&source, &here, letter.text);
            let shown = imapsync_core::imap::name::MailboxName::from_wire(here.as_bytes()).display();
            match (folder, copy.text) {
                (None, _) => refused.push((shown, uid, ErrorKind::Create)),
                (_, Text::Refused) => refused.push((shown, uid, ErrorKind::Append)),
                _ => {}
            }
        }
        refused.sort_by_key(|(folder, uid, _)| (folder.clone(), *uid));
        if report.is_success() != (refused.is_empty() && !refuses_long(profile)) {
            told.push(format!("{name}: {:?} {:?}", report.errors, report.stopped));
        }
        if failed(&report) != refused {
            told.push(format!("{name}: failed {:?}, not {refused:?}", failed(&report)));
        }
        if report.tally.duplicates != 1 {
            told.push(format!("{name}: {} duplicates of {TWICE}", report.tally.duplicates));
        }
        if FLAGS_COME_LATER.contains(&profile.name) {
            told.extend(honest(&name, &source, &destination, &run(&source, &destination).await));
        }
        told.extend(settled(&name, &source, &destination, refused.len() as u64).await);
        let mut wanted = expected(profile, |levels| folder(profile, levels));
        if profile.name == "gmail" {
            with_all_mail(&mut wanted);
        }
        told.extend(
            differences(&held(&destination), &wanted).into_iter().map(|one| format!("{name}: {one}")),
        );
    }
    assert!(told.is_empty(), "{}\n{} in all", told.join("\n"), told.len());
}

/// Whether a keyword of 60 characters is refused.
fn refuses_long(profile: &Profile) -> bool {
    profile.name.starts_with("dovecot")
}

/// Gmail shows in All Mail whatever is neither trash nor spam; there nothing is `\Deleted`.
fn with_all_mail(held: &mut Held) {
    let shown = held.iter().filter(|(name, _)| !["[Gmail]/Trash", "[Gmail]/Spam"].contains(&name.as_str()));
    let mut all: Vec<_> = shown.flat_map(|(_, copies)| copies.clone()).collect();
    all.iter_mut().for_each(|(_, flags, _)| flags.retain(|flag| flag != "\\Deleted"));
    all.sort_by_key(|copy| format!("{copy:?}"));
    held.insert("[Gmail]/All Mail".to_owned(), all);
}

#[tokio::test(start_paused = true)]
async fn every_server_as_source() {
    let mut told = Vec::new();
    for profile in Profile::ALL {
        let (source, destination) = (Server::like(profile), Server::like(&Profile::DOVECOT));
        fill(&source, profile);
        let report = run(&source, &destination).await;
        let name = format!("from {}", profile.name);
        told.extend(honest(&name, &source, &destination, &report));
        // Dovecot has no place for one keyword, which is said.
        let kinds: Vec<ErrorKind> = report.errors.iter().map(imapsync_core::Error::kind).collect();
        if kinds != [ErrorKind::Flags] || report.stopped.is_some() || report.tally.duplicates != 1 {
            told.push(format!("{name}: {:?} {:?} {:?}", report.tally, report.errors, report.stopped));
        }
        told.extend(settled(&name, &source, &destination, 0).await);
        // The same names without the prefix, with the destination's separator; only lines change that Dovecot changes.
        let name_there = |levels: &[&str]| {
            let here = home(profile, levels);
            let here = here.strip_prefix(profile.prefix).unwrap_or(&here);
            Some(here.replace(profile.separator, "/"))
        };
        let wanted = expected(&Profile::DOVECOT, name_there);
        told.extend(
            differences(&held(&destination), &wanted).into_iter().map(|one| format!("{name}: {one}")),
        );
    }
    assert!(told.is_empty(), "{}\n{} in all", told.join("\n"), told.len());
}

/// The UID of the message with this text.
pub fn uid_of(server: &Server, folder: &str, text: &[u8]) -> u32 {
    let messages = server.messages(folder);
    messages.iter().find(|message| &message.body.to_bytes()[..] == text).map_or(0, |message| message.uid)
}
