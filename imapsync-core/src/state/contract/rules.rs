//! The contract of a store, held against each of them.

use super::*;

/// Gives the store as the next run finds it.
pub(in crate::state) trait Reopen {
    type Store: StateStore;
    async fn next(&mut self) -> Self::Store;
}

struct Memory(MemoryStore);

impl Reopen for Memory {
    type Store = MemoryStore;
    async fn next(&mut self) -> MemoryStore {
        self.0.clone()
    }
}

async fn keeps_what_was_saved(world: &mut impl Reopen) {
    let store = world.next().await;
    assert_eq!(store.save(Changes::default()).await.unwrap_err().kind(), crate::ErrorKind::State);
    assert!(store.messages(Side::Source, &MailboxName::inbox()).await.is_err());
    assert_eq!(all(&store).await, (vec![], vec![], None));

    let mut saved = content("INBOX", 1300, 0);
    let tally = crate::plan::Tally { copied: 1, already_there: u64::MAX, ..Default::default() };
    saved[0].0.summary = Summary { tally, bytes: 5, duplicates: 6, unmatched: 7 };
    saved[1].0.highest_modseq = None;
    saved.push((mailbox(Side::Source, "Entwürfe"), vec![]));
    saved.push((mailbox(Side::Destination, "Entwürfe"), ordinary(3, 0)[0].clone()));
    store.save(whole(saved.clone())).await.unwrap();
    let ids = store.intend(vec![intent(1), intent(5)]).await.unwrap();
    let more = store.intend(vec![intent(9)]).await.unwrap();
    assert_eq!((ids.len(), more.len(), ids[1] < more[0]), (2, 1, true));

    let expected = |mut content: Content| {
        content.sort_by_key(|(mailbox, _)| (mailbox.side, mailbox.name.clone()));
        content
    };
    store.close().await.unwrap();
    let store = world.next().await;
    assert_eq!(all(&store).await, (expected(saved.clone()), vec![intent(1), intent(5), intent(9)], None));
    for (mailbox, rows) in &saved {
        let mut sums = BlockSums::default();
        rows.iter().for_each(|row| sums.add(row.uid, row.flags.as_ref()));
        assert_eq!(store.blocks(mailbox.side, &mailbox.name).await.unwrap(), sums.finish());
    }

    // Rows that stay, rows that go, a mailbox that goes, intents that are settled; twice each is no error.
    let [(mut source, _), (destination, _), _, (other, _)] = saved.try_into().unwrap();
    source.settled = false;
    let rows = ordinary(700, 5)[1][..600].to_vec();
    let open = store.open(options()).await.unwrap().intents;
    let settled: Vec<IntentId> =
        open.iter().filter(|(_, known)| *known != intent(5)).map(|(id, _)| *id).collect();
    for _ in 0..2 {
        let changes = Changes {
            mailboxes: vec![
                (source.clone(), Rows::new(ordinary(1300, 0)[0].clone())),
                (destination.clone(), Rows::new(rows.clone())),
            ],
            dropped: vec![(other.side, other.name.clone()), (Side::Source, MailboxName::from_text("never"))],
            settled: [settled.clone(), vec![IntentId(1 << 40)]].concat(),
        };
        store.save(changes).await.unwrap();
    }
    let now_sorted = expected(vec![
        (mailbox(Side::Source, "Entwürfe"), vec![]),
        (source.clone(), ordinary(1300, 0)[0].clone()),
        (destination.clone(), rows),
    ]);
    store.close().await.unwrap();
    let store = world.next().await;
    assert_eq!(all(&store).await, (now_sorted.clone(), vec![intent(5)], None));

    // All or nothing: the second of these cannot be saved.
    let [one, _] = ordinary(1, 0);
    let twice = [one.clone(), one].concat();
    for wrong in [
        (mailbox(Side::Source, "new"), Rows::new(twice)),
        (mailbox(Side::Source, "new"), Rows::new(vec![Known { uid: 0, ..ordinary(1, 0)[0][0].clone() }])),
    ] {
        let mailboxes = vec![(Mailbox { uid_next: 1, ..destination.clone() }, Rows::new(vec![])), wrong];
        let settled = store.open(options()).await.unwrap().intents.iter().map(|(id, _)| *id).collect();
        let error = store.save(Changes { mailboxes, settled, ..Changes::default() }).await.unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::State);
        assert_eq!(all(&store).await, (now_sorted.clone(), vec![intent(5)], None));
    }
}

async fn forgets_under_other_options(world: &mut impl Reopen) {
    let other = Fingerprint::of(["other"]);
    let store = world.next().await;
    store.open(options()).await.unwrap();
    store.save(pair("INBOX", 10, 0)).await.unwrap();
    store.intend(vec![intent(1)]).await.unwrap();
    let before = all(&store).await;

    // Looking alone changes nothing.
    store.close().await.unwrap();
    let store = world.next().await;
    let remembered = store.open(other).await.unwrap();
    assert_eq!((remembered.mailboxes, remembered.intents), (vec![], vec![]));
    assert!(remembered.notice.unwrap().contains("options"));
    assert!(store.messages(Side::Source, &MailboxName::inbox()).await.is_err());
    assert!(store.blocks(Side::Source, &MailboxName::inbox()).await.is_err());
    store.close().await.unwrap();
    let store = world.next().await;
    assert_eq!(all(&store).await, before);

    // An intent does, and a save.
    for save in [false, true] {
        store.close().await.unwrap();
        let store = world.next().await;
        store.open(other).await.unwrap();
        if save {
            store.save(pair("Sent", 3, 0)).await.unwrap();
        } else {
            store.intend(vec![intent(4)]).await.unwrap();
        }
        store.close().await.unwrap();
        let store = world.next().await;
        let remembered = store.open(other).await.unwrap();
        assert_eq!(remembered.notice, None);
        assert_eq!(
            (remembered.mailboxes.len(), remembered.intents.len()),
            if save { (2, 0) } else { (0, 1) }
        );
        store.close().await.unwrap();
        let store = world.next().await;
        assert!(store.open(options()).await.unwrap().notice.is_some());
        store.save(pair("INBOX", 10, 0)).await.unwrap();
        assert_eq!(all(&store).await, (before.0.clone(), vec![], None));
        store.close().await.unwrap();
    }

    store.forget().await.unwrap();
    assert!(store.save(Changes::default()).await.is_err());
    store.close().await.unwrap();
    let store = world.next().await;
    assert_eq!(all(&store).await, (vec![], vec![], None));
}

/// Holds stores to all of it, beginning with an empty one each time.
pub(in crate::state) async fn keep<R: Reopen>(empty: impl Fn() -> R) {
    keeps_what_was_saved(&mut empty()).await;
    forgets_under_other_options(&mut empty()).await;
}

#[tokio::test]
async fn the_store_in_memory() {
    keep(|| Memory(MemoryStore::new())).await;
}
