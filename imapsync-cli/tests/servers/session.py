#!/usr/bin/python3
"""A session of python's imaplib with a server: session.py PLAIN_PORT TLS_PORT CA_FILE, user alice, password secret.

STARTTLS on the first port, TLS on the second; the same commands through both, every answer compared with what was stored.
"""
import imaplib
import ssl
import sys
import time

imaplib.Commands.setdefault("MOVE", ("SELECTED",))
MESSAGES = [
    b"Message-Id: <1@x.org>\r\nSubject: one\r\n\r\nFirst\r\n",
    "Message-Id: <2@x.org>\r\nSubject: zwei\r\n\r\nGrüße, 8 bit\r\n".encode(),
    b"Message-Id: <3@x.org>\r\nSubject: long\r\n\r\n" + b"All work and no play.\r\n" * 5000,
]


def ok(answer):
    status, data = answer
    assert status == "OK", answer
    return data


def bodies(imap, numbers):
    data = ok(imap.fetch(numbers, "(UID FLAGS BODY.PEEK[])"))
    return [part[1] for part in data if isinstance(part, tuple)]


def session(imap):
    ok(imap.login("alice", "secret"))
    assert b'(\\HasNoChildren) "/" "INBOX"' in ok(imap.list())
    ok(imap.create("Work/2020"))
    names = sorted(row.decode().rsplit('"/" ', 1)[1] for row in ok(imap.list()))
    assert names == ['"INBOX"', '"Work"', '"Work/2020"'], names
    when = imaplib.Time2Internaldate(time.mktime((2020, 2, 1, 12, 0, 0, 0, 0, 0)))
    for message in MESSAGES:
        ok(imap.append("Work/2020", "(\\Seen $Forwarded)", when, message))
    assert imap.append("Nowhere", None, None, MESSAGES[0])[0] == "NO"
    assert ok(imap.select("Work/2020")) == [b"3"]
    assert ok(imap.search(None, "ALL")) == [b"1 2 3"]
    assert ok(imap.search(None, "SUBJECT", "zwei")) == [b"2"]
    assert ok(imap.uid("SEARCH", "UNSEEN")) == [b""]
    assert bodies(imap, "1:3") == MESSAGES
    [row] = ok(imap.fetch("1", "(FLAGS INTERNALDATE RFC822.SIZE)"))
    assert imaplib.ParseFlags(row) == (b"\\Seen", b"$Forwarded"), row
    assert time.mktime(imaplib.Internaldate2tuple(row)) == time.mktime((2020, 2, 1, 12, 0, 0, 0, 0, 0)), row
    assert b"RFC822.SIZE %d" % len(MESSAGES[0]) in row, row
    [row] = ok(imap.store("2", "+FLAGS", "(\\Flagged)"))
    assert b"\\Flagged" in imaplib.ParseFlags(row), row
    ok(imap.copy("1:2", "INBOX"))
    ok(imap.uid("MOVE", "3", "INBOX"))
    assert ok(imap.search(None, "ALL")) == [b"1 2"]
    ok(imap.store("1", "+FLAGS.SILENT", "(\\Deleted)"))
    # It hands out what has come since it was asked last: that of MOVE, then that of EXPUNGE.
    assert ok(imap.expunge()) == [b"3", b"1"]
    assert bodies(imap, "1:*") == [MESSAGES[1]]
    ok(imap.close())
    assert ok(imap.select("INBOX", readonly=True)) == [b"3"]
    assert bodies(imap, "1:*") == MESSAGES
    assert ok(imap.status("INBOX", "(MESSAGES UNSEEN)")) == [b'"INBOX" (MESSAGES 3 UNSEEN 0)']
    ok(imap.unselect())
    ok(imap.delete("Work/2020"))
    ok(imap.delete("Work"))
    ok(imap.select("INBOX"))
    ok(imap.store("1:*", "+FLAGS.SILENT", "\\Deleted"))
    ok(imap.expunge())
    assert imap.logout()[0] == "BYE"


plain, tls, ca = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
clear = imaplib.IMAP4("localhost", int(plain), timeout=60)
assert "LOGINDISABLED" in clear.capabilities and "STARTTLS" in clear.capabilities
ok(clear.starttls(context))
assert "LOGINDISABLED" not in clear.capabilities
session(clear)
session(imaplib.IMAP4_SSL("localhost", int(tls), ssl_context=context, timeout=60))
print("done")
