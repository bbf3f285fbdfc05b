//! The made-up mailbox: which folders, what each is called on both sides, and their messages. The same each time.

use super::message::{Draft, Person, owner_or, text};
use super::oddities::oddities;
use super::phrases::{LANGUAGES, Language};
use chrono::{DateTime, FixedOffset, Offset as _, TimeDelta, TimeZone as _};

/// No file that comes with a message is larger.
const LARGEST_FILE: usize = 16 << 20;
/// The last year with mail.
const LAST_YEAR: i32 = 2025;
/// The first year with mail.
const FIRST_YEAR: i32 = 2005;

/// A folder as it is before the first run.
#[derive(Debug)]
pub(super) struct Folder {
    /// Its name on host1, from the top down, within the namespace; empty for INBOX.
    pub(super) source: Vec<String>,
    /// Its name on host2 likewise.
    pub(super) destination: Vec<String>,
    /// What host2 says that it is for, such as `\Sent`; it is there before the first run then.
    pub(super) special_use: Option<&'static str>,
    /// Its messages on host1, the oldest first.
    pub(super) letters: Vec<Letter>,
}

/// A message in a folder.
#[derive(Debug)]
pub(super) struct Letter {
    /// When it arrived.
    pub(super) date: DateTime<FixedOffset>,
    pub(super) flags: Vec<&'static str>,
    pub(super) body: Vec<u8>,
    /// Its flags on host2, where it is there before the first run.
    pub(super) there: Option<Vec<&'static str>>,
}

/// What is in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Mail of other people.
    Received,
    /// Mail of the owner.
    Sent,
    /// Both.
    Conversation,
    /// A mailing list of this name.
    List(&'static str),
    /// What the owner has not finished.
    Drafts,
    /// What nobody wants.
    Spam,
    /// Mail with files.
    Files,
}

/// Name on host1, name on host2, special use on host2, messages per thousand, first and last year, content. A `|` parts
/// a folder from the one beneath.
type Row = (&'static str, &'static str, Option<&'static str>, usize, i32, i32, Content);

#[rustfmt::skip]
const FOLDERS: &[Row] = &[
    ("", "", None, 210, 2023, LAST_YEAR, Content::Received),
    ("Sent", "Sent Messages", Some("\\Sent"), 130, 2015, LAST_YEAR, Content::Sent),
    ("Entwürfe", "Drafts", Some("\\Drafts"), 6, 2024, LAST_YEAR, Content::Drafts),
    ("Spam", "Junk", Some("\\Junk"), 40, LAST_YEAR, LAST_YEAR, Content::Spam),
    ("Papierkorb", "Trash", Some("\\Trash"), 30, LAST_YEAR, LAST_YEAR, Content::Conversation),
    ("Archive", "Archive", Some("\\Archive"), 4, FIRST_YEAR, 2010, Content::Received),
    ("Projekte", "Projekte", None, 10, 2012, 2022, Content::Conversation),
    ("Projekte|Brücke Süd", "Projekte|Brücke Süd", None, 45, 2018, 2022, Content::Conversation),
    ("Projekte|Brücke Süd|Angebote 2019–20", "Projekte|Brücke Süd|Angebote 2019–20", None, 12, 2019, 2020, Content::Files),
    ("Rechnungen & Belege", "Rechnungen & Belege", None, 30, 2010, LAST_YEAR, Content::Files),
    ("Клиенты|Санкт-Петербург", "Клиенты|Санкт-Петербург", None, 30, 2014, 2021, Content::Conversation),
    ("Πελάτες", "Πελάτες", None, 15, 2016, 2023, Content::Conversation),
    ("家族", "家族", None, 25, 2009, LAST_YEAR, Content::Conversation),
    ("家族|写真", "家族|写真", None, 8, 2012, LAST_YEAR, Content::Files),
    ("Lists|rust-users", "Lists|rust-users", None, 90, 2016, LAST_YEAR, Content::List("rust-users.lists.example.org")),
    ("Lists|imap-protocol", "Lists|imap-protocol", None, 45, 2006, 2020, Content::List("imap-protocol.lists.example.org")),
    ("Leer", "Leer", None, 0, LAST_YEAR, LAST_YEAR, Content::Received),
];

/// The folders with about so many messages in all.
pub(super) fn mailbox(messages: usize) -> Vec<Folder> {
    let mut writer = Writer { random: fastrand::Rng::with_seed(20), largest: largest(messages), number: 0 };
    let path = |name: &str| name.split('|').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let mut folders: Vec<Folder> = FOLDERS
        .iter()
        .map(|&(source, destination, special_use, share, first, last, content)| Folder {
            source: path(source),
            destination: path(destination),
            special_use,
            letters: writer.letters((messages * share).div_ceil(1000), first, last, content),
        })
        .collect();
    let given: usize = folders.iter().map(|folder| folder.letters.len()).sum();
    let years = FIRST_YEAR..LAST_YEAR;
    let a_year = messages.saturating_sub(given).div_ceil(years.len());
    for year in years {
        let path = vec!["Archive".to_owned(), year.to_string()];
        let letters = writer.letters(a_year, year, year, Content::Received);
        folders.push(Folder { source: path.clone(), destination: path, special_use: None, letters });
    }
    let odd = vec!["Curiosités".to_owned()];
    let letters = oddities(writer.largest, &mut writer.random);
    folders.push(Folder { source: odd.clone(), destination: odd, special_use: None, letters });
    // Somebody has begun before, and left the flags as they were then.
    for folder in folders.iter_mut().filter(|folder| folder.source.is_empty()) {
        for (n, letter) in folder.letters.iter_mut().enumerate().filter(|(n, _)| n % 7 == 0) {
            letter.there = Some(if n % 3 == 0 { Vec::new() } else { letter.flags.clone() });
        }
    }
    folders
}

/// The largest file for so many messages: a small mailbox has small files.
fn largest(messages: usize) -> usize {
    messages.saturating_mul(6 << 10).min(LARGEST_FILE)
}

/// Writes messages.
struct Writer {
    random: fastrand::Rng,
    largest: usize,
    number: usize,
}

impl Writer {
    /// So many messages of these years, in threads.
    fn letters(&mut self, count: usize, first: i32, last: i32, content: Content) -> Vec<Letter> {
        let mut letters = Vec::new();
        while letters.len() < count {
            let wanted = if content == Content::Drafts { 1 } else { count - letters.len() };
            let start = self.instant(first, last);
            letters.extend(self.thread(wanted, start, content));
        }
        letters.sort_by_key(|letter| letter.date);
        letters
    }

    /// A thread of at most so many messages.
    fn thread(&mut self, most: usize, start: DateTime<FixedOffset>, content: Content) -> Vec<Letter> {
        let language = match content {
            Content::List(_) => &LANGUAGES[0],
            _ => self.pick(LANGUAGES),
        };
        let mut subject = (*self.pick(language.subjects)).to_owned();
        let (mut letters, mut before, mut date) = (Vec::new(), Vec::new(), start);
        while letters.len() < most {
            let other = *self.pick(language.people);
            let owner_writes = match content {
                Content::Sent | Content::Drafts => true,
                Content::Conversation | Content::Files => letters.len() % 2 == 1,
                Content::Received | Content::List(_) | Content::Spam => false,
            };
            let draft = self.draft(language, other, owner_writes, subject.clone(), date, &before, content);
            before.push(draft.id.clone());
            let flags = self.flags(content);
            let arrived = date + TimeDelta::seconds(self.random.i64(1..90));
            letters.push(Letter { date: arrived, flags, body: draft.bytes(), there: None });
            if content == Content::Spam || self.random.u8(0..10) < 6 {
                break;
            }
            if before.len() == 1 {
                subject.insert_str(0, language.reply);
            }
            date += TimeDelta::minutes(self.random.i64(3..4000));
        }
        letters
    }

    #[expect(clippy::too_many_arguments, reason = "all of it is what a message consists of")]
    fn draft(
        &mut self,
        language: &Language,
        other: Person,
        owner_writes: bool,
        subject: String,
        date: DateTime<FixedOffset>,
        before: &[String],
        content: Content,
    ) -> Draft {
        self.number += 1;
        let (from, to) = owner_or(other, owner_writes);
        let domain = from.1.split('@').nth(1).unwrap_or("example.org");
        let length = self.lognormal(7.2, 0.9, 60_000);
        let with_file = content == Content::Files || self.random.u16(0..1000) < 12;
        Draft {
            from,
            to,
            subject,
            date,
            id: format!("{:08x}.{}@{domain}", self.random.u32(..), self.number),
            thread: before.to_vec(),
            list: if let Content::List(list) = content { Some(list) } else { None },
            text: text(language, from, length, &mut self.random),
            attachment: with_file.then(|| {
                let mut file = vec![0; self.lognormal(11.8, 1.3, self.largest)];
                self.random.fill(&mut file);
                (format!("document-{}.pdf", self.number), file)
            }),
        }
    }

    fn flags(&mut self, content: Content) -> Vec<&'static str> {
        let mut flags = Vec::new();
        let mut perhaps = |percent: u8, flag| {
            if self.random.u8(0..100) < percent {
                flags.push(flag);
            }
        };
        match content {
            Content::Drafts => perhaps(100, "\\Draft"),
            Content::Spam => {
                perhaps(20, "\\Seen");
                perhaps(100, "$Junk");
            }
            _ => {
                perhaps(90, "\\Seen");
                perhaps(20, "\\Answered");
                perhaps(5, "\\Flagged");
                perhaps(4, "$Forwarded");
                perhaps(3, "$label1");
                perhaps(2, "Urgent");
            }
        }
        flags
    }

    /// Some instant of these years, in some zone.
    fn instant(&mut self, first: i32, last: i32) -> DateTime<FixedOffset> {
        let hours = *self.pick(&[0, 1, 2, 2, -5, 9]);
        let zone = FixedOffset::east_opt(hours * 3600).unwrap_or_else(|| chrono::Utc.fix());
        let begin = |year| chrono::Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).single().unwrap_or_default();
        let (from, to) = (begin(first).timestamp(), begin(last + 1).timestamp());
        // The last weeks are left for answers.
        let seconds = self.random.i64(from..to - 40 * 86_400);
        DateTime::from_timestamp(seconds, 0).unwrap_or_default().with_timezone(&zone)
    }

    /// A length as lengths of mail are spread: e to the power of a normal distribution (Box and Muller's way).
    fn lognormal(&mut self, mean: f64, deviation: f64, most: usize) -> usize {
        let (a, b) = (self.random.f64().max(1e-9), self.random.f64());
        let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        ((mean + deviation * normal).exp() as usize).min(most)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.random.usize(0..from.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_same_each_time_and_as_many_as_asked() {
        let (one, two) = (mailbox(500), mailbox(500));
        assert_eq!(format!("{one:?}"), format!("{two:?}"));
        let count: usize = one.iter().map(|folder| folder.letters.len()).sum();
        assert!((500..540).contains(&count), "{count}");
        let names: HashSet<_> = one.iter().map(|folder| &folder.destination).collect();
        assert_eq!(names.len(), one.len());
    }

    #[test]
    fn believable() {
        let folders = mailbox(3000);
        let letters: Vec<&Letter> = folders.iter().flat_map(|folder| &folder.letters).collect();
        let bytes: usize = letters.iter().map(|letter| letter.body.len()).sum();
        assert!((30 << 20..120 << 20).contains(&bytes), "{bytes}");
        let mut sizes: Vec<usize> = letters.iter().map(|letter| letter.body.len()).collect();
        sizes.sort_unstable();
        let median = sizes[sizes.len() / 2];
        assert!((1000..5000).contains(&median), "{median}");
        assert!(sizes.iter().filter(|size| **size > 1 << 20).count() >= 3);
        let mut years: HashSet<i32> = HashSet::new();
        years.extend(letters.iter().map(|letter| chrono::Datelike::year(&letter.date)));
        assert!(years.len() > 20, "{years:?}");
        for letter in &letters {
            let lone = letter.body.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r');
            assert!(!lone, "a bare line feed");
        }
    }
}
