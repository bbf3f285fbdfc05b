//! Messages: APPEND, FETCH, SEARCH, COPY and MOVE, as RFC 9051 and its extensions show them.

use crate::transcript::{Talk, clean, server};

/// RFC 3502: several at once, all or none; RFC 7888: what may be announced without waiting.
#[tokio::test(start_paused = true)]
async fn appending() {
    let server = server("IMAP4rev1 UIDPLUS MULTIAPPEND LITERAL-", 0);
    let mut talk = Talk::selected(&server, "").await;
    talk.plays(
        "C: a APPEND INBOX (\\Seen) \"07-Feb-1994 21:52:25 -0800\" {12}
         S: + go on
         C: Subject: one (\\Flagged $Junk) {12+}
         C: Subject: two
         S: a OK [APPENDUID 1001 1:2] done
         C: b APPEND Nowhere {12}
         S: b NO [TRYCREATE] no such folder
         C: c EXAMINE INBOX
         S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)
         S: * 2 EXISTS
         S: * 0 RECENT
         S: * OK [UNSEEN 2] the first one
         S: * OK [PERMANENTFLAGS ()] kept
         S: * OK [UIDVALIDITY 1001] valid
         S: * OK [UIDNEXT 3] next
         S: c OK [READ-ONLY] done
         C: d FETCH 1:2 (FLAGS INTERNALDATE RFC822.SIZE)
         S: * 1 FETCH (FLAGS (\\Seen) INTERNALDATE \"07-Feb-1994 21:52:25 -0800\" RFC822.SIZE 12)
         S: * 2 FETCH (FLAGS (\\Flagged $Junk) INTERNALDATE \"25-Nov-2026 12:00:00 +0000\" RFC822.SIZE 12)
         S: d OK done",
    )
    .await;
    clean(&server);
    talk.plays("C: e APPEND INBOX {4097+}\nS: e BAD no such literal here").await;
    assert_eq!(server.mail().offences.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn parts_of_a_message() {
    let server = server("IMAP4rev1", 0);
    let message = "From: a@x.org\r\nSubject: a\r\n b\r\nTo: c\r\n\r\nBody\r\n";
    server.mail().folder("INBOX").add(message, &[]);
    let mut talk = Talk::selected(&server, "SELECT INBOX").await;
    talk.plays(
        "C: a FETCH 1 (BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[TEXT] BODY.PEEK[]<6.7>)
         S: * 1 FETCH (BODY[HEADER.FIELDS (Subject)] {18}
         S: Subject: a
         S:  b
         S: 
         S:  BODY[TEXT] {6}
         S: Body
         S:  BODY[]<6> {7}
         S: a@x.org)
         S: a OK done
         C: b UID FETCH 1 (RFC822.HEADER)
         S: * 1 FETCH (UID 1 RFC822.HEADER {40}
         S: From: a@x.org
         S: Subject: a
         S:  b
         S: To: c
         S: 
         S: )
         S: b OK done
         C: c FETCH 1 BODY[TEXT]
         S: * 1 FETCH (BODY[TEXT] {6}
         S: Body
         S:  FLAGS (\\Seen))
         S: c OK done
         C: d FETCH 1 (UID FLAGS)
         S: * 1 FETCH (UID 1 FLAGS (\\Seen))
         S: d OK done",
    )
    .await;
    clean(&server);
}

/// RFC 9051, section 6.4.4; RFC 4731; RFC 5182; RFC 9394.
#[tokio::test(start_paused = true)]
async fn searching() {
    let server = server("IMAP4rev1 ESEARCH SEARCHRES PARTIAL", 10);
    {
        let mut mail = server.mail();
        let inbox = mail.folder("INBOX");
        inbox.expunge(|message| message.uid == 5);
        for uid in [2, 3, 9] {
            inbox.flag(uid, |flags| flags.push("\\Flagged".to_owned()));
        }
        inbox.messages[0].date = "01-Feb-1994 00:00:00 +0000".into();
    }
    let mut talk = Talk::selected(&server, "SELECT INBOX").await;
    talk.plays(
        "C: a SEARCH FLAGGED
         S: * SEARCH 2 3 8
         S: a OK done
         C: b UID SEARCH FLAGGED NOT (SUBJECT 2)
         S: * SEARCH 3 9
         S: b OK done
         C: c UID SEARCH OR SUBJECT 10 BEFORE 2-Feb-1994
         S: * SEARCH 1 10
         S: c OK done
         C: d SEARCH 5:*
         S: * SEARCH 5 6 7 8 9
         S: d OK done
         C: e UID SEARCH UID 5:7,1
         S: * SEARCH 1 6 7
         S: e OK done
         C: f SEARCH RETURN (MIN COUNT) FLAGGED
         S: * ESEARCH (TAG \"f\") MIN 2 COUNT 3
         S: f OK done
         C: g UID SEARCH RETURN () ALL
         S: * ESEARCH (TAG \"g\") UID ALL 1:4,6:10
         S: g OK done
         C: h SEARCH RETURN (MIN MAX) DELETED
         S: * ESEARCH (TAG \"h\")
         S: h OK done
         C: i UID SEARCH RETURN (SAVE) FLAGGED
         S: i OK done
         C: j FETCH $ (UID)
         S: * 2 FETCH (UID 2)
         S: * 3 FETCH (UID 3)
         S: * 8 FETCH (UID 9)
         S: j OK done
         C: k UID SEARCH RETURN (PARTIAL 3:5 COUNT) ALL
         S: * ESEARCH (TAG \"k\") UID PARTIAL (3:5 3:4,6) COUNT 9
         S: k OK done
         C: l UID SEARCH RETURN (PARTIAL -1:-2) ALL
         S: * ESEARCH (TAG \"l\") UID PARTIAL (-1:-2 9:10)
         S: l OK done
         C: m UID SEARCH RETURN (PARTIAL 30:50) ALL
         S: * ESEARCH (TAG \"m\") UID PARTIAL (30:50 NIL)
         S: m OK done
         C: n UID FETCH 1:* (UID) (PARTIAL -1:-2)
         S: * 8 FETCH (UID 9)
         S: * 9 FETCH (UID 10)
         S: n OK done
         C: o SEARCH CHARSET KLINGON ALL
         S: o NO [BADCHARSET (UTF-8 US-ASCII)] no such charset
         C: p UID SEARCH LARGER 22
         S: * SEARCH 10
         S: p OK done",
    )
    .await;
    clean(&server);
}

/// RFC 4315, section 3; RFC 6851, section 3.3.
#[tokio::test(start_paused = true)]
async fn copying_and_moving() {
    let server = server("IMAP4rev1 UIDPLUS MOVE OBJECTID", 5);
    server.mail().folder("foo").add("there before", &[]);
    let mut talk = Talk::selected(&server, "SELECT INBOX").await;
    talk.plays(
        "C: a COPY 2:3,5 foo
         S: a OK [COPYUID 1002 2:3,5 2:4] done
         C: b COPY 1 nowhere
         S: b NO [TRYCREATE] no such folder
         C: c UID MOVE 1:2,4,99 foo
         S: * OK [COPYUID 1002 1:2,4 5:7] moved
         S: * 1 EXPUNGE
         S: * 1 EXPUNGE
         S: * 2 EXPUNGE
         S: c OK done
         C: d FETCH 1:* (UID EMAILID)
         S: * 1 FETCH (UID 3 EMAILID (M3e900000003))
         S: * 2 FETCH (UID 5 EMAILID (M3e900000005))
         S: d OK done
         C: e STORE 1:2 +FLAGS.SILENT (\\Deleted)
         S: e OK done
         C: f UID EXPUNGE 1:3
         S: * 1 EXPUNGE
         S: f OK done
         C: g EXPUNGE
         S: * 1 EXPUNGE
         S: g OK done",
    )
    .await;
    // The same identity in the other folder.
    let ids: Vec<u64> = server.messages("foo").iter().map(|message| message.id & 0xFFFF).collect();
    assert_eq!(ids, [1, 2, 3, 5, 1, 2, 4]);
    clean(&server);
}

/// Gmail's extensions (developers.google.com/gmail/imap/imap-extensions).
#[tokio::test(start_paused = true)]
async fn gmail() {
    let server = server("IMAP4rev1 X-GM-EXT-1", 0);
    {
        let mut mail = server.mail();
        let inbox = mail.folder("INBOX");
        inbox.add("Message-Id: <a@x.org>\r\nSubject: Hello\r\n\r\nworld\r\n", &[]);
        inbox.add("Message-Id: <b@x.org>\r\n\r\n", &[]);
        inbox.messages[0].id = 1278455344230334865;
    }
    let mut talk = Talk::selected(&server, "SELECT INBOX").await;
    talk.plays(
        "C: a FETCH 1 (X-GM-MSGID X-GM-THRID)
         S: * 1 FETCH (X-GM-MSGID 1278455344230334865 X-GM-THRID 1278455344230334865)
         S: a OK done
         C: b STORE 1 +X-GM-LABELS (foo \"two words\" \\Starred)
         S: * 1 FETCH (X-GM-LABELS (foo \"two words\" \\Starred))
         S: b OK done
         C: c UID SEARCH X-GM-RAW \"rfc822msgid:<a@x.org>\"
         S: * SEARCH 1
         S: c OK done
         C: d UID SEARCH X-GM-MSGID 1278455344230334865
         S: * SEARCH 1
         S: d OK done
         C: e UID SEARCH X-GM-RAW \"label:foo HELLO\"
         S: * SEARCH 1
         S: e OK done
         C: f STORE 1 -X-GM-LABELS (foo \"two words\")
         S: * 1 FETCH (X-GM-LABELS (\\Starred))
         S: f OK done",
    )
    .await;
    clean(&server);
}

/// RFC 9051, section 5.5: answers to commands that do not depend on each other may come in any order; those that do
/// depend on each other come in theirs.
#[tokio::test(start_paused = true)]
async fn answers_overtake_each_other() {
    let server = server("IMAP4rev1 UIDPLUS LITERAL+", 2);
    server.mail().folder("A");
    server.mail().quirks.reorders = true;
    let mut talk = Talk::selected(&server, "SELECT INBOX").await;
    talk.plays(
        "C: a UID FETCH 1 (FLAGS)
         C: b STATUS A (MESSAGES)
         C: c APPEND A {3+}
         C: x y
         C: d APPEND A {3+}
         C: y z
         C: e CREATE B
         C: f LIST \"\" %
         C: g UID STORE 1 +FLAGS (\\Seen)
         S: * STATUS \"A\" (MESSAGES 0)
         S: b OK done
         S: * 1 FETCH (UID 1 FLAGS ())
         S: a OK done
         S: e OK done
         S: d OK [APPENDUID 1002 2] done
         S: c OK [APPENDUID 1002 1] done
         S: * LIST () \"/\" \"A\"
         S: * LIST () \"/\" \"B\"
         S: * LIST () \"/\" \"INBOX\"
         S: f OK done
         S: * 1 FETCH (UID 1 FLAGS (\\Seen))
         S: g OK done",
    )
    .await;
    clean(&server);
}

/// Noise between the lines, all of it true.
#[tokio::test(start_paused = true)]
async fn noise() {
    let server = server("IMAP4rev1", 3);
    let mut talk = Talk::selected(&server, "SELECT INBOX").await;
    server.mail().quirks.noise = true;
    server.mail().folder("INBOX").expunge(|message| message.uid == 2);
    talk.plays(
        "C: a UID FETCH 1,3 (FLAGS)
         S: * 1 FETCH (UID 1 FLAGS ())
         S: * OK still here
         S: * 3 FETCH (UID 3 FLAGS ())
         S: * 3 EXISTS
         S: a OK done
         S: * OK still here
         C: b NOOP
         S: * 2 EXPUNGE
         S: * OK still here
         S: b OK done
         S: * 2 EXISTS
         C: c UNSELECT
         S: c BAD what
         S: * OK still here
         C: d CLOSE
         S: d OK done
         S: * OK still here
         C: e LIST \"\" %
         S: * LIST () \"/\" \"INBOX\"
         S: * OK still here
         S: e OK done
         S: * OK still here",
    )
    .await;
    clean(&server);
}
