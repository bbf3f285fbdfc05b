//! A scene: everything that a seed stands for, as plain data.

use imapsync_core::testing::{Dates, Dice, Ghosts, Keywords, Profile, Quirks, Rewrite, Script};
use imapsync_core::{Delete1, SyncOptions};

/// Two accounts, what is to be done, and everything that goes wrong.
#[derive(Debug, Clone)]
pub struct Scene {
    pub hosts: [Host; 2],
    pub folders: Vec<Folder>,
    pub choice: Choice,
    pub scripts: [Script; 2],
    pub others: Vec<Other>,
    /// The runs that may go wrong.
    pub rounds: Vec<Round>,
}

/// One server.
#[derive(Debug, Clone)]
pub struct Host {
    pub capabilities: String,
    pub separator: char,
    pub prefix: String,
    pub quirks: Quirks,
}

/// A folder of both accounts.
#[derive(Debug, Clone)]
pub struct Folder {
    pub path: &'static [&'static str],
    pub here: Vec<Letter>,
    /// None: it is missing on the destination.
    pub there: Option<Vec<Letter>>,
}

/// A message.
#[derive(Debug, Clone)]
pub struct Letter {
    pub body: Vec<u8>,
    pub flags: Vec<&'static str>,
    pub date: String,
}

/// The options.
#[derive(Debug, Clone)]
pub struct Choice {
    pub delete1: Delete1,
    pub expunge1: bool,
    pub delete2: bool,
    pub sync_duplicates: bool,
    pub resync_flags: bool,
    pub small_memory: bool,
    pub dry_first: bool,
}

impl Choice {
    pub fn options(&self) -> SyncOptions {
        SyncOptions {
            delete1: self.delete1,
            expunge1: self.expunge1,
            delete2: self.delete2,
            sync_duplicates: self.sync_duplicates,
            resync_flags: self.resync_flags,
            memory: if self.small_memory { 128 * 1024 } else { 16 << 20 },
            ..SyncOptions::default()
        }
    }

    /// Whether a `\Deleted` on the source may be our own mark.
    pub fn marks(&self) -> bool {
        self.delete1 != Delete1::No || self.expunge1
    }
}

/// Another client that does something at a step of one server.
#[derive(Debug, Clone)]
pub struct Other {
    pub side: usize,
    pub step: u64,
    pub folder: usize,
    pub does: Does,
    /// Which message it is, or which number the new one has.
    pub which: u64,
}

/// What another client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    Deliver,
    Flag,
    MarkDeleted,
    Expunge,
}

/// A run that may go wrong.
#[derive(Debug, Clone)]
pub struct Round {
    /// Its future is dropped once so many bytes have moved.
    pub killed_after: Option<u64>,
}

/// Folders in order of use; the destination has one more, which no source folder is mapped to.
const PATHS: [&[&str]; 4] = [&["INBOX"], &["Work"], &["Box", "2020"], &["Odd & Ends"]];

impl Scene {
    pub fn new(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let choice = choice(dice);
        let hosts = [host(dice, false), host(dice, true)];
        let rewrites = hosts[1].quirks.rewrite != Rewrite::Nothing;
        let mut numbers = 0;
        let count = if dice.one_in(3) { 1 } else { 1 + dice.roll(4) as usize };
        let folders = PATHS[..count].iter().map(|path| folder(dice, path, rewrites, &mut numbers)).collect();
        let mut scripts = [(); 2].map(|()| {
            let faults = dice.roll(5) as usize;
            Script::random(dice, faults)
        });
        if choice.delete2 {
            // A source that shows what it had before is believed: what it lacks then is deleted over there.
            scripts[0].faults.retain(|fault| fault.kind() != imapsync_core::testing::Kind::Replica);
        }
        let others = if dice.one_in(3) { 1 + dice.roll(3) } else { 0 };
        let others = (0..others).map(|_| other(dice, count)).collect();
        let rounds = (0..1 + dice.roll(3))
            .map(|_| Round { killed_after: dice.one_in(4).then(|| dice.about(60_000)) })
            .collect();
        Self { hosts, folders, choice, scripts, others, rounds }
    }

    /// Each simpler by one thing: where the fault is still there, that thing has nothing to do with it.
    pub fn simpler(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut with = |change: &dyn Fn(&mut Self)| {
            let mut scene = self.clone();
            change(&mut scene);
            all.push(scene);
        };
        for side in 0..2 {
            for at in 0..self.scripts[side].faults.len() {
                with(&|scene| _ = scene.scripts[side].faults.remove(at));
            }
        }
        for at in 0..self.others.len() {
            with(&|scene| _ = scene.others.remove(at));
        }
        if self.rounds.len() > 1 {
            for at in 0..self.rounds.len() {
                with(&|scene| _ = scene.rounds.remove(at));
            }
        }
        for at in 0..self.rounds.len() {
            if self.rounds[at].killed_after.is_some() {
                with(&|scene| scene.rounds[at].killed_after = None);
            }
        }
        if self.folders.len() > 1 && self.others.is_empty() {
            with(&|scene| _ = scene.folders.pop());
        }
        for at in 0..self.folders.len() {
            for letter in 0..self.folders[at].here.len() {
                with(&|scene| _ = scene.folders[at].here.remove(letter));
            }
            for letter in 0..self.folders[at].there.as_ref().map_or(0, Vec::len) {
                with(&|scene| _ = scene.folders[at].there.as_mut().unwrap().remove(letter));
            }
        }
        with(&|scene| scene.choice.dry_first = false);
        with(&|scene| scene.choice.small_memory = false);
        with(&|scene| scene.choice.sync_duplicates = false);
        with(&|scene| scene.choice.delete1 = Delete1::No);
        with(&|scene| scene.choice.expunge1 = false);
        with(&|scene| scene.choice.delete2 = false);
        for side in 0..2 {
            with(&|scene| scene.hosts[side].quirks = Quirks::default());
            with(&|scene| scene.hosts[side].capabilities = "IMAP4rev1 NAMESPACE UIDPLUS".to_owned());
        }
        all
    }

    /// How many things it consists of.
    pub fn size(&self) -> usize {
        format!("{self:?}").len()
    }
}

fn choice(dice: &mut Dice) -> Choice {
    let delete1 = match dice.roll(8) {
        0 | 1 => Delete1::Expunge,
        2 => Delete1::Mark,
        _ => Delete1::No,
    };
    // With both, what is expunged here would be deleted over there by the next run.
    let delete2 = delete1 == Delete1::No && dice.one_in(3);
    Choice {
        delete1,
        delete2,
        // Marking without expunging and expunging what is marked are the two ways of one option.
        expunge1: !delete2 && delete1 != Delete1::Mark && dice.one_in(6),
        sync_duplicates: dice.one_in(4),
        resync_flags: !dice.one_in(4),
        small_memory: dice.one_in(2),
        dry_first: dice.one_in(12),
    }
}

fn host(dice: &mut Dice, destination: bool) -> Host {
    let usable = |profile: &&Profile| !profile.capabilities.contains("LOGINDISABLED");
    let profiles: Vec<&Profile> = Profile::ALL.iter().filter(usable).collect();
    let (capabilities, separator, prefix) = if dice.one_in(4) {
        let profile = dice.pick(&profiles);
        (profile.capabilities.to_owned(), profile.separator, profile.prefix.to_owned())
    } else {
        let mut capabilities = "IMAP4rev1".to_owned();
        for (extension, odds) in [
            ("NAMESPACE", 2),
            ("MULTIAPPEND", 2),
            ("LIST-EXTENDED", 2),
            ("LIST-STATUS", 2),
            ("SPECIAL-USE", 3),
            ("CONDSTORE", 3),
            ("ENABLE", 3),
            ("ESEARCH", 3),
            ("ID", 3),
            ("UNSELECT", 3),
            ("MOVE", 4),
            ("STATUS=SIZE", 4),
            ("OBJECTID", 5),
            ("SASL-IR AUTH=PLAIN", 4),
        ] {
            if dice.one_in(odds) {
                capabilities = format!("{capabilities} {extension}");
            }
        }
        capabilities += ["", " LITERAL+", " LITERAL-"][dice.roll(3) as usize];
        if !dice.one_in(3) {
            capabilities += " UIDPLUS";
        }
        let prefix = if capabilities.contains("NAMESPACE") && dice.one_in(4) { "INBOX" } else { "" };
        let separator = *dice.pick(&['/', '.']);
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}{separator}") };
        (capabilities, separator, prefix)
    };
    let ghosts = [Ghosts::Missing, Ghosts::True, Ghosts::Fake, Ghosts::Empty, Ghosts::Refused];
    let mut quirks = Quirks { ghosts: *dice.pick(&ghosts), ..Quirks::default() };
    quirks.shuffled = dice.one_in(8);
    quirks.no_for_bad = dice.one_in(8);
    if destination && dice.one_in(3) {
        quirks.keywords = *dice.pick(&[Keywords::Kept, Keywords::Dropped, Keywords::Lost]);
        quirks.dates = *dice.pick(&[Dates::Kept, Dates::Now, Dates::NowOutside]);
        quirks.rewrite =
            *dice.pick(&[Rewrite::Nothing, Rewrite::NulAndLineFeed, Rewrite::LineEnds, Rewrite::Headers]);
    }
    Host { capabilities, separator, prefix, quirks }
}

fn folder(dice: &mut Dice, path: &'static [&'static str], rewrites: bool, numbers: &mut u64) -> Folder {
    let count = if dice.one_in(10) { 0 } else { dice.about(12) };
    let mut here: Vec<Letter> = Vec::new();
    for _ in 0..count {
        *numbers += 1;
        let n = *numbers;
        let body = match dice.roll(14) {
            0 => format!("Message-Id: <{n}@x>\r\n\r\n").into_bytes(),
            1 if !rewrites => format!("X-Nothing: here\r\n\r\nthe body {n} alone\r\n").into_bytes(),
            2 if !rewrites => format!("\r\nno header in {n}\r\n").into_bytes(),
            // Twins: one Message-Id, different texts, now and then of one length.
            3 | 4 if !rewrites => {
                let last = if dice.one_in(2) { n.to_string() } else { format!("{n:07}") };
                format!("Message-Id: <twin{}@x>\r\n\r\ntwin {last}\r\n", path[0].len()).into_bytes()
            }
            5 => match here.last() {
                Some(last) => last.body.clone(),
                None => plain(n, 1),
            },
            6 if dice.one_in(3) => plain(n, 900),
            7 if rewrites => format!("Message-Id: <{n}@x>\r\n\r\nbare\nline {n}\0.\r\n").into_bytes(),
            _ => plain(n, n % 7 + 1),
        };
        here.push(Letter { body, flags: flags(dice), date: date(n) });
    }
    let there = (path == ["INBOX"] || !dice.one_in(3)).then(|| {
        let mut there: Vec<Letter> = Vec::new();
        if dice.one_in(2) {
            let odds = 1 + dice.roll(4);
            there.extend(here.iter().filter(|_| dice.one_in(odds)).cloned());
            for letter in &mut there {
                if dice.one_in(3) {
                    letter.flags = flags(dice);
                }
            }
            for _ in 0..dice.roll(3) {
                *numbers += 1;
                there.push(Letter { body: plain(*numbers, 2), flags: flags(dice), date: date(*numbers) });
            }
        }
        there
    });
    Folder { path, here, there }
}

fn plain(n: u64, lines: u64) -> Vec<u8> {
    let text = "All work and no play.\r\n".repeat(lines as usize);
    format!("Message-Id: <{n}@x>\r\nFrom: a@example.org\r\nSubject: Number {n}\r\n\r\n{text}").into_bytes()
}

/// A message that somebody delivers while a sync runs.
pub fn delivered(side: usize, which: u64) -> Vec<u8> {
    let n = which % 1_000_000;
    format!("Message-Id: <new{side}.{n}@x>\r\nSubject: New {n}\r\n\r\nJust in.\r\n").into_bytes()
}

fn flags(dice: &mut Dice) -> Vec<&'static str> {
    let mut flags = Vec::new();
    for (flag, odds) in [
        ("\\Seen", 2),
        ("\\Flagged", 5),
        ("\\Answered", 6),
        ("\\Deleted", 12),
        ("$Junk", 6),
        ("Own", 9),
        ("Third", 9),
    ] {
        if dice.one_in(odds) {
            flags.push(flag);
        }
    }
    flags
}

fn date(n: u64) -> String {
    format!("{:02}-Feb-2019 10:11:12 +0100", 1 + n % 28)
}

fn other(dice: &mut Dice, folders: usize) -> Other {
    Other {
        side: dice.roll(2) as usize,
        step: dice.about(250),
        folder: dice.roll(folders as u64) as usize,
        does: *dice.pick(&[Does::Deliver, Does::Flag, Does::MarkDeleted, Does::Expunge]),
        which: dice.number(),
    }
}
