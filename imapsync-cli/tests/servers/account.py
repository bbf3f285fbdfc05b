#!/usr/bin/env python3
"""account.py: an IMAP client of its own (python's imaplib, nothing of imapsync) to fill, read and compare accounts.

  account.py dump HOST PORT USER PASS                  every folder and message as JSON
  account.py fill HOST PORT USER PASS CORPUS [ARG...]  CORPUS is a function of corpus.py; ARGs are numbers or words
  account.py put HOST PORT USER PASS FOLDER FLAGS DATE < MESSAGE
  account.py copy HOST PORT1 USER1 PORT2 USER2 PASS [--addheader] [--drop-received] [--add-received]
                                                       the plain APPEND loop that many tools are
  account.py compare A.json B.json [what differs on purpose, see compare()]
  account.py join A.json B.json ...                    several dumps as one
  account.py survive ALL.json SOURCE.json TARGET.json  in a move that was broken off: is every message of ALL in one of the
                                                       two, and none twice or with another flag in TARGET?
  account.py maildir DIR COUNT SIZE [GIANT]            COUNT messages (and one of GIANT bytes) written as Maildir files
Folder names on the command line and in "path" are text with "/" between the parts and without the server's prefix."""
import sys

sys.dont_write_bytecode = True
import argparse
import base64
import calendar
import collections
import hashlib
import imaplib
import json
import os
import re
import socket
import time

import corpus

imaplib._MAXLINE = 64 << 20


def decode_name(raw):
    """Modified UTF-7 (RFC 3501 5.1.3) to text."""
    def part(match):
        code = match.group(1)
        return "&" if not code else base64.b64decode(code.replace(",", "/") + "===").decode("utf-16-be")
    return re.sub(r"&([^-]*)-", part, raw)


def encode_name(text):
    out = []
    for piece in re.findall(r"[ -~]+|[^ -~]+", text):
        if " " <= piece[0] <= "~":
            out.append(piece.replace("&", "&-"))
        else:
            out.append("&" + base64.b64encode(piece.encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-")
    return "".join(out)


def quote(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def normalise(body):
    """What servers rewrite without being asked: line ends, bare CR, NUL, the final line end."""
    body = re.sub(rb"\r+\n", b"\n", body.replace(b"\0", b"\x80")).replace(b"\r", b"")
    return body if body.endswith(b"\n") else body + b"\n"


def epoch(date):
    """Seconds since 1970 of an IMAP date-time."""
    m = re.match(r"\s*(\d+)-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)", date)
    month = "JanFebMarAprMayJunJulAugSepOctNovDec".index(m[2]) // 3 + 1
    zone = (int(m[8]) * 60 + int(m[9])) * 60 * (-1 if m[7] == "-" else 1)
    return calendar.timegm((int(m[3]), month, int(m[1]), int(m[4]), int(m[5]), int(m[6]))) - zone


class Account:
    def __init__(self, host, port, user, password):
        self.imap = imaplib.IMAP4(host, int(port))
        # imaplib sends an APPEND in several writes: with Nagle's delay each would cost 40 ms.
        self.imap.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.imap.login(user, password)
        self.capabilities = self.imap.capability()[1][0].decode().upper().split()
        self.separator, self.prefix = "/", ""
        for _, separator, _ in self.listing("LIST", '"" ""'):
            self.separator = separator or "/"
        if "NAMESPACE" in self.capabilities:
            found = re.match(r'\(\("((?:[^"\\]|\\.)*)" ', self.imap.namespace()[1][0].decode())
            self.prefix = found.group(1) if found else ""

    def listing(self, verb, args='"" "*"'):
        """(attributes, separator, raw name) of each line of a LIST or LSUB."""
        typ, rows = self.imap._simple_command(verb, args)
        typ, rows = self.imap._untagged_response(typ, rows, verb)
        for row in rows:
            if not row:
                continue
            literal = None
            if isinstance(row, tuple):
                row, literal = row[0], row[1].decode("latin-1")
            m = re.match(r'\((.*?)\) (?:"((?:[^"\\]|\\.)*)"|NIL) (.*)$', row.decode("latin-1"), re.I | re.S)
            name = literal if literal is not None else m[3]
            if literal is None and name.startswith('"'):
                name = re.sub(r"\\(.)", r"\1", name[1:-1])
            yield m[1].split(), re.sub(r"\\(.)", r"\1", m[2] or ""), name

    def raw(self, parts):
        """A folder's name on this server. A separator inside a part becomes "_" ."""
        parts = [p.replace(self.separator, "_") for p in parts]
        name = encode_name(self.separator.join(parts))
        return name if parts[0].upper() == "INBOX" else self.prefix + name

    def path(self, raw):
        """The inverse of raw(): parts joined by "/"."""
        if raw.upper() == "INBOX":
            return "INBOX"
        if self.prefix and raw.startswith(self.prefix):
            raw = raw[len(self.prefix):]
        return "/".join(decode_name(p) for p in raw.split(self.separator))

    def select(self, raw, readonly=True):
        typ, data = self.imap.select(quote(raw), readonly)
        return typ == "OK"

    def fetch(self, raw, bodies=True):
        """The messages of a folder: dicts, in the order of UIDs."""
        out = []
        if not self.select(raw):
            return None
        uids = self.imap.uid("SEARCH", "ALL")[1][0]
        uids = sorted(int(u) for u in uids.split()) if uids else []
        step = 500
        for at in range(0, len(uids), step):
            some = uids[at:at + step]
            items = "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])" if bodies else "(UID FLAGS INTERNALDATE RFC822.SIZE)"
            typ, rows = self.imap.uid("FETCH", "%d:%d" % (some[0], some[-1]), items)
            text, body = "", None
            for row in rows:
                if isinstance(row, tuple):
                    text, body = row[0].decode("latin-1"), row[1]
                    continue
                if row is None:
                    continue
                text += row.decode("latin-1")
                if re.search(r"\bUID (\d+)", text) and "INTERNALDATE" in text and (body is not None or not bodies):
                    one = {
                        "uid": int(re.search(r"\bUID (\d+)", text)[1]),
                        "flags": sorted({f for f in re.search(r"FLAGS \(([^)]*)\)", text)[1].split() if f != "\\Recent"}),
                        "date": epoch(re.search(r'INTERNALDATE "([^"]*)"', text)[1]),
                        "size": int(re.search(r"RFC822\.SIZE (\d+)", text)[1]),
                    }
                    if bodies:
                        one["sha256"] = hashlib.sha256(body).hexdigest()
                        one["normalised"] = hashlib.sha256(normalise(body)).hexdigest()
                        head = body[:4000].split(b"\r\n\r\n")[0].decode("latin-1")
                        found = re.search(r"^Subject: *(.*?)\s*$", head, re.I | re.M) or re.search(r"^Message-id:\s*(.*?)\s*$", head, re.I | re.M)
                        one["subject"] = found[1] if found else ""
                    out.append(one)
                text, body = "", None
        if len(out) != len(uids):
            raise SystemExit("account.py: %s: %d of %d messages read" % (raw, len(out), len(uids)))
        return out

    def dump(self, bodies=True):
        subscribed = {name for _, _, name in self.listing("LSUB")}
        folders = []
        for attributes, _, raw in self.listing("LIST"):
            if "\\noselect" in (a.lower() for a in attributes) or "\\nonexistent" in (a.lower() for a in attributes):
                continue
            messages = self.fetch(raw, bodies)
            if messages is None:        # Dovecot's Maildir lists deleted parents as if they were there
                continue
            folders.append({"raw": raw, "name": decode_name(raw), "path": self.path(raw), "attributes": attributes,
                            "subscribed": raw in subscribed, "messages": messages})
        return {"separator": self.separator, "prefix": self.prefix, "folders": sorted(folders, key=lambda f: f["path"])}

    def fill(self, items, subscribe=True):
        groups = collections.OrderedDict()
        for folder, flags, date, body in items:
            groups.setdefault(folder, [])
            if body is not None:
                groups[folder].append((flags, date, body))
        for folder, mails in groups.items():
            raw = self.raw(folder)
            self.imap.create(quote(raw))
            if subscribe:
                self.imap.subscribe(quote(raw))
            if "LITERAL+" in self.capabilities and "MULTIAPPEND" in self.capabilities:
                for at in range(0, len(mails), 50):
                    self.multiappend(raw, mails[at:at + 50])
            else:
                for flags, date, body in mails:
                    self.append(raw, flags, date, body)
        return sum(len(m) for m in groups.values())

    def append(self, raw, flags, date, body):
        # imaplib would make every bare LF and CR a CRLF; what we were given is what is sent.
        eol, imaplib.MapCRLF = imaplib.MapCRLF, re.compile(rb"(?!)")
        try:
            typ, data = self.imap.append(quote(raw), flags and "(%s)" % flags, '"%s"' % date, body)
        finally:
            imaplib.MapCRLF = eol
        if typ != "OK":
            raise SystemExit("account.py: APPEND to %s: %s %s" % (raw, typ, data))

    def multiappend(self, raw, mails):
        tag = self.imap._new_tag()
        out = [tag, b" APPEND ", quote(raw).encode()]
        for flags, date, body in mails:
            out.append(b' (%s) "%s" {%d+}\r\n' % (flags.encode(), date.encode(), len(body)))
            out.append(body)
        self.imap.send(b"".join(out) + b"\r\n")
        while True:
            line = self.imap.readline()
            if not line or line.startswith(tag):
                break
        if line[len(tag):len(tag) + 3] != b" OK":
            raise SystemExit("account.py: APPEND to %s: %r" % (raw, line))

    def close(self):
        self.imap.logout()


def copy(source, target, addheader, drop_received, add_received):
    """The loop of a simple tool: FETCH one, APPEND one, with what some of them do to the headers."""
    for attributes, _, raw in source.listing("LIST"):
        if "\\noselect" in (a.lower() for a in attributes) or not source.select(raw):
            continue
        parts = source.path(raw).split("/")
        there = target.raw(parts)
        target.imap.create(quote(there))
        target.imap.subscribe(quote(there))
        uids = source.imap.uid("SEARCH", "ALL")[1][0] or b""
        for uid in uids.split():
            rows = source.imap.uid("FETCH", uid.decode(), "(FLAGS INTERNALDATE BODY.PEEK[])")[1]
            head, body = next(r for r in rows if isinstance(r, tuple))
            text = (head + b"".join(r for r in rows if isinstance(r, bytes))).decode("latin-1")
            flags = " ".join(f for f in re.search(r"FLAGS \(([^)]*)\)", text)[1].split() if f != "\\Recent")
            date = re.search(r'INTERNALDATE "([^"]*)"', text)[1]
            header = body.split(b"\r\n\r\n")[0] + b"\r\n"
            if addheader and not re.search(rb"^(message-id|received):", header, re.I | re.M):
                body = b"Message-Id: <" + uid + b"@imapsync>\r\n" + body
            if drop_received:
                body = re.sub(rb"\AReceived:.*\r\n(?:[ \t].*\r\n)*", b"", body)
            if add_received:
                body = b"Received: from mover.example.org by store.example.org with LMTP id x%s;\r\n\tThu, 1 Jan 2015 00:00:00 +0000\r\n" % uid + body
            target.append(there, flags, date, body)


def compare(argv):
    p = argparse.ArgumentParser(prog="account.py compare")
    p.add_argument("a")
    p.add_argument("b")
    p.add_argument("--map", action="append", default=[], metavar="A=B", help="folder A of the first is called B in the second")
    p.add_argument("--missing", action="append", default=[], metavar="FOLDER", help="this folder of A is not in B")
    p.add_argument("--extra", action="append", default=[], metavar="FOLDER", help="this folder is in B only")
    p.add_argument("--missing-message", action="append", default=[], metavar="SUBJECT", help="this message of A is not in B")
    p.add_argument("--rewritten", action="append", default=[], metavar="REASON",
                   help="bytes may differ as normalise() says; the messages that do are named on standard output")
    p.add_argument("--once", action="store_true", help="messages that A holds twice are in B once")
    p.add_argument("--subset", action="store_true", help="B may lack messages, but have none that A lacks and none twice")
    p.add_argument("--ignore-flag", action="append", default=[])
    p.add_argument("--unmarked", action="store_true", help="messages of B may lack \\Deleted, but never have it where A has not")
    p.add_argument("--no-subscriptions", action="store_true")
    o = p.parse_args(argv)
    a, b = load(o.a), load(o.b)
    names = dict(m.split("=", 1) for m in o.map)
    wrong, rewritten = [], []
    there = {f["path"]: f for f in b["folders"]}
    parents = set()
    for f in a["folders"]:
        name = names.get(f["path"], f["path"])
        while "/" in name:
            name = name.rsplit("/", 1)[0]
            parents.add(name)
    total = 0
    for f in a["folders"]:
        name = names.get(f["path"], f["path"])
        g = there.pop(name, None)
        if f["path"] in o.missing:
            if g is not None:
                wrong.append("folder %s is there and should not be" % name)
            continue
        if g is None:
            if not o.subset:
                wrong.append("folder %s is missing" % name)
            continue
        if f["subscribed"] and not g["subscribed"] and not o.no_subscriptions:
            wrong.append("folder %s is not subscribed" % name)
        mine, theirs = collections.defaultdict(list), collections.defaultdict(list)
        for m in f["messages"]:
            if m["subject"] not in o.missing_message:
                mine[m["normalised"]].append(m)
        for m in g["messages"]:
            theirs[m["normalised"]].append(m)
        for key in list(mine) + [k for k in theirs if k not in mine]:
            x, y = mine.get(key, []), theirs.get(key, [])
            total += len(y)
            what = "%s: %s (UIDs %s)" % (name, repr((x or y)[0]["subject"]), [m["uid"] for m in x or y])
            want = 1 if o.once and x else len(x)
            if len(y) > want or (len(y) < want and not o.subset):
                wrong.append("%s: %d there, %d wanted" % (what, len(y), want))
                continue
            if o.once or o.subset or o.unmarked:
                left = [fact(m, o.ignore_flag) for m in x]
                left += [fact(m, o.ignore_flag + ["\\Deleted"]) for m in x if o.unmarked]
                if any(fact(m, o.ignore_flag) not in left for m in y):
                    wrong.append("%s: flags or date differ: %s, wanted %s" % (what, [fact(m, o.ignore_flag) for m in y], left))
            elif sorted(fact(m, o.ignore_flag) for m in x) != sorted(fact(m, o.ignore_flag) for m in y):
                wrong.append("%s: flags or date differ: %s, wanted %s" % (what, [fact(m, o.ignore_flag) for m in y], [fact(m, o.ignore_flag) for m in x]))
            if not {m["sha256"] for m in y} <= {m["sha256"] for m in x}:
                (rewritten if o.rewritten else wrong).append("%s: bytes differ" % what)
    for name, g in there.items():
        if name in o.extra or (name in parents and not g["messages"]) or name == "INBOX" and not g["messages"]:
            continue
        wrong.append("folder %s is there and should not be (%d messages)" % (name, len(g["messages"])))
    for line in rewritten:
        print("rewritten", line)
    for line in wrong[:50]:
        print("WRONG", line)
    print("%d messages in %d folders compared, %d wrong, %d rewritten" % (total, len(b["folders"]), len(wrong), len(rewritten)))
    return bool(wrong)


def fact(message, ignored):
    """Flags and date of a message; servers keep the first spelling of a keyword, so case does not count."""
    skip = {f.lower() for f in ignored}
    return ([f.lower() for f in sorted(message["flags"], key=str.lower) if f.lower() not in skip], message["date"])


def load(path):
    with open(path) as f:
        return json.load(f)


def join(paths):
    folders = {}
    for one in map(load, paths):
        for f in one["folders"]:
            folders.setdefault(f["path"], dict(f, messages=[]))["messages"].extend(f["messages"])
    return {"separator": "", "prefix": "", "folders": sorted(folders.values(), key=lambda f: f["path"])}


def survive(everything, source, target):
    def keys(dump):
        return {(f["path"], m["normalised"]): m for f in load(dump)["folders"] for m in f["messages"]}
    left = keys(source)
    there = keys(target)
    lost = [where for where in keys(everything) if where not in left and where not in there]
    for folder, digest in lost:
        print("LOST", folder, keys(everything)[folder, digest]["subject"])
    print("%d of %d messages on the target, %d left on the source, %d lost" % (len(there), len(keys(everything)), len(left), len(lost)))
    return bool(lost) | compare([everything, target, "--subset", "--no-subscriptions", "--rewritten", "any", "--unmarked"])


def maildir(directory, count, size, giant):
    """Writes Maildir files as a delivery agent would; as root, in the name of the user that the servers run as."""
    if os.getuid() == 0:
        os.setegid(65534)
        os.seteuid(65534)
    for sub in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(directory, sub), exist_ok=True)
    rng = corpus.random.Random(size)
    body = corpus.text(rng, size).replace(b"\r\n", b"\n")
    at = 1_262_304_000
    for n in range(count):
        mail = corpus.headers(rng, "maildir-%d-%d" % (count, n)).replace(b"\r\n", b"\n") + b"\n" + body
        path = os.path.join(directory, "cur", "%d.M%dP1.test,S=%d:2,S" % (at + n, n, len(mail)))
        with open(path, "wb") as f:
            f.write(mail)
        os.utime(path, (at + n, at + n))
    if giant:
        head = corpus.headers(rng, "giant-%d" % giant).replace(b"\r\n", b"\n") + b"\n"
        path = os.path.join(directory, "cur", "%d.M1P1.giant:2," % (at - 9))
        line = base64.b64encode(rng.randbytes(57)) + b"\n"
        with open(path, "wb") as f:
            f.write(head)
            left = giant - len(head)
            n = 0
            while left > 0:     # numbered lines, so that a missing or repeated piece is seen
                chunk = b"".join(b"%012d %s" % (n + k, line) for k in range(1000))
                f.write(chunk[:max(left, 90)])
                left -= len(chunk)
                n += 1000
            f.write(b"\n")
        os.utime(path, (at - 9, at - 9))


def main(argv):
    verb, args = argv[0], argv[1:]
    if verb == "dump":
        bodies = "--no-bodies" not in args
        json.dump(Account(*args[:4]).dump(bodies), sys.stdout, ensure_ascii=False)
    elif verb == "fill":
        account = Account(*args[:4])
        made = getattr(corpus, args[4])(*(int(a) if a.isdigit() else a for a in args[5:]))
        started = time.monotonic()
        print("%d messages in %.1f s" % (account.fill(made), time.monotonic() - started))
        account.close()
    elif verb == "put":
        account = Account(*args[:4])
        raw = account.raw(args[4].split("/"))
        account.imap.create(quote(raw))
        account.append(raw, args[5], args[6], sys.stdin.buffer.read())
    elif verb == "copy":
        host, port1, user1, port2, user2, password = args[:6]
        copy(Account(host, port1, user1, password), Account(host, port2, user2, password),
             *("--" + o in args for o in ("addheader", "drop-received", "add-received")))
    elif verb == "compare":
        return compare(args)
    elif verb == "join":
        json.dump(join(args), sys.stdout, ensure_ascii=False)
    elif verb == "survive":
        return survive(*args)
    elif verb == "maildir":
        maildir(args[0], int(args[1]), int(args[2]), int(args[3]) if len(args) > 3 else 0)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
