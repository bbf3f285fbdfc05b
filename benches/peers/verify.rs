//! An independent look at two accounts: a small IMAP reader, and what differs between what it has read.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

/// What is in an account: by folder, without the prefix of the server, and digest of a message, the flags and
/// internal date of each such message.
pub(crate) type Content = BTreeMap<String, BTreeMap<[u8; 32], Vec<Facts>>>;

/// Flags, sorted, in lower case; the internal date in seconds since 1970.
type Facts = (Vec<String>, i64);

/// What was read of an account.
#[derive(Default)]
pub(crate) struct Account {
    content: Content,
    pub(crate) messages: usize,
    /// Messages that carry the header that mbsync adds; it does not count as a difference of bytes.
    marked: usize,
}

/// How a copy differs from what was to be copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) messages: usize,
    missing: usize,
    extra: usize,
    flags: usize,
    dates: usize,
    marked: usize,
}

impl Verdict {
    /// Every message is there once; flags and dates are another matter.
    pub(crate) fn complete(&self) -> bool {
        (self.missing, self.extra) == (0, 0)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { messages, missing, extra, flags, dates, marked } = *self;
        if *self == (Verdict { messages, ..Verdict::default() }) {
            return f.write_str("identical");
        }
        let mut said = Vec::new();
        if !self.complete() {
            said.push("**WRONG**".to_owned());
        }
        for (count, what) in [
            (missing, "missing"),
            (extra, "too many"),
            (flags, "with other flags"),
            (dates, "with other dates"),
            (marked, "with X-TUID added"),
        ] {
            if count > 0 {
                said.push(format!("{count} {what}"));
            }
        }
        f.write_str(&said.join(", "))
    }
}

/// Reads all of an account at 127.0.0.1, password `pass`.
pub(crate) fn read(port: u16, user: &str, prefix: &str) -> Result<Account, String> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(|error| error.to_string())?;
    let mut reader = Reader { stream: BufReader::with_capacity(1 << 18, stream) };
    reader.response()?;
    reader.command(&format!("LOGIN {user} pass"), |_| Ok(()))?;
    let mut names = Vec::new();
    reader.command("LIST \"\" \"*\"", |line| {
        let text = line.text();
        if text.starts_with("* LIST ") && !text.to_ascii_lowercase().contains("\\noselect") {
            names.push(text.trim_end().rsplit(' ').next().unwrap_or_default().trim_matches('"').to_owned());
        }
        Ok(())
    })?;
    let mut account = Account::default();
    for name in names {
        let short = name.strip_prefix(prefix).unwrap_or(&name);
        let mut messages: BTreeMap<[u8; 32], Vec<Facts>> = BTreeMap::new();
        let mut empty = false;
        reader.command(&format!("EXAMINE \"{name}\""), |line| {
            empty |= line.bytes == b"* 0 EXISTS\r\n";
            Ok(())
        })?;
        if empty {
            continue;
        }
        reader.command("UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])", |line| {
            let text = line.text();
            if text.contains(" FETCH ")
                && let Some(body) = &line.literal
            {
                let flags = between(&text, "FLAGS (", ")").ok_or_else(|| format!("no flags: {text}"))?;
                let mut flags: Vec<String> = flags
                    .split(' ')
                    .filter(|flag| !flag.is_empty() && !flag.eq_ignore_ascii_case("\\Recent"))
                    .map(str::to_ascii_lowercase)
                    .collect();
                flags.sort();
                let date =
                    between(&text, "INTERNALDATE \"", "\"").ok_or_else(|| format!("no date: {text}"))?;
                let date = chrono::DateTime::parse_from_str(date.trim(), "%d-%b-%Y %H:%M:%S %z")
                    .map_err(|error| format!("{date}: {error}"))?;
                let (digest, marked) = digest(body);
                account.marked += usize::from(marked);
                account.messages += 1;
                messages.entry(digest).or_default().push((flags, date.timestamp()));
            }
            Ok(())
        })?;
        messages.values_mut().for_each(|facts| facts.sort());
        account.content.insert(short.to_owned(), messages);
    }
    Ok(account)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}

/// The digest of a message without the header that mbsync adds, and whether it had that.
fn digest(body: &[u8]) -> ([u8; 32], bool) {
    let needle = b"\r\nX-TUID: ";
    let head = &body[..body.len().min(8192)];
    let Some(at) = head.windows(needle.len()).position(|window| window == needle) else {
        return (*blake3::hash(body).as_bytes(), false);
    };
    let rest = &body[at + 2..];
    let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&body[..at + 2]).update(&rest[end..]);
    (*hasher.finalize().as_bytes(), true)
}

/// How `copy` differs from `original`.
pub(crate) fn compare(original: &Account, copy: &Account) -> Verdict {
    let mut verdict = Verdict { messages: copy.messages, marked: copy.marked, ..Verdict::default() };
    let nothing = BTreeMap::new();
    for name in original
        .content
        .keys()
        .chain(copy.content.keys().filter(|name| !original.content.contains_key(*name)))
    {
        let mine = original.content.get(name).unwrap_or(&nothing);
        let theirs = copy.content.get(name).unwrap_or(&nothing);
        for (digest, facts) in mine {
            let there = theirs.get(digest).map_or(&[][..], |facts| &facts[..]);
            verdict.missing += facts.len().saturating_sub(there.len());
            verdict.extra += there.len().saturating_sub(facts.len());
            for (one, other) in facts.iter().zip(there) {
                verdict.flags += usize::from(one.0 != other.0);
                verdict.dates += usize::from(one.1 != other.1);
            }
        }
        verdict.extra += theirs
            .iter()
            .filter(|(digest, _)| !mine.contains_key(*digest))
            .map(|(_, there)| there.len())
            .sum::<usize>();
    }
    verdict
}

struct Reader {
    stream: BufReader<TcpStream>,
}

/// A response without its literals, and the last of these.
struct Line {
    bytes: Vec<u8>,
    literal: Option<Vec<u8>>,
}

impl Line {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Reader {
    /// Sends a command and hands all that comes before its end to `each`.
    fn command(
        &mut self,
        command: &str,
        mut each: impl FnMut(&Line) -> Result<(), String>,
    ) -> Result<(), String> {
        let sent = self.stream.get_mut().write_all(format!("v {command}\r\n").as_bytes());
        sent.map_err(|error| error.to_string())?;
        loop {
            let line = self.response()?;
            if line.bytes.starts_with(b"v OK") {
                return Ok(());
            }
            if line.bytes.starts_with(b"v ") || line.bytes.starts_with(b"* BYE") {
                return Err(format!("{command}: {}", line.text().trim_end()));
            }
            each(&line)?;
        }
    }

    fn response(&mut self) -> Result<Line, String> {
        let (mut bytes, mut literal) = (Vec::new(), None);
        loop {
            let count = self.stream.read_until(b'\n', &mut bytes).map_err(|error| error.to_string())?;
            if count == 0 {
                return Err("the server has closed the connection".to_owned());
            }
            let Some(size) = announced(&bytes) else { return Ok(Line { bytes, literal }) };
            let mut text = vec![0; size];
            self.stream.read_exact(&mut text).map_err(|error| error.to_string())?;
            bytes.truncate(bytes.len() - 2);
            literal = Some(text);
        }
    }
}

/// The size of the literal that a line announces.
fn announced(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}\r\n")?;
    let at = line.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&line[at + 1..]).ok()?.parse().ok()
}
