//! CONDSTORE and QRESYNC: the situations of RFC 7162's examples.

use crate::transcript::{Talk, clean, server};
use imapsync_core::testing::Server;

const ALL: &str = "IMAP4rev1 ENABLE UIDPLUS MOVE ESEARCH CONDSTORE QRESYNC";

/// Five messages (mod-sequences 2 to 6); then the second is flagged (7), the fourth is removed (8).
fn changed() -> Server {
    let server = server(ALL, 5);
    {
        let mut mail = server.mail();
        let inbox = mail.folder("INBOX");
        inbox.validity = 67890007;
        inbox.flag(2, |flags| flags.push("\\Seen".to_owned()));
        inbox.expunge(|message| message.uid == 4);
    }
    server
}

/// Section 3.1.2: what SELECT says, and the state that `CONDSTORE` brings about.
#[tokio::test(start_paused = true)]
async fn select_with_condstore() {
    let server = changed();
    let mut talk = Talk::selected(&server, "").await;
    talk.plays(
        "C: a SELECT INBOX (CONDSTORE)
         S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
         S: * 4 EXISTS
         S: * 0 RECENT
         S: * OK [UNSEEN 1] the first one
         S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] kept
         S: * OK [UIDVALIDITY 67890007] valid
         S: * OK [UIDNEXT 6] next
         S: * OK [HIGHESTMODSEQ 8] highest
         S: a OK [READ-WRITE] done
         C: b FETCH 1 (FLAGS)
         S: * 1 FETCH (FLAGS () MODSEQ (2))
         S: b OK done
         C: c STORE 1 +FLAGS.SILENT (\\Flagged)
         S: * 1 FETCH (MODSEQ (9))
         S: c OK done
         C: d STATUS INBOX (HIGHESTMODSEQ)
         S: * STATUS \"INBOX\" (HIGHESTMODSEQ 9)
         S: d OK done",
    )
    .await;
    clean(&server);
}

/// Section 3.1.3: only what has not changed since is stored.
#[tokio::test(start_paused = true)]
async fn unchanged_since() {
    let server = changed();
    let mut talk = Talk::selected(&server, "SELECT INBOX").await;
    talk.plays(
        "C: a UID STORE 1:3,5 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Deleted)
         S: * OK [HIGHESTMODSEQ 8] highest
         S: * 1 FETCH (UID 1 MODSEQ (9))
         S: * 3 FETCH (UID 3 MODSEQ (10))
         S: a OK [MODIFIED 2,5] conditional store failed
         C: b STORE 2 (UNCHANGEDSINCE 5) +FLAGS (\\Deleted)
         S: b OK [MODIFIED 2] conditional store failed
         C: c STORE 2 (UNCHANGEDSINCE 7) +FLAGS (\\Deleted)
         S: * 2 FETCH (FLAGS (\\Seen \\Deleted) MODSEQ (11))
         S: c OK done
         C: d EXPUNGE
         S: * 1 EXPUNGE
         S: * 1 EXPUNGE
         S: * 1 EXPUNGE
         S: d OK [HIGHESTMODSEQ 12] done",
    )
    .await;
    clean(&server);
}

/// Sections 3.1.4 and 3.1.5: CHANGEDSINCE, and MODSEQ as a key.
#[tokio::test(start_paused = true)]
async fn changed_since() {
    let server = changed();
    let mut talk = Talk::selected(&server, "SELECT INBOX").await;
    talk.plays(
        "C: a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 5)
         S: * OK [HIGHESTMODSEQ 8] highest
         S: * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (7))
         S: * 4 FETCH (UID 5 FLAGS () MODSEQ (6))
         S: a OK done
         C: b SEARCH MODSEQ 6
         S: * SEARCH 2 4 (MODSEQ 7)
         S: b OK done
         C: c SEARCH MODSEQ \"/flags/\\\\draft\" all 8
         S: * SEARCH
         S: c OK done
         C: d UID SEARCH RETURN (ALL) MODSEQ 2
         S: * ESEARCH (TAG \"d\") UID ALL 1:3,5 MODSEQ 7
         S: d OK done
         C: e UID FETCH 1:* (FLAGS) (CHANGEDSINCE 5 VANISHED)
         S: e BAD VANISHED is for UID FETCH once QRESYNC is enabled",
    )
    .await;
    clean(&server);
}

/// Section 3.2.5: what has happened since, in one answer.
#[tokio::test(start_paused = true)]
async fn quick_resynchronisation() {
    let server = changed();
    let mut talk = Talk::selected(&server, "").await;
    let select = "S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
         S: * 4 EXISTS
         S: * 0 RECENT
         S: * OK [UNSEEN 1] the first one
         S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] kept
         S: * OK [UIDVALIDITY 67890007] valid
         S: * OK [UIDNEXT 6] next
         S: * OK [HIGHESTMODSEQ 8] highest";
    let closed = "S: * OK [CLOSED] the other one is closed";
    let script = format!(
        "C: a SELECT INBOX (QRESYNC (67890007 6))
         S: a BAD QRESYNC is not enabled, or lacks its arguments
         C: b ENABLE QRESYNC X-NONE
         S: * ENABLED QRESYNC
         S: b OK done
         C: c SELECT INBOX (QRESYNC (67890007 6))
         {select}
         S: * VANISHED (EARLIER) 4
         S: * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (7))
         S: c OK [READ-WRITE] done
         C: d SELECT INBOX (QRESYNC (67890007 6 1,3:9))
         {closed}
         {select}
         S: * VANISHED (EARLIER) 4
         S: d OK [READ-WRITE] done
         C: e SELECT INBOX (QRESYNC (67890007 6 1:3 (1,2 1,2)))
         {closed}
         {select}
         S: * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (7))
         S: e OK [READ-WRITE] done
         C: f SELECT INBOX (QRESYNC (1 6))
         {closed}
         {select}
         S: f OK [READ-WRITE] done
         C: g UID FETCH 1:* (FLAGS) (CHANGEDSINCE 6 VANISHED)
         S: * VANISHED (EARLIER) 4
         S: * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (7))
         S: g OK done
         C: h UID STORE 1:2 +FLAGS.SILENT (\\Deleted)
         S: * 1 FETCH (UID 1 MODSEQ (9))
         S: * 2 FETCH (UID 2 MODSEQ (10))
         S: h OK done
         C: i UID EXPUNGE 1:2
         S: * VANISHED 1:2
         S: i OK [HIGHESTMODSEQ 11] done"
    );
    talk.plays(&script).await;
    clean(&server);
}

/// Section 3.1.2.2: a mailbox without mod-sequences.
#[tokio::test(start_paused = true)]
async fn no_mod_sequences() {
    let server = changed();
    server.mail().folder("INBOX").no_modseq = true;
    let mut talk = Talk::selected(&server, "ENABLE CONDSTORE").await;
    talk.plays(
        "C: a EXAMINE INBOX
         S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
         S: * 4 EXISTS
         S: * 0 RECENT
         S: * OK [UNSEEN 1] the first one
         S: * OK [PERMANENTFLAGS ()] kept
         S: * OK [UIDVALIDITY 67890007] valid
         S: * OK [UIDNEXT 6] next
         S: * OK [NOMODSEQ] no mod-sequences here
         S: a OK [READ-ONLY] done
         C: b FETCH 1 (FLAGS)
         S: * 1 FETCH (FLAGS ())
         S: b OK done
         C: c UID FETCH 1:* (FLAGS) (CHANGEDSINCE 5)
         S: c BAD no mod-sequences here
         C: d STATUS INBOX (HIGHESTMODSEQ)
         S: * STATUS \"INBOX\" (HIGHESTMODSEQ 0)
         S: d OK done",
    )
    .await;
    clean(&server);
}

/// What others do is told at the next command that may tell it, or at once to who idles.
#[tokio::test(start_paused = true)]
async fn news() {
    let server = server("IMAP4rev1 IDLE CONDSTORE QRESYNC ENABLE", 4);
    let others = |server: &Server| {
        let mut mail = server.mail();
        let inbox = mail.folder("INBOX");
        inbox.flag(1, |flags| flags.push("\\Flagged".to_owned()));
        inbox.expunge(|message| message.uid == 2 || message.uid == 3);
        inbox.add("Subject: new\r\n\r\n", &[]);
    };
    let mut plain = Talk::selected(&server, "SELECT INBOX").await;
    let mut idler = Talk::selected(&server, "SELECT INBOX").await;
    let mut quick = Talk::selected(&server, "ENABLE QRESYNC;SELECT INBOX").await;
    idler.plays("C: a IDLE\nS: + idling").await;
    others(&server);
    let told = "S: * 2 EXPUNGE\nS: * 2 EXPUNGE\nS: * 3 EXISTS\nS: * 1 FETCH (FLAGS (\\Flagged))\n";
    idler.plays(told).await;
    idler.plays("C: DONE\nS: a OK done").await;
    plain
        .plays(
            "C: a SEARCH ALL
             S: * 5 EXISTS
             S: * 1 FETCH (FLAGS (\\Flagged))
             S: * SEARCH 1 4 5
             S: a OK done
             C: b NOOP
             S: * 2 EXPUNGE
             S: * 2 EXPUNGE
             S: b OK done
             C: c NOOP
             S: c OK done",
        )
        .await;
    quick
        .plays(
            "C: a NOOP
             S: * VANISHED 2:3
             S: * 3 EXISTS
             S: * 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (6))
             S: a OK done",
        )
        .await;
    // Taken out behind the server's back.
    server.mail().folder("INBOX").messages.retain(|message| message.uid != 4);
    plain.plays("C: d NOOP\nS: * 2 EXPUNGE\nS: d OK done").await;
    clean(&server);
}
