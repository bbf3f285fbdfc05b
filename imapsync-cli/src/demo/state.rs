//! What a server holds at one moment, and whether host2 holds after a run what it should.

use chrono::DateTime;
use imapsync_core::testing::{Mail, Message};
use std::collections::{BTreeMap, BTreeSet};

/// The folders of a server by name, each with its messages.
pub(super) type State = BTreeMap<String, Vec<Message>>;

/// A message as it must arrive: digest of its bytes, instant of its arrival, flags.
type Copy = ([u8; 32], Option<i64>, BTreeSet<String>);

/// What a server holds now.
pub(super) fn state(mail: &Mail) -> State {
    mail.folders.iter().map(|(name, folder)| (name.clone(), folder.messages.clone())).collect()
}

/// Messages and bytes.
pub(super) fn amount(state: &State) -> (usize, u64) {
    let messages = state.values().flatten();
    (messages.clone().count(), messages.map(|message| message.body.len()).sum())
}

/// What is wrong after a run from `source` to what was `before` and is `after`; nothing, if all is well. It is found from
/// what the servers hold, without a word of what the sync says about itself: each folder of host2 must have each message
/// of host1's folder once, with its bytes, its date and its flags, and what it had before; no more.
pub(super) fn differences(
    folders: &[[String; 2]],
    source: &State,
    before: &State,
    after: &State,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for [from, to] in folders {
        let mut expected = BTreeMap::new();
        let before = before.get(to).map_or(&[][..], Vec::as_slice).iter().map(copy);
        let source = source.get(from).map_or(&[][..], Vec::as_slice).iter().map(copy);
        // By content: once however often it is there; the flags are those of host1, the date stays.
        for (digest, date, flags) in before.chain(source) {
            let (_, known) = expected.entry(digest).or_insert((date, BTreeSet::new()));
            *known = flags;
        }
        let expected: Vec<Copy> =
            expected.into_iter().map(|(digest, (date, flags))| (digest, date, flags)).collect();
        let mut found: Vec<Copy> = after.get(to).map_or(&[][..], Vec::as_slice).iter().map(copy).collect();
        found.sort();
        if found != expected {
            let missing = expected.iter().filter(|copy| !found.contains(copy)).count();
            let many = found.len().saturating_sub(expected.len() - missing);
            wrong.push(format!(
                "{to}: {missing} messages are missing or not the same, {many} should not be there"
            ));
        }
    }
    let known: BTreeSet<&str> = folders.iter().map(|[_, to]| to.as_str()).collect();
    for (name, messages) in after {
        if !known.contains(name.as_str()) && before.get(name).map_or(0, Vec::len) != messages.len() {
            wrong.push(format!("{name}: nothing should have happened there"));
        }
    }
    wrong
}

fn copy(message: &Message) -> Copy {
    let date = DateTime::parse_from_str(&message.date, "%d-%b-%Y %H:%M:%S %z").ok();
    (message.body.digest(), date.map(|date| date.timestamp()), message.flags.iter().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use imapsync_core::testing::Server;

    fn with(messages: &[(&str, &str)]) -> State {
        let server = Server::new("IMAP4rev1");
        for (text, flag) in messages {
            server.mail().folder("A").add(*text, &[flag]);
        }
        state(&server.mail())
    }

    #[test]
    fn what_is_wrong_is_found() {
        let folders = [["A".to_owned(), "A".to_owned()]];
        let source = with(&[("one", "\\Seen"), ("two", "x"), ("two", "x")]);
        let before = with(&[("one", "y"), ("own", "z")]);
        for (after, right) in [
            (&[("one", "\\Seen"), ("own", "z"), ("two", "x")][..], true),
            (&[("own", "z"), ("two", "x"), ("one", "\\Seen")], true),
            // Flags not brought up to date, one lost, one doubled, one changed, one removed.
            (&[("one", "y"), ("own", "z"), ("two", "x")], false),
            (&[("one", "\\Seen"), ("own", "z")], false),
            (&[("one", "\\Seen"), ("own", "z"), ("two", "x"), ("two", "x")], false),
            (&[("one", "\\Seen"), ("own", "z"), ("tvo", "x")], false),
            (&[("one", "\\Seen"), ("two", "x")], false),
        ] {
            let found = differences(&folders, &source, &before, &with(after));
            assert_eq!(found.is_empty(), right, "{found:?}");
        }
        let elsewhere: State = [("B".to_owned(), with(&[("one", "")])["A"].clone())].into();
        assert!(!differences(&[], &source, &before, &elsewhere).is_empty());
    }
}
