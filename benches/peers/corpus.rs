//! The mail that is copied: every message is a function of a seed, so that each run and each machine has the same.

use std::path::Path;

/// A folder name and what is in it, in order of arrival.
pub(crate) struct Folder {
    pub(crate) name: String,
    pub(crate) mails: Vec<Mail>,
}

/// A message, small: its bytes are made when they are needed.
#[derive(Clone)]
pub(crate) struct Mail {
    number: u64,
    size: usize,
    /// System flags as IMAP writes them, and keywords.
    pub(crate) flags: Vec<&'static str>,
    /// Internal date in seconds since 1970.
    pub(crate) date: i64,
}

/// What to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Corpus {
    /// 20,000 × 2 KiB in 5 folders.
    Tiny,
    /// 10,000 in 20 folders, sizes lognormal, 287 MiB.
    Small,
    /// 60 of 5-20 MiB in 4 folders.
    Big,
    /// 1,000 × 2 KiB in 5 folders.
    K1,
}

const NAMES: [&str; 20] = [
    "INBOX", "Archive", "Lists", "Work", "Sent", "Family", "Travel", "Bills", "Bank", "School", "House",
    "Garden", "Music", "Photos", "Taxes", "Health", "Jobs", "News", "Orders", "Club",
];
/// Flags of a message by its number; keywords are rare.
const FLAGS: [&[&str]; 8] = [
    &["\\Seen"],
    &["\\Seen"],
    &["\\Answered", "\\Seen"],
    &[],
    &["\\Seen"],
    &["\\Flagged", "\\Seen"],
    &["\\Seen"],
    &["\\Draft"],
];
/// The keywords of the corpus, in the order in which a Maildir of Dovecot numbers them.
const KEYWORDS: [&str; 2] = ["$Forwarded", "$Junk"];
const LETTERS: [(&str, char); 4] =
    [("\\Draft", 'D'), ("\\Flagged", 'F'), ("\\Answered", 'R'), ("\\Seen", 'S')];
/// The first message came in January 2010.
const BEGIN: i64 = 1_262_304_000;
/// Lines of text that bodies are cut from.
const TEXT: usize = 1 << 20;

impl Corpus {
    /// The messages; `quick`: a fiftieth of them.
    pub(crate) fn make(self, quick: bool) -> Vec<Folder> {
        let (count, folders) = match self {
            Corpus::Tiny => (20_000, 5),
            Corpus::Small => (10_000, 20),
            Corpus::Big => (60, 4),
            Corpus::K1 => (1_000, 5),
        };
        let count = if quick { (count / 50).max(4) } else { count };
        let mut dice = fastrand::Rng::with_seed(self as u64 + 1);
        let mut all: Vec<Folder> = (NAMES[..folders].iter())
            .map(|name| Folder { name: (*name).to_owned(), mails: Vec::new() })
            .collect();
        for number in 0..count {
            let size = match self {
                Corpus::Tiny | Corpus::K1 => 2048,
                Corpus::Small => lognormal(&mut dice),
                Corpus::Big => dice.usize(5 << 20..20 << 20),
            };
            all[(number as usize * folders) / count as usize].mails.push(Mail::new(number, size));
        }
        all
    }
}

/// Sizes as real mail has them: most are a few KiB, some are megabytes; about 29 KiB on average.
fn lognormal(dice: &mut fastrand::Rng) -> usize {
    let normal = (-2.0 * dice.f64().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * dice.f64()).cos();
    ((9.21 + 1.5 * normal).exp() as usize).clamp(600, 8 << 20)
}

/// One percent of new messages in each folder, at least one; gives how many of `mails` were there before.
pub(crate) fn grow(folder: &mut Folder, index: usize) -> usize {
    let before = folder.mails.len();
    let size = folder.mails.first().map_or(2048, |mail| mail.size);
    for n in 0..before.div_ceil(100) as u64 {
        folder.mails.push(Mail::new(1_000_000 + index as u64 * 10_000 + n, size));
    }
    before
}

/// Every fiftieth message of those before `until` is flagged or no longer flagged; calls `changed` with each, before and after.
pub(crate) fn reflag(folder: &mut Folder, until: usize, mut changed: impl FnMut(&Mail, &Mail)) {
    for mail in folder.mails[..until].iter_mut().step_by(50) {
        let old = mail.clone();
        match mail.flags.iter().position(|flag| *flag == "\\Flagged") {
            Some(at) => drop(mail.flags.remove(at)),
            None => mail.flags.push("\\Flagged"),
        }
        changed(&old, mail);
    }
}

/// What the bytes of messages are cut from.
pub(crate) struct Text(Vec<u8>);

impl Text {
    pub(crate) fn new() -> Self {
        let words = "the minutes of that meeting which nobody attended were sent round again yesterday with all figures";
        let words: Vec<&str> = words.split(' ').collect();
        let (mut dice, mut text, mut line) = (fastrand::Rng::with_seed(7), Vec::new(), String::new());
        while text.len() < TEXT {
            line.push_str(words[dice.usize(..words.len())]);
            line.push(' ');
            if line.len() > 64 {
                text.extend_from_slice(line.trim_end().as_bytes());
                text.extend_from_slice(b"\r\n");
                line.clear();
            }
        }
        Text(text)
    }
}

impl Mail {
    fn new(number: u64, size: usize) -> Self {
        let mut flags = FLAGS[(number % 8) as usize].to_vec();
        match number % 100 {
            13 => flags.push(KEYWORDS[0]),
            57 => flags.push(KEYWORDS[1]),
            _ => {}
        }
        Mail { number, size, flags, date: BEGIN + number as i64 * 3607 }
    }

    /// The message as it travels, with CR LF, a little over the size asked for.
    pub(crate) fn bytes(&self, text: &Text) -> Vec<u8> {
        let Mail { number, size, date, .. } = *self;
        let when =
            chrono::DateTime::from_timestamp(date - 7, 0).expect("a time of this century").to_rfc2822();
        let mut out = format!(
            "Received: from mx{}.example.net (mx{}.example.net [192.0.2.{}])\r\n\tby imap.example.org with ESMTPS id \
             {number:08x}\r\n\tfor <alice@example.org>; {when}\r\nMessage-ID: <{number}.{:x}@example.net>\r\n\
             Date: {when}\r\nFrom: Person {} <p{}@example.net>\r\nTo: Alice <alice@example.org>\r\nSubject: Number \
             {number} of many\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n",
            number % 7,
            number % 7,
            number % 251,
            number.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            number % 97,
            number % 97,
        )
        .into_bytes();
        // Whole lines, from a place of its own on.
        let mut at = (number as usize * 7919) % (TEXT / 2);
        at += text.0[at..].iter().position(|byte| *byte == b'\n').expect("lines are short") + 1;
        while out.len() < size {
            let end = text.0.len().min(at + size - out.len());
            let rest = text.0[end..].iter().position(|byte| *byte == b'\n').map_or(0, |more| more + 1);
            out.extend_from_slice(&text.0[at..end + rest]);
            at = 0;
        }
        out
    }

    /// Its internal date as IMAP writes it.
    pub(crate) fn internal_date(&self) -> String {
        let when = chrono::DateTime::from_timestamp(self.date, 0).expect("a time of this century");
        when.format("%d-%b-%Y %H:%M:%S +0000").to_string()
    }

    /// The name of its file in a Maildir, with these two sizes (as stored, as it travels).
    fn file_name(&self, stored: usize, travels: usize) -> String {
        let mut letters: Vec<char> =
            LETTERS.iter().filter(|(flag, _)| self.flags.contains(flag)).map(|(_, letter)| *letter).collect();
        letters.extend(
            ('a'..).zip(KEYWORDS).filter(|(_, word)| self.flags.contains(word)).map(|(letter, _)| letter),
        );
        let letters = String::from_iter(letters);
        format!("{}.M{}P1.peers,S={stored},W={travels}:2,{letters}", self.date, self.number)
    }

    /// Writes it into a Maildir folder.
    fn deliver(&self, folder: &Path, text: &Text) -> std::io::Result<()> {
        let travels = self.bytes(text);
        let mut stored = travels.clone();
        stored.retain(|byte| *byte != b'\r');
        let path = folder.join("cur").join(self.file_name(stored.len(), travels.len()));
        let file = std::fs::File::create(&path)?;
        std::io::Write::write_all(&mut &file, &stored)?;
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(self.date as u64))?;
        own(&path)
    }

    /// Renames the file that it was delivered to, after its flags have changed from those of `old`.
    fn rename(&self, old: &Mail, folder: &Path, text: &Text) -> std::io::Result<()> {
        let travels = self.bytes(text);
        let stored = travels.iter().filter(|byte| **byte != b'\r').count();
        let name = |mail: &Mail| folder.join("cur").join(mail.file_name(stored, travels.len()));
        std::fs::rename(name(old), name(self))
    }
}

/// As root the mail belongs to the user that the servers run as.
fn own(path: &Path) -> std::io::Result<()> {
    if crate::servers::root() { std::os::unix::fs::chown(path, Some(65534), Some(65534)) } else { Ok(()) }
}

fn folder_path(maildir: &Path, name: &str) -> std::path::PathBuf {
    if name == "INBOX" { maildir.to_owned() } else { maildir.join(format!(".{name}")) }
}

/// Writes all folders as a Maildir++ of Dovecot.
pub(crate) fn write(maildir: &Path, folders: &[Folder], text: &Text) -> std::io::Result<()> {
    std::fs::create_dir_all(maildir)?;
    own(maildir.parent().expect("a Maildir lies in a home"))?;
    own(maildir)?;
    let mut subscriptions = String::new();
    for Folder { name, mails } in folders {
        let path = folder_path(maildir, name);
        for part in ["", "cur", "new", "tmp"] {
            std::fs::create_dir_all(path.join(part))?;
            own(&path.join(part))?;
        }
        let words: String = KEYWORDS.iter().enumerate().map(|(n, word)| format!("{n} {word}\n")).collect();
        let mut small = vec![(path.join("dovecot-keywords"), words)];
        if name != "INBOX" {
            small.push((path.join("maildirfolder"), String::new()));
            subscriptions.push_str(&format!("{name}\n"));
        }
        for (file, content) in small {
            std::fs::write(&file, content)?;
            own(&file)?;
        }
        for mail in mails {
            mail.deliver(&path, text)?;
        }
    }
    std::fs::write(maildir.join("subscriptions"), subscriptions)?;
    own(&maildir.join("subscriptions"))
}

/// What happens between two runs: one percent of new messages, other flags on two percent of the old ones.
pub(crate) fn change(maildir: &Path, folders: &mut [Folder], text: &Text) -> std::io::Result<()> {
    for (index, folder) in folders.iter_mut().enumerate() {
        let path = folder_path(maildir, &folder.name);
        let before = grow(folder, index);
        let mut result = Ok(());
        reflag(folder, before, |old, new| {
            if result.is_ok() {
                result = new.rename(old, &path, text);
            }
        });
        result?;
        for mail in &folder.mails[before..] {
            mail.deliver(&path, text)?;
        }
    }
    Ok(())
}
