//! What earlier runs have remembered, in words.

use super::size;
use imapsync_core::Side;
use imapsync_core::state::{Intent, Mailbox, Remembered, StateFile};
use std::fmt::Write;

/// How many UIDs of an intent are named.
const NAMED: usize = 10;

/// The file of one pair of accounts; `date`: when it was written last.
pub(crate) fn state(file: &StateFile, date: Option<&str>) -> String {
    let mut text = heading(file, date);
    match &file.content {
        Ok((_, remembered)) => content(&mut text, remembered),
        Err(error) => drop(write!(text, "\n{error}\n")),
    }
    text
}

/// One of several files, in short.
pub(crate) fn state_file(file: &StateFile, date: Option<&str>) -> String {
    let mut text = heading(file, date);
    match &file.content {
        Ok((_, remembered)) => {
            let count = |side| {
                let mailboxes = remembered.mailboxes.iter().filter(move |one| one.side == side);
                (mailboxes.clone().count(), mailboxes.map(|one| u64::from(one.messages)).sum::<u64>())
            };
            let ((folders1, messages1), (folders2, messages2)) =
                (count(Side::Source), count(Side::Destination));
            let _ = writeln!(
                text,
                "  host1: {messages1} messages in {folders1} folders; host2: {messages2} messages in {folders2} folders"
            );
        }
        Err(error) => drop(writeln!(text, "  {error}")),
    }
    text
}

fn heading(file: &StateFile, date: Option<&str>) -> String {
    let whose = file
        .content
        .as_ref()
        .map_or_else(|_| "Whose it is cannot be told".to_owned(), |(pair, _)| pair.to_string());
    let written = date.map_or_else(String::new, |date| format!(", last written {date}"));
    format!("{whose}:\n  {}\n  {}{written}\n", file.path.display(), size(file.bytes))
}

fn content(text: &mut String, remembered: &Remembered) {
    let Remembered { mailboxes, intents, .. } = remembered;
    let mut sources: Vec<&Mailbox> = mailboxes.iter().filter(|one| one.side == Side::Source).collect();
    sources.sort_by_key(|one| &one.name);
    let mut targets: Vec<&Mailbox> = mailboxes.iter().filter(|one| one.side == Side::Destination).collect();
    targets.sort_by_key(|one| &one.name);
    if mailboxes.is_empty() {
        text.push_str("\nNo folder is remembered.\n");
    }
    for source in &sources {
        let target = targets.iter().find(|one| Some(&one.name) == source.pair.as_ref());
        let settled = source.settled && target.is_some_and(|target| target.settled);
        let rest = if settled { "nothing was left to do" } else { "not complete" };
        let _ = write!(text, "\nFolder [{}]", source.name.display());
        if let Some(pair) = &source.pair {
            let _ = write!(text, " -> [{}]", pair.display());
        }
        let _ = writeln!(text, ": {rest}");
        side(text, "host1", source);
        match target {
            Some(target) => side(text, "host2", target),
            None => text.push_str("  host2: not remembered\n"),
        }
    }
    for target in targets {
        if sources.iter().all(|source| source.pair.as_ref() != Some(&target.name)) {
            let _ = writeln!(text, "\nFolder [{}] of host2 alone:", target.name.display());
            side(text, "host2", target);
        }
    }
    for (_, intent) in intents {
        unsettled(text, intent);
    }
}

fn side(text: &mut String, host: &str, mailbox: &Mailbox) {
    let told = |number: u64| if number == 0 { "not told".to_owned() } else { number.to_string() };
    let _ = writeln!(
        text,
        "  {host}: {} messages, UIDVALIDITY {}, UIDNEXT {}, HIGHESTMODSEQ {}",
        mailbox.messages,
        mailbox.uid_validity,
        told(mailbox.uid_next.into()),
        told(mailbox.highest_modseq.unwrap_or_default()),
    );
}

fn unsettled(text: &mut String, intent: &Intent) {
    let count = intent.messages.len();
    let uids: Vec<String> =
        intent.messages.iter().take(NAMED).map(|message| message.uid.to_string()).collect();
    let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
    let _ = writeln!(
        text,
        "\nOn the way from [{}] to [{}] when a run ended: {count} messages, UIDs {}{more}.\nWhat has arrived is there at UID {} \
         or above.",
        intent.source.display(),
        intent.destination.display(),
        uids.join(" "),
        intent.destination_uid_next,
    );
}
