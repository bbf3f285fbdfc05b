//! Identity: the rungs, what servers rewrite, and `HEADER.FIELDS` answers made another way.

use super::*;
use proptest::prelude::*;

fn rules() -> IdentityRules {
    IdentityRules::default()
}

fn key(text: &str) -> Key {
    Key(blake3::hash(text.as_bytes()).as_bytes()[..16].try_into().unwrap())
}

#[test]
fn the_key_stays_the_same_across_releases() {
    let message = b"Subject: x\r\nreceived: from  B\r\n\tby c;\r\n date \r\nMessage-ID:<\xe9a@b>\r\nReceived: from a\r\n\r\nbody\r\n";
    let found = rules().from_message(message);
    assert_eq!(
        found.key,
        key("imapsync key 1\nMESSAGE-ID: <XA@B>\nRECEIVED: FROM A\nRECEIVED: FROM B BY C; DATE\n")
    );
    let id = blake3::hash(b"<XA@B>").as_bytes()[..8].try_into().unwrap();
    assert_eq!(found.message_id, u64::from_be_bytes(id));

    let fallback = rules().from_message(b"X: y\r\nTo: b\r\nSubject: \r\nFrom: a\r\n\r\nbody\r\n");
    assert_eq!(fallback, Identity { key: key("imapsync key 2\nFROM: A\nTO: B\n"), message_id: 0 });

    let body = [&b"imapsync key 3\n"[..], &blake3::hash(b"imapsync body 1\nbody").as_bytes()[..16]].concat();
    let body = Key(blake3::hash(&body).as_bytes()[..16].try_into().unwrap());
    assert_eq!(rules().from_message(b"X: y\r\n\r\nbody\r\n"), Identity { key: body, message_id: 0 });

    let rewrite = rewrite_key(b"Subject: s\r\nTo: t\r\nDate: d\r\nFrom: f\r\n\r\n").map(Key);
    assert_eq!(rewrite, Some(key("imapsync rewrite 1\nDATE: D\nFROM: F\nSUBJECT: S\n")));
    assert_eq!(std::mem::size_of::<Identity>(), 24);
}

#[test]
fn the_same_message_from_other_servers() {
    let message = b"Message-Id: <\xe9\0@b>\r\nReceived: from x\r\n\tby y\r\nReceived: q\rr\r\n\r\nbody\r\n";
    let same: &[&[u8]] = &[
        // HEADER.FIELDS of Dovecot, of Courier (drops the bare CR, keeps the NUL), of one that answers in another order.
        b"Message-Id: <\xe9\x80@b>\r\nReceived: from x\r\n\tby y\r\nReceived: q\rr\r\n\r\n",
        b"Message-Id: <\xe9\0@b>\r\nReceived: from x\r\n\tby y\r\nReceived: qr\r\n\r\n",
        b"Received: q\rr\r\nReceived: from x\r\n\tby y\r\nMessage-Id: <\xe9\0@b>\r\n",
        // Cyrus with munge8bit; folds rewritten; bare LF; no blank line at the end.
        b"Message-Id: <XX@b>\nReceived: from x by y\nReceived:\n q\rr\n\n",
        b"MESSAGE-ID:<XX@b>  \r\nRECEIVED:\tfrom x\r\n   by  y\r\nreceived: q\rr",
        // Text above and between the fields.
        b"From a@b 10:00\r\nHello\r\n\tfold\r\nMessage-Id: <XX@b>\r\nReceived: q\rr\r\nX\r\nReceived: from x by y\r\n\r\n",
    ];
    for (n, other) in same.iter().enumerate() {
        assert_eq!(rules().from_wanted(other), Some(rules().from_message(message)), "{n}");
    }
    let others: &[&[u8]] = &[
        b"Message-Id: <XX@b>\r\nReceived: from x by y\r\n\r\n",
        b"Message-Id: <XX@b>\r\nReceived: from x by y\r\nReceived: qr\r\nReceived: qr\r\n\r\n",
        b"Received: from x by y\r\nReceived: qr\r\n\r\n",
        b"Message-Id : <XX@b>\r\nReceived: from x by y\r\nReceived: qr\r\n\r\n",
    ];
    for (n, other) in others.iter().enumerate() {
        assert_ne!(rules().from_wanted(other), Some(rules().from_message(message)), "{n}");
    }
}

#[test]
fn empty_and_added_headers_count_as_absent() {
    let rules = rules();
    for absent in [
        &b""[..],
        b"\r\n",
        b"Message-Id:\r\nReceived: \r\n \r\n\r\n",
        b"Message-Id: <5@imapsync>\r\n\r\n",
        b"message-id:\r\n\t<123456@IMAPSYNC>\r\n",
        b"Subject: x\r\n\r\nMessage-Id: <a@b>\r\n",
    ] {
        assert_eq!(rules.from_wanted(absent), None, "{}", String::from_utf8_lossy(absent));
    }
    for there in ["<@imapsync>", "<5x@imapsync>", "<5@imapsync.org>", "5@imapsync", "<5@imapsync> (added)"] {
        let found = rules.from_wanted(format!("Message-Id: {there}\r\n").as_bytes());
        assert!(found.is_some_and(|found| found.message_id != 0), "{there}");
    }
    let received = rules.from_wanted(b"Received: a\r\n").unwrap();
    assert_eq!(received.message_id, 0);
    assert_eq!(rules.from_wanted(b"Message-Id: <5@imapsync>\r\nReceived: a\r\n"), Some(received));
}

#[test]
fn what_an_append_loop_put_in_front_changes_nothing() {
    let rules = rules();
    let messages = [
        "Just text\r\nmore: text\r\n",
        "\r\nJust text\r\n",
        "X-Foo: bar\r\n\r\nJust text\r\n",
        "From: a\r\nSubject: b\r\n\r\nJust text\r\n",
        "",
    ];
    for message in messages {
        for mark in
            ["Message-Id: <5@imapsync>\r\n", "Message-Id: <5@imapsync>\r\n\r\n", "X-TUID: abcdefghijkl\r\n"]
        {
            // A blank line in front of a real header ends it: no loop that works does that.
            if message.starts_with("From") && mark.ends_with("\r\n\r\n") {
                continue;
            }
            let copy = format!("{mark}{message}");
            assert_eq!(
                rules.from_message(message.as_bytes()),
                rules.from_message(copy.as_bytes()),
                "{copy:?}"
            );
        }
    }
    let keys = messages.map(|message| rules.from_message(message.as_bytes()).key);
    assert_ne!(keys[0], keys[1]);
    assert_ne!(keys[2], keys[3]);
}

#[test]
fn other_headers_can_be_wanted() {
    let message = b"Subject: a\r\nX-Id: 1\r\nMessage-Id: <a@b>\r\nX-TUID: abc\r\n\r\nbody";
    let rules = IdentityRules { headers: vec!["x-id".to_owned()] };
    assert_eq!(rules.wanted(), ["x-id"]);
    let found = rules.from_message(message);
    assert_eq!(found, Identity { key: key("imapsync key 1\nX-ID: 1\n"), message_id: 0 });

    let rules = IdentityRules { headers: vec!["all".to_owned()] };
    assert!(rules.wants_all() && rules.wanted().is_empty());
    assert_eq!(
        rules.from_message(message).key,
        key("imapsync key 1\nMESSAGE-ID: <A@B>\nSUBJECT: A\nX-ID: 1\n")
    );
}

#[test]
fn huge_headers_have_an_identity() {
    let many = b"Received: from the same old host by the same old host\r\n".repeat(200_000);
    assert!(rules().from_header(&many).is_some());
    let long = [&b"Message-Id: <a@b>\r\nReceived:"[..], &b" x\r\n".repeat(2_500_000)].concat();
    assert!(rules().from_header(&long).is_some());
}

/// What a server answers to `HEADER.FIELDS (Message-Id Received)`: whole lines cut out of the message by a regular
/// expression.
fn header_fields(message: &str) -> String {
    let header = regex::Regex::new(r"\A\n|\n\n").unwrap().split(message).next().unwrap_or_default();
    let field = regex::Regex::new(r"(?im)^(?:message-id|received):[^\n]*(?:\n[ \t][^\n]*)*").unwrap();
    field
        .find_iter(&format!("{header}\n"))
        .map(|found| format!("{}\r\n", found.as_str().trim_end_matches('\n')))
        .collect()
}

proptest! {
    #[test]
    fn a_message_and_its_header_fields_agree(lines in prop::collection::vec(
        prop_oneof![
            Just("Message-Id: <a@b>"), Just("message-id:"), Just("Received: from x"), Just("RECEIVED:\ty  "),
            Just(" fold"), Just("\t"), Just("text"), Just("Subject: x"), Just("Received : z"), Just(""), Just("From a b"),
            Just("Message-Id: <7@imapsync>"), Just("Message-Idx: q"), Just(":"),
        ], 0..10), blank in any::<bool>()) {
        let message = lines.join("\n");
        let answer = header_fields(&message) + if blank { "\r\n" } else { "" };
        let from_message = rules().from_wanted(message.replace('\n', "\r\n").as_bytes());
        prop_assert_eq!(rules().from_wanted(answer.as_bytes()), from_message, "{:?}", answer);
        prop_assert_eq!(rules().from_wanted(message.as_bytes()), from_message);
        prop_assert_eq!(rules().from_header(message.as_bytes()).is_some(), from_message.is_some() || rules().from_fallback(message.as_bytes()).is_some());
    }

    #[test]
    fn any_bytes_have_an_identity(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let all = IdentityRules { headers: vec!["ALL".to_owned()] };
        prop_assert_eq!(all.from_message(&bytes), all.from_message(&bytes.clone()));
        rewrite_key(&bytes);
    }
}
