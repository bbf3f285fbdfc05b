//! What every store keeps to, and the messages that tests remember.

mod rules;

#[cfg(feature = "state")]
pub(super) use rules::{Reopen, keep};

use super::*;
use crate::imap::date::InternalDate;
use crate::imap::flag::Flags;
use crate::message::{Identity, Key};
use proptest::prelude::*;

/// Any message of the block with this number.
pub(super) fn known(number: u32) -> impl Strategy<Value = Known> {
    let flags = prop::collection::vec(
        "\\\\Seen|\\\\flagged|\\\\Recent|\\$Junk|\\$JUNK|NonJunk|\\\\XFoo|é| |[a-c]{1,3}",
        0..4,
    );
    let date = prop_oneof![
        (1_400_000_000..1_400_100_000i64, Just(120)).boxed(),
        (any::<i64>(), any::<i16>()).boxed(),
    ];
    let identity = prop_oneof![
        Just(KnownIdentity::Unknown),
        Just(KnownIdentity::AsPartner),
        (any::<[u8; 16]>(), prop_oneof![Just(0), any::<u64>()])
            .prop_map(|(key, message_id)| KnownIdentity::Of(Identity { key: Key(key), message_id })),
    ];
    (
        BlockSum::range(number),
        prop_oneof![0..100_000u64, any::<u64>()],
        prop::option::of(flags),
        prop::option::of(date),
        identity,
        prop::option::of(prop_oneof![1..600u32, any::<u32>()]),
    )
        .prop_map(|(uid, size, flags, date, identity, partner)| Known {
            uid,
            size,
            flags: flags.map(|words| Flags::parse(words.iter().map(String::as_str))),
            date: date.map(|(seconds, zone)| InternalDate::new(seconds, zone)),
            identity,
            partner,
        })
}

/// Sorted, each UID once.
pub(super) fn listing(rows: Vec<Known>) -> Vec<Known> {
    let rows: std::collections::BTreeMap<u32, Known> = rows.into_iter().map(|row| (row.uid, row)).collect();
    rows.into_values().collect()
}

/// The messages of an ordinary pair of mailboxes: `[source, destination]`, UIDs from 1, now and then one missing. `turn`
/// changes the flags of some.
pub(super) fn ordinary(messages: u32, turn: u32) -> [Vec<Known>; 2] {
    let mut rows = [Vec::new(), Vec::new()];
    let (mut uid, mut seconds) = (0, 1_500_000_000);
    for n in 1..=messages {
        let dice = blake3::hash(&n.to_be_bytes());
        let dice = dice.as_bytes();
        uid += if dice[0] < 25 { 2 } else { 1 };
        seconds += i64::from(u16::from_be_bytes([dice[1], dice[2]])) / 2;
        let mut flags = Flags::parse(["\\Seen"]);
        if dice[3] < 20 {
            flags.insert(["$Forwarded", "\\Answered", "NonJunk", "\\Flagged"][usize::from(dice[4] % 4)]);
        }
        if turn > 0 && n % 1000 == turn % 1000 {
            flags.insert("\\Deleted");
        }
        let size = 1000 + u64::from(u16::from_be_bytes([dice[5], dice[6]])) * u64::from(dice[7]) / 64;
        let date = Some(InternalDate::new(seconds, if seconds % 31_536_000 < 15_768_000 { 60 } else { 120 }));
        let identity = Identity {
            key: Key(*dice.last_chunk().unwrap()),
            message_id: u64::from_be_bytes(*dice[8..].first_chunk().unwrap()),
        };
        let source = Known {
            uid,
            size,
            flags: Some(flags),
            date,
            identity: KnownIdentity::Of(identity),
            partner: Some(n),
        };
        let size = if dice[9] < 100 { size + 20 } else { size };
        let copy =
            Known { uid: n, size, identity: KnownIdentity::AsPartner, partner: None, ..source.clone() };
        rows[0].push(source);
        rows[1].push(copy);
    }
    rows
}

/// A mailbox of this name.
pub(super) fn mailbox(side: Side, name: &str) -> Mailbox {
    Mailbox {
        side,
        name: MailboxName::from_text(name),
        uid_validity: 77,
        uid_next: 1000,
        highest_modseq: Some(12345),
        messages: 3,
        settled: true,
        pair: (side == Side::Source).then(|| MailboxName::from_text("Copies")),
        summary: Summary::default(),
    }
}

/// Mailboxes with all their messages.
pub(super) type Content = Vec<(Mailbox, Vec<Known>)>;

/// Both mailboxes of an ordinary pair.
pub(super) fn content(name: &str, messages: u32, turn: u32) -> Content {
    let [source, destination] = ordinary(messages, turn);
    let of = |side, rows| (Mailbox { messages, uid_next: turn + 1, ..mailbox(side, name) }, rows);
    vec![of(Side::Source, source), of(Side::Destination, destination)]
}

/// The content, to be saved whole.
pub(super) fn whole(content: Content) -> Changes<'static> {
    let mailboxes = content.into_iter().map(|(mailbox, rows)| (mailbox, Rows::new(rows))).collect();
    Changes { mailboxes, ..Changes::default() }
}

/// Both mailboxes of an ordinary pair, saved whole.
pub(super) fn pair(name: &str, messages: u32, turn: u32) -> Changes<'static> {
    whole(content(name, messages, turn))
}

/// An intent of one message with this UID.
pub(super) fn intent(uid: u32) -> Intent {
    Intent {
        source: MailboxName::inbox(),
        destination: MailboxName::from_text("Copies"),
        destination_uid_validity: 9,
        destination_uid_next: uid,
        messages: vec![
            IntendedMessage {
                uid,
                size: 12,
                date: Some(InternalDate::new(1_500_000_000, -90)),
                identity: Some(Identity { key: Key([3; 16]), message_id: 0 }),
            },
            IntendedMessage { uid: uid + 1, size: u64::MAX, date: None, identity: None },
        ],
    }
}

/// The options of most tests.
pub(super) fn options() -> Fingerprint {
    Fingerprint::of(["usual"])
}

/// All that the store remembers, the mailboxes by name; what is damaged is left out.
pub(super) async fn all(store: &dyn StateStore) -> (Content, Vec<Intent>, Option<String>) {
    let mut remembered = store.open(options()).await.unwrap();
    remembered.mailboxes.sort_by_key(|mailbox| (mailbox.side, mailbox.name.clone()));
    let mut mailboxes = Vec::new();
    for mailbox in remembered.mailboxes {
        if let Ok(rows) = store.messages(mailbox.side, &mailbox.name).await {
            mailboxes.push((mailbox, rows));
        }
    }
    (mailboxes, remembered.intents.into_iter().map(|(_, intent)| intent).collect(), remembered.notice)
}
