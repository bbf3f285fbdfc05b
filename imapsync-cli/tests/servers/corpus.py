"""The mail that the tests are made of: every message is a function of a seed, so two runs fill alike.

A corpus is a list of (folder, flags, internal date, bytes): the folder as a tuple of parts (text, not
encoded), the date as IMAP writes it. A folder that holds nothing stands in FOLDERS or comes with an item
whose bytes are None."""
import base64
import datetime
import random

# The account that is copied round all servers: nested, UTF-8, "&", spaces, a dot inside a part, one empty.
FOLDERS = [
    ("INBOX",), ("Sent",), ("Drafts",), ("Trash",), ("Archive",), ("Archive", "2019"), ("Archive", "2019", "Q1"),
    ("Archive", "2020"), ("Été à la mer",), ("Été à la mer", "Photos"), ("日本語",), ("R&D",), ("R&D", "A & B"),
    ("Two Words",), ("Two Words", "Three Short Words"), ("a.b", "c"), ("Lists",), ("Lists", "rust-users"),
    ("Lists", "Ünïcode"), ("Empty",),
]
FLAGS = ["\\Seen", "\\Answered", "\\Flagged", "\\Draft"]
KEYWORDS = ["$Forwarded", "$Junk", "NonJunk", "Work", "to-do"]
ZONES = ["+0000", "-0800", "+0530", "+1300", "-0330", "+0100"]
WORDS = "the quick brown fox jumps over a lazy dog while rain in Spain falls mainly on every plain".split()


def internal_date(rng):
    """A moment of 2004-2023, in a zone."""
    when = datetime.datetime(2004, 1, 1) + datetime.timedelta(seconds=rng.randrange(20 * 365 * 86400))
    return when.strftime("%d-%b-%Y %H:%M:%S ") + rng.choice(ZONES)


def text(rng, size):
    lines, line, have = [], "", 0
    while have < size:
        line += rng.choice(WORDS) + " "
        if len(line) > 60:
            lines.append(line.rstrip())
            have += len(line) + 1
            line = ""
    return "\r\n".join(lines).encode() + b"\r\n"


def headers(rng, key, subject=None, received=2):
    """The headers that most mail has; Message-Id and Received are unique to key."""
    stamp = "Mon, %d Mar %d 10:%02d:%02d +0100" % (rng.randrange(1, 29), rng.randrange(2004, 2024), rng.randrange(60), rng.randrange(60))
    out = b""
    for hop in range(received):
        out += ("Received: from relay%d.example.net ([192.0.2.%d])\r\n\tby mx%d.example.org with ESMTP id %s%d\r\n\tfor <bob@example.org>; %s\r\n"
                % (hop, rng.randrange(255), hop, key, hop, stamp)).encode()
    out += ("Message-ID: <%s@corpus.example>\r\nDate: %s\r\nFrom: Alice <alice@example.net>\r\nTo: Bob <bob@example.org>\r\n"
            "Subject: %s\r\n" % (key, stamp, subject or "message " + key)).encode()
    return out


def plain(rng, key, size=1500):
    return headers(rng, key) + b"Content-Type: text/plain\r\n\r\n" + text(rng, size)


def multipart(rng, key, size=4000):
    mark = "=_%s_%d" % (key, rng.randrange(10 ** 9))
    blob = base64.encodebytes(rng.randbytes(size * 3 // 4)).replace(b"\n", b"\r\n")
    return (headers(rng, key) + ("MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"%s\"\r\n\r\n" % mark).encode()
            + ("--%s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" % mark).encode() + text(rng, 300)
            + ("--%s\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" % mark).encode()
            + blob + ("--%s--\r\n" % mark).encode())


def eight_bit(rng, key):
    """Raw UTF-8 and Latin-1 in the headers, as bad mailers write them."""
    return (headers(rng, key, subject="x").replace(b"Subject: x", "Subject: Größe ".encode() + b"na\xefve \xe9t\xe9")
            + "X-Comment: 日本語\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n".encode() + "Grüße\r\n".encode() + text(rng, 200))


def odd(rng, key):
    """Mail that is legal or common, and that careless code trips over."""
    kind = rng.randrange(6)
    if kind == 0:       # a header, no body at all
        return headers(rng, key) + b"\r\n"
    if kind == 1:       # lines that look like the mbox format, like SMTP's end, like IMAP
        return headers(rng, key) + b"\r\nFrom here on\r\n.\r\n)\r\nA1 OK done\r\n* BYE\r\n{5}\r\n{10+}\r\n"
    if kind == 2:       # a very long line, a very long header
        return headers(rng, key) + b"X-Long: " + b"y" * 3000 + b"\r\n\r\n" + b"z" * 20000 + b"\r\n"
    if kind == 3:       # the last line has no end
        return headers(rng, key) + b"\r\n" + text(rng, 100) + b"no line end here"
    if kind == 4:       # folded and repeated headers, odd case
        return (headers(rng, key).replace(b"Message-ID:", b"MESSAGE-id:\r\n  ") + b"Subject: a second one\r\n"
                b"X-Folded: a\r\n\tb\r\n c\r\n\r\nbody\r\n")
    return headers(rng, key, received=0) + b"\r\n\r\n\r\nblank lines first\r\n\r\n\r\n"


def acceptance(seed, count, big, folders=FOLDERS):
    """count messages spread over the folders (the last one stays empty), one of big bytes if big is not 0."""
    rng = random.Random(seed)
    out = [(folder, "", "", None) for folder in folders]
    full = [f for f in folders if f != ("Empty",)]
    for n in range(count):
        key = "%s-%d" % (seed, n)
        kind = rng.random()
        if big and n == count // 2:
            body = multipart(rng, key, big)
        elif kind < .60:
            body = plain(rng, key, rng.randrange(200, 4000))
        elif kind < .80:
            body = multipart(rng, key, rng.randrange(1000, 20000))
        elif kind < .92:
            body = eight_bit(rng, key)
        else:
            body = odd(rng, key)
        flags = [f for f in FLAGS if rng.random() < .3] + [k for k in KEYWORDS if rng.random() < .1]
        if rng.random() < .02:
            flags.append("\\Deleted")
        out.append((full[n % len(full)], " ".join(flags), internal_date(rng), body))
    return out


def bulk(seed, count, size, folders):
    """count plain messages of about size bytes in `folders` folders."""
    rng = random.Random(seed)
    names = [("INBOX",)] + [("Bulk", str(n)) for n in range(1, folders)]
    body = text(rng, size)
    out = []
    for n in range(count):
        head = headers(rng, "%s-%d" % (seed, n)) + b"\r\n"
        out.append((names[n * folders // count], "\\Seen" if n % 2 else "", internal_date(rng),
                    head + body[len(head) % 64:][:max(0, size - len(head) - 2)] + b"\r\n"))
    return out


def identity(seed):
    """Acceptance 2: what a naive identity loses or doubles. 17 messages, of which 16 are distinct."""
    rng = random.Random(seed)
    folder = ("Identity",)
    mails = []
    for n in range(5):      # neither Message-Id nor Received
        mails.append(("From: cron%d@example.org\r\nTo: root@example.org\r\nSubject: job %d\r\n"
                      "Date: Tue, 2 Mar 2010 04:0%d:00 +0000\r\n\r\noutput %d\r\n" % (n, n, n, n)).encode())
    mails += [b"\r\nno header, first\r\n", b"\r\nno header, second\r\n"]
    shared = headers(rng, "shared-%s" % seed)
    mails += [shared + b"\r\nfirst body of 23 byte\r\n", shared + b"\r\nother body of 23 byte\r\n", shared + b"\r\nlonger: a mailing list added its footer\r\n"]
    twin = plain(rng, "twin-%s" % seed, 300)
    mails += [twin, twin]
    mails += [plain(rng, "single-%s-%d" % (seed, n), 300) for n in range(5)]
    return [(folder, "\\Seen" if n % 3 == 0 else "", internal_date(rng), mail) for n, mail in enumerate(mails)]


def adoption(seed, headerless=True):
    """Acceptance 3: an account that another tool has copied before; headerless mail in its own folder."""
    rng = random.Random(seed)
    out = []
    for n in range(40):
        folder = [("INBOX",), ("Work",), ("Work", "Été")][n % 3]
        body = eight_bit(rng, "ad-%s-%d" % (seed, n)) if n % 7 == 0 else plain(rng, "ad-%s-%d" % (seed, n), 700)
        out.append((folder, rng.choice(FLAGS), internal_date(rng), body))
    if headerless:
        for n in range(6):
            out.append((("Headerless",), "", internal_date(rng),
                        ("From: robot@example.org\r\nSubject: report %d\r\nDate: Fri, 5 Feb 2010 04:0%d:00 +0000\r\n\r\nline %d\r\n" % (n, n, n)).encode()))
    return out


def refused(seed):
    """Mail and folders that one server or another takes and the next refuses or rewrites."""
    rng = random.Random(seed)
    return [
        (("INBOX",), "", internal_date(rng), plain(rng, "good-%s" % seed, 300)),
        (("INBOX",), "", internal_date(rng), b"no colon in this header line\r\nSubject: headerless\r\n\r\nbody\r\n"),
        (('say "hi"',), "", internal_date(rng), plain(rng, "quotes-%s" % seed, 300)),
        (("party 🎉",), "", internal_date(rng), plain(rng, "emoji-%s" % seed, 300)),
        (("Plain",), "", internal_date(rng), plain(rng, "plain-%s" % seed, 300)),
    ]


def batch(seed, count, size=1200):
    """count messages for INBOX and two folders, some marked \\Deleted by their owner."""
    rng = random.Random(seed)
    return [([("INBOX",), ("Crash",), ("Crash", "Deep")][n % 3], "\\Deleted" if n % 17 == 5 else rng.choice(FLAGS), internal_date(rng),
             plain(rng, "%s-%d" % (seed, n), rng.randrange(200, 2 * size))) for n in range(count)]
