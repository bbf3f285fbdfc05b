//! Folders: LIST-EXTENDED, LIST-STATUS, SPECIAL-USE, RENAME, ACL, QUOTA, APPENDLIMIT, OBJECTID, IMAP4rev2.

use crate::transcript::{Talk, clean, server};
use imapsync_core::testing::Server;

/// The mailboxes of RFC 5258, section 5.
fn fruit() -> Server {
    let server = server("IMAP4rev1 LIST-EXTENDED LIST-STATUS SPECIAL-USE", 2);
    for (name, subscribed) in [
        ("INBOX", true),
        ("Fruit", false),
        ("Fruit/Apple", false),
        ("Fruit/Banana", true),
        ("Tofu", false),
        ("Vegetable", true),
        ("Vegetable/Broccoli", true),
        ("Vegetable/Corn", false),
    ] {
        server.mail().folder(name).subscribed = subscribed;
    }
    server
}

#[tokio::test(start_paused = true)]
async fn extended_lists() {
    let server = fruit();
    server.mail().folder("Tofu").attributes.push("\\Sent".to_owned());
    let mut talk = Talk::selected(&server, "").await;
    talk.plays(
        "C: a LIST (SUBSCRIBED) \"\" \"*\"
         S: * LIST (\\Subscribed) \"/\" \"Fruit/Banana\"
         S: * LIST (\\Subscribed) \"/\" \"INBOX\"
         S: * LIST (\\Subscribed) \"/\" \"Vegetable\"
         S: * LIST (\\Subscribed) \"/\" \"Vegetable/Broccoli\"
         S: a OK done
         C: b LIST () \"\" (\"Fruit\" \"Fruit/%\") RETURN (CHILDREN SUBSCRIBED)
         S: * LIST (\\HasChildren) \"/\" \"Fruit\"
         S: * LIST (\\HasNoChildren) \"/\" \"Fruit/Apple\"
         S: * LIST (\\Subscribed \\HasNoChildren) \"/\" \"Fruit/Banana\"
         S: b OK done
         C: c LIST (SUBSCRIBED RECURSIVEMATCH) \"\" \"%\"
         S: * LIST () \"/\" \"Fruit\" (\"CHILDINFO\" (\"SUBSCRIBED\"))
         S: * LIST (\\Subscribed) \"/\" \"INBOX\"
         S: * LIST (\\Subscribed) \"/\" \"Vegetable\" (\"CHILDINFO\" (\"SUBSCRIBED\"))
         S: c OK done
         C: d LIST (SPECIAL-USE) \"\" \"*\"
         S: * LIST (\\Sent) \"/\" \"Tofu\"
         S: d OK done
         C: e LIST \"\" \"%\" RETURN (STATUS (MESSAGES UNSEEN))
         S: * LIST () \"/\" \"Fruit\"
         S: * STATUS \"Fruit\" (MESSAGES 0 UNSEEN 0)
         S: * LIST () \"/\" \"INBOX\"
         S: * STATUS \"INBOX\" (MESSAGES 2 UNSEEN 2)
         S: * LIST (\\Sent) \"/\" \"Tofu\"
         S: * STATUS \"Tofu\" (MESSAGES 0 UNSEEN 0)
         S: * LIST () \"/\" \"Vegetable\"
         S: * STATUS \"Vegetable\" (MESSAGES 0 UNSEEN 0)
         S: e OK done
         C: f LSUB \"Fruit/\" \"%\"
         S: * LSUB () \"/\" \"Fruit/Banana\"
         S: f OK done
         C: g LIST \"\" \"\"
         S: * LIST (\\Noselect) \"/\" \"\"
         S: g OK done",
    )
    .await;
    clean(&server);
}

/// RFC 9051, section 6.3.6, and RFC 8474, section 4.
#[tokio::test(start_paused = true)]
async fn names_change_and_identities_stay() {
    let server = server("IMAP4rev1 OBJECTID CREATE-SPECIAL-USE", 2);
    let mut talk = Talk::selected(&server, "").await;
    talk.plays(
        "C: a CREATE foo/bar
         S: a OK [MAILBOXID (F3eb)] done
         C: b RENAME foo zap
         S: b OK done
         C: c STATUS zap/bar (MAILBOXID)
         S: * STATUS \"zap/bar\" (MAILBOXID (F3eb))
         S: c OK done
         C: d RENAME INBOX old-mail
         S: d OK done
         C: e LIST \"\" *
         S: * LIST () \"/\" \"INBOX\"
         S: * LIST () \"/\" \"old-mail\"
         S: * LIST (\\Noselect) \"/\" \"zap\"
         S: * LIST () \"/\" \"zap/bar\"
         S: e OK done
         C: f STATUS old-mail (MESSAGES)
         S: * STATUS \"old-mail\" (MESSAGES 2)
         S: f OK done
         C: g STATUS INBOX (MESSAGES)
         S: * STATUS \"INBOX\" (MESSAGES 0)
         S: g OK done
         C: h CREATE MySpecial (USE (\\Drafts))
         S: h OK [MAILBOXID (F3ed)] done
         C: i CREATE Other (USE (\\Custom))
         S: i NO [USEATTR] no such use
         C: j SELECT MySpecial
         S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
         S: * 0 EXISTS
         S: * 0 RECENT
         S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] kept
         S: * OK [UIDVALIDITY 1005] valid
         S: * OK [UIDNEXT 1] next
         S: * OK [MAILBOXID (F3ed)] the same for ever
         S: j OK [READ-WRITE] done",
    )
    .await;
    clean(&server);
}

/// RFC 9208, section 4; RFC 7889, section 5; RFC 8438.
#[tokio::test(start_paused = true)]
async fn room() {
    let server = server("IMAP4rev1 QUOTA=RES-STORAGE APPENDLIMIT=20 STATUS=SIZE LITERAL+", 0);
    let mut talk = Talk::selected(&server, "").await;
    talk.plays(
        "C: a GETQUOTAROOT INBOX
         S: * QUOTAROOT \"INBOX\"
         S: a OK done
         C: b GETQUOTA \"\"
         S: b NO [NONEXISTENT] no such root",
    )
    .await;
    server.mail().quota = Some(2048);
    server.mail().folder("Small").append_limit = Some(5);
    server.mail().folder("INBOX").add(vec![b'x'; 2040], &[]);
    talk.plays(
        "C: a GETQUOTAROOT INBOX
         S: * QUOTAROOT \"INBOX\" \"\"
         S: * QUOTA \"\" (STORAGE 2 2)
         S: a OK done
         C: b GETQUOTA nobody
         S: b NO [NONEXISTENT] no such root
         C: c APPEND INBOX {12+}
         C: Subject: xyz
         S: c NO [OVERQUOTA] the account is full
         C: d APPEND INBOX {21}
         S: d NO [TOOBIG] larger than APPENDLIMIT
         C: e APPEND Small {6}
         S: e NO [TOOBIG] larger than APPENDLIMIT
         C: f STATUS Small (APPENDLIMIT SIZE)
         S: * STATUS \"Small\" (APPENDLIMIT 5 SIZE 0)
         S: f OK done
         C: g STATUS INBOX (APPENDLIMIT SIZE)
         S: * STATUS \"INBOX\" (APPENDLIMIT 20 SIZE 2040)
         S: g OK done",
    )
    .await;
    clean(&server);
}

/// RFC 4314, section 3.
#[tokio::test(start_paused = true)]
async fn access_control_lists() {
    let server = server("IMAP4rev1 ACL", 0);
    let mut talk = Talk::selected(&server, "").await;
    talk.plays(
        "C: a GETACL INBOX
         S: * ACL \"INBOX\" \"alice\" lrswipkxtea
         S: a OK done
         C: b SETACL INBOX Fred rwipslda
         S: b OK done
         C: c SETACL INBOX Fred -wd
         S: c OK done
         C: d SETACL INBOX chris +lr
         S: d OK done
         C: e SETACL INBOX chris lrQswicda
         S: e BAD no such right: Q
         C: f GETACL INBOX
         S: * ACL \"INBOX\" \"alice\" lrswipkxtea \"Fred\" ripsla \"chris\" lr
         S: f OK done
         C: g DELETEACL INBOX Fred
         S: g OK done
         C: h MYRIGHTS INBOX
         S: * MYRIGHTS \"INBOX\" lrswipkxtea
         S: h OK done
         C: i MYRIGHTS Nowhere
         S: i NO [NONEXISTENT] no such folder",
    )
    .await;
    let acl = server.mail().folder("INBOX").acl.clone();
    assert_eq!(acl.into_iter().collect::<Vec<_>>(), [("chris".to_owned(), "lr".to_owned())]);
    clean(&server);
}

/// RFC 9051, appendix E: what differs once IMAP4rev2 is enabled.
#[tokio::test(start_paused = true)]
async fn imap4rev2() {
    let server = server("IMAP4rev1 IMAP4rev2 ENABLE", 3);
    server.mail().folder("&U,BTFw-");
    let mut talk = Talk::selected(&server, "").await;
    talk.plays(
        "C: a LIST \"\" \"&*\"
         S: * LIST () \"/\" \"&U,BTFw-\"
         S: a OK done
         C: b ENABLE IMAP4rev2
         S: * ENABLED IMAP4rev2
         S: b OK done
         C: c CREATE \"台北/日本語\"
         S: c OK done
         C: d LIST \"\" \"台*\"
         S: * LIST () \"/\" \"台北\"
         S: * LIST () \"/\" \"台北/日本語\"
         S: d OK done
         C: e SELECT INBOX
         S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
         S: * 3 EXISTS
         S: * LIST () \"/\" \"INBOX\"
         S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] kept
         S: * OK [UIDVALIDITY 1001] valid
         S: * OK [UIDNEXT 4] next
         S: e OK [READ-WRITE] done
         C: f UID SEARCH UNSEEN
         S: * ESEARCH (TAG \"f\") UID ALL 1:3
         S: f OK done
         C: g SEARCH SEEN
         S: * ESEARCH (TAG \"g\")
         S: g OK done
         C: h STATUS INBOX (MESSAGES DELETED SIZE)
         S: * STATUS \"INBOX\" (MESSAGES 3 DELETED 0 SIZE 66)
         S: h OK done
         C: i SELECT \"台北\"
         S: * OK [CLOSED] the other one is closed
         S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
         S: * 0 EXISTS
         S: * LIST () \"/\" \"台北\"
         S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] kept
         S: * OK [UIDVALIDITY 1002] valid
         S: * OK [UIDNEXT 1] next
         S: i OK [READ-WRITE] done",
    )
    .await;
    assert!(server.mail().folders.contains_key("&U,BTFw-/&ZeVnLIqe-"));
}
