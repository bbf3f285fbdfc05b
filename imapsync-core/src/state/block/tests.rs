//! Blocks both ways, and by hand.

use super::*;
use crate::account::Account;
use crate::error::Side;
use crate::imap::name::MailboxName;
use crate::state::bytes::{Keys, Kind};
use crate::state::contract::{known, listing, ordinary};
use crate::state::record::AccountPair;
use proptest::prelude::*;

/// Rows compare with the spelling of their flags.
fn exact(rows: &[Known]) -> Vec<(Known, Option<Vec<String>>)> {
    let words = |row: &Known| row.flags.as_ref().map(|flags| flags.iter().map(str::to_owned).collect());
    rows.iter().map(|row| (row.clone(), words(row))).collect()
}

const LAST: u32 = (u32::MAX - 1) / 512;

fn block() -> impl Strategy<Value = (u32, Vec<Known>)> {
    prop_oneof![Just(0), Just(3), Just(LAST)].prop_flat_map(|number| {
        let rows = prop::collection::vec(known(number), 1..12);
        rows.prop_map(move |rows| (number, listing(rows)))
    })
}

proptest! {
    #[test]
    fn comes_back((number, rows) in block()) {
        let bytes = encode(number, &rows);
        prop_assert_eq!(exact(&decode(&bytes).unwrap()), exact(&rows));
    }

    /// Also without a seal there is one form for one content: what was changed is refused, or is another content.
    #[test]
    fn has_one_form((number, rows) in block(), at: prop::sample::Index, byte: u8) {
        let mut bytes = encode(number, &rows);
        let at = at.index(bytes.len());
        prop_assert_eq!(decode(&bytes[..at]), None);
        prop_assert_eq!(decode(&[&bytes[..], &[byte]].concat()), None);
        let changed = std::mem::replace(&mut bytes[at], byte) != byte;
        if let Some(other) = decode(&bytes) {
            prop_assert_eq!(exact(&other) != exact(&rows), changed);
            prop_assert!(other.is_sorted_by(|a, b| a.uid < b.uid));
            prop_assert_eq!(encode(BlockSum::number(other[0].uid), &other), &bytes[..]);
        }
    }

    #[test]
    fn takes_any_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..80), head: bool) {
        if head && bytes.len() > 3 {
            bytes[..3].copy_from_slice(&[VERSION, 0, 4]);
        }
        if let Some(rows) = decode(&bytes) {
            prop_assert_eq!(encode(BlockSum::number(rows[0].uid), &rows), bytes);
        }
    }

    #[test]
    fn the_seal_breaks((number, rows) in block(), at: prop::sample::Index, change in 1..=255u8) {
        let account = |user: &str| Account::new("host", user, "");
        let pair = |user: &str| Keys::new(&AccountPair::new(&account(user), &account("b")));
        let seal = pair("a").mailbox(Side::Source, &MailboxName::inbox());
        let mut sealed = seal.close(Kind::Rows, encode(number, &rows));
        let opened = |sealed: &[u8]| seal.open(Kind::Rows, sealed).map(<[u8]>::to_vec);
        prop_assert_eq!(opened(&sealed), Some(encode(number, &rows)));
        for other in [
            pair("c").mailbox(Side::Source, &MailboxName::inbox()),
            pair("a").mailbox(Side::Destination, &MailboxName::inbox()),
            pair("a").mailbox(Side::Source, &MailboxName::from_text("Sent")),
        ] {
            prop_assert_eq!(other.open(Kind::Rows, &sealed), None);
        }
        prop_assert_eq!(seal.open(Kind::Sum, &sealed), None);
        let at = at.index(sealed.len());
        prop_assert_eq!(opened(&sealed[..at]), None);
        sealed[at] ^= change;
        prop_assert_eq!(opened(&sealed), None);
    }
}

/// By hand, so that a file written today is read by later releases.
#[test]
fn the_form_of_a_row() {
    let identity = |message_id| KnownIdentity::Of(Identity { key: Key([0xaa; 16]), message_id });
    let known = |uid, identity, partner| Known {
        uid,
        size: 300,
        flags: Some(Flags::parse(["\\Seen", "$a"])),
        date: Some(InternalDate::new(1000, 60)),
        identity,
        partner,
    };
    let rows = [
        known(513, identity(1), Some(1)),
        known(514, identity(0), Some(2)),
        known(1024, KnownIdentity::AsPartner, Some(1)),
        Known { flags: None, date: None, ..known(1024, KnownIdentity::Unknown, None) },
    ];
    let key = [0xaa; 16];
    let mut expected = vec![1, 1, 3, 1, 1, 2, b'$', b'a', 0];
    expected.extend([0xd9, 0xac, 2, 1, 0xd0, 0x0f, 120]);
    expected.extend(key);
    expected.extend([0, 0, 0, 0, 0, 0, 0, 1]);
    expected.extend([0x52, 0xac, 2, 0]);
    expected.extend(key);
    expected.extend([0x77, 0xfd, 3, 0xac, 2, 3, 0]);
    assert_eq!(encode(1, &rows[..3]), expected);
    assert_eq!(decode(&expected).as_deref(), Some(&rows[..3]));
    assert_eq!(encode(1, &rows[3..]), [1, 1, 1, 0, 4, 0xff, 3, 0xac, 2]);
}

/// A row that claims more than there is allocates nothing for it.
#[test]
fn claims_are_not_believed() {
    let mut bytes = vec![VERSION, 0];
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    for sets in [0, 0x7f] {
        assert_eq!(decode(&[&bytes[..], &[sets]].concat()), None);
    }
}

#[test]
fn an_ordinary_pair_is_small() {
    let number = |row: &Known| BlockSum::number(row.uid);
    let sides = ordinary(5000, 0);
    let blocks = sides.iter().flat_map(|rows| rows.chunk_by(|one, next| number(one) == number(next)));
    let bytes: usize = blocks.map(|rows| encode(number(&rows[0]), rows).len()).sum();
    assert!(bytes < 45 * 5000, "{} bytes each", bytes / 5000);
}
