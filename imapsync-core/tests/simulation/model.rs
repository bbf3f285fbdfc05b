//! What must hold: a small model of both accounts, computed from the beginning and the options, never from a report.

use crate::course::World;
use crate::scene::{Choice, Letter, Scene};
use imapsync_core::Delete1;
use imapsync_core::testing::{Dates, Keywords, Message, Rewrite};
use std::collections::{BTreeMap, BTreeSet};

/// What another client has done.
#[derive(Debug, Clone, Default)]
pub struct Acted {
    pub count: u64,
    /// By side and folder.
    pub folders: BTreeMap<(usize, usize), Acts>,
}

/// What another client has done in one folder: messages by UID, with their text.
#[derive(Debug, Clone, Default)]
pub struct Acts {
    pub delivered: Vec<(u32, Vec<u8>)>,
    pub removed: Vec<(u32, Vec<u8>)>,
    pub marked: Vec<(u32, Vec<u8>)>,
    pub flagged: Vec<u32>,
}

impl Scene {
    /// What a folder is called on one side.
    pub fn name(&self, side: usize, folder: usize) -> String {
        self.wire_name(side, self.folders[folder].path)
    }

    /// The folder of the destination that no folder of the source is mapped to.
    pub fn elsewhere(&self) -> String {
        self.wire_name(1, &["Else"])
    }

    fn wire_name(&self, side: usize, path: &[&str]) -> String {
        let host = &self.hosts[side];
        if path == ["INBOX"] {
            return "INBOX".to_owned();
        }
        format!("{}{}", host.prefix, path.join(&host.separator.to_string())).replace('&', "&-")
    }

    /// The text of a message as a side keeps it.
    pub fn kept_body(&self, side: usize, letter: &Letter) -> Vec<u8> {
        if side == 0 { letter.body.clone() } else { self.form(&letter.body) }
    }

    /// What the destination makes of a message.
    fn form(&self, body: &[u8]) -> Vec<u8> {
        let crlf = |bytes: &[u8]| {
            let text: Vec<u8> = bytes.to_vec();
            let mut out = Vec::new();
            for (at, byte) in text.iter().enumerate() {
                if *byte == b'\n' && at.checked_sub(1).is_none_or(|before| text[before] != b'\r') {
                    out.push(b'\r');
                }
                out.push(*byte);
            }
            out
        };
        match self.hosts[1].quirks.rewrite {
            Rewrite::NulAndLineFeed => {
                crlf(body).into_iter().map(|byte| if byte == 0 { 0x80 } else { byte }).collect()
            }
            Rewrite::LineEnds => {
                let mut text = crlf(body);
                if !text.ends_with(b"\r\n") {
                    text.extend_from_slice(b"\r\n");
                }
                text
            }
            Rewrite::Headers => [b"X-MS-Exchange-Organization-SCL: -1\r\n", body].concat(),
            _ => body.to_vec(),
        }
    }

    /// The flags that a message has on a side in the beginning.
    pub fn kept_flags(&self, side: usize, letter: &Letter) -> Vec<String> {
        let system = side == 1 && self.loses_keywords();
        letter
            .flags
            .iter()
            .filter(|flag| !system || flag.starts_with('\\'))
            .map(|flag| (*flag).to_owned())
            .collect()
    }

    /// Whether the destination does not keep all keywords.
    pub fn loses_keywords(&self) -> bool {
        self.hosts[1].quirks.keywords != Keywords::Kept
    }
}

/// Both accounts as they are now.
pub struct Model<'a> {
    scene: &'a Scene,
    choice: &'a Choice,
    acted: Acted,
    folders: Vec<Pair>,
    strange: Vec<String>,
}

/// One folder on both sides.
struct Pair {
    title: String,
    /// The beginning, with what was delivered since: UID, text as the destination keeps it, whether it was marked.
    began: [Vec<(u32, Vec<u8>, bool)>; 2],
    now: [Vec<Now>; 2],
    removed: [BTreeSet<u32>; 2],
    removed_texts: [Vec<Vec<u8>>; 2],
    touched: bool,
}

/// A message that is there.
struct Now {
    uid: u32,
    /// As the destination keeps it.
    text: Vec<u8>,
    flags: BTreeSet<String>,
    date: String,
}

impl<'a> Model<'a> {
    pub fn new(world: &World<'a>) -> Self {
        let scene = world.scene;
        let acted = world.acted.lock().unwrap().clone();
        let folders = (0..scene.folders.len()).map(|at| Pair::new(world, &acted, at)).collect();
        let mut known: BTreeSet<String> = (0..scene.folders.len()).map(|at| scene.name(1, at)).collect();
        known.extend(["INBOX".to_owned(), scene.elsewhere()]);
        let mut strange = Vec::new();
        let mail = world.servers[1].mail();
        for (name, folder) in &mail.folders {
            if !known.contains(name) && !folder.messages.is_empty() {
                strange.push(format!("messages in {name}"));
            }
        }
        let elsewhere = &mail.folders[&scene.elsewhere()];
        if elsewhere.messages.len() != 2 || elsewhere.modseq != 3 {
            strange.push("a folder changed that no source folder has to do with".to_owned());
        }
        drop(mail);
        Self { scene, choice: &scene.choice, acted, folders, strange }
    }

    /// What holds after every run, whatever has happened in it.
    pub fn always(&self) -> Result<(), String> {
        if let Some(strange) = self.strange.first() {
            return Err(strange.clone());
        }
        for (at, pair) in self.folders.iter().enumerate() {
            self.nothing_lost(pair)
                .and_then(|()| self.nothing_doubled(pair))
                .and_then(|()| self.source_deletions(pair))
                .and_then(|()| self.destination_deletions(pair))
                .and_then(|()| self.source_flags(at, pair))
                .and_then(|()| self.destination_marks(at, pair, self.choice.delete2))
                .map_err(|why| format!("{}: {why}", pair.title))?;
        }
        Ok(())
    }

    fn nothing_lost(&self, pair: &Pair) -> Result<(), String> {
        for (uid, text, _) in &pair.began[0] {
            let there = pair.is_over_there(text) || pair.looks_there(text);
            if !pair.has(0, text) && !there && !pair.removed_texts[0].contains(text) {
                return Err(format!("lost: source message {uid} {}", shown(text)));
            }
        }
        Ok(())
    }

    fn nothing_doubled(&self, pair: &Pair) -> Result<(), String> {
        for text in pair.texts() {
            let (ours, theirs) = (pair.began(0, &text), pair.began(1, &text));
            let wanted = if self.choice.sync_duplicates { ours } else { ours.min(1) };
            let there = pair.count(1, &text);
            if there > wanted.max(theirs) {
                let what = if ours + theirs == 0 { "no source message" } else { "doubled" };
                return Err(format!("{what}: {there} of {}", shown(&text)));
            }
        }
        Ok(())
    }

    fn source_deletions(&self, pair: &Pair) -> Result<(), String> {
        let Choice { delete1, expunge1, .. } = self.choice;
        for (uid, text, marked) in pair.gone(0) {
            let asked = *delete1 == Delete1::Expunge || *expunge1 && (*marked || *delete1 == Delete1::Mark);
            if !asked || !pair.is_over_there(text) && !pair.looks_there(text) {
                return Err(format!("wrongly deleted: source message {uid} {}", shown(text)));
            }
        }
        Ok(())
    }

    fn destination_deletions(&self, pair: &Pair) -> Result<(), String> {
        for (uid, text, _) in pair.gone(1) {
            let kept = pair.count(1, text) >= pair.count(0, text).min(pair.began(1, text));
            if !self.choice.delete2 || !kept {
                return Err(format!("wrongly deleted: destination message {uid} {}", shown(text)));
            }
        }
        Ok(())
    }

    fn source_flags(&self, at: usize, pair: &Pair) -> Result<(), String> {
        let touched: Vec<u32> = self.acts(0, at).map_or_else(Vec::new, |acts| {
            acts.flagged.iter().copied().chain(acts.delivered.iter().map(|(uid, _)| *uid)).collect()
        });
        for now in &pair.now[0] {
            let Some((_, _, marked)) = pair.began[0].iter().find(|(uid, ..)| *uid == now.uid) else {
                return Err(format!("a new source message {}", now.uid));
            };
            let has_mark = now.flags.contains("\\Deleted");
            let there = pair.is_over_there(&now.text) || pair.looks_there(&now.text);
            let ours = self.choice.delete1 != Delete1::No && there;
            if has_mark != *marked && !(has_mark && ours) {
                return Err(format!("source message {} is marked: {has_mark}", now.uid));
            }
            if let Some(letter) = self.scene.folders[at].here.get(now.uid as usize - 1)
                && !touched.contains(&now.uid)
                && without_mark(&flag_set(&letter.flags)) != without_mark(&now.flags)
            {
                return Err(format!("the flags of source message {} changed: {:?}", now.uid, now.flags));
            }
        }
        Ok(())
    }

    /// A mark over there was there before, is another client's, is that of a source message, or is about to go.
    fn destination_marks(&self, at: usize, pair: &Pair, deleting: bool) -> Result<(), String> {
        if deleting {
            return Ok(());
        }
        let marked_here = |text: &Vec<u8>| {
            !self.choice.marks() && pair.began[0].iter().any(|(_, other, marked)| *marked && other == text)
        };
        for now in pair.now[1].iter().filter(|now| now.flags.contains("\\Deleted")) {
            let before = pair.began[1].iter().any(|(uid, _, marked)| *uid == now.uid && *marked)
                || self.acts(1, at).is_some_and(|acts| acts.marked.iter().any(|(uid, _)| *uid == now.uid));
            if !before && !marked_here(&now.text) {
                return Err(format!("a stray mark in {at} on destination message {}", now.uid));
            }
        }
        Ok(())
    }

    /// What holds after a success: `before` is what another client had done when the run began.
    pub fn success(&self, before: &Acted) -> Result<(), String> {
        for (at, pair) in self.folders.iter().enumerate() {
            let delivered: Vec<u32> = before
                .folders
                .get(&(0, at))
                .map_or_else(Vec::new, |acts| acts.delivered.iter().map(|(uid, _)| *uid).collect());
            let first = self.scene.folders[at].here.len() as u32;
            for (uid, text, _) in &pair.began[0] {
                let expected = *uid <= first || delivered.contains(uid);
                let there = pair.is_over_there(text) || pair.looks_there(text);
                if expected && !pair.removed[0].contains(uid) && !there {
                    return Err(format!(
                        "{}: a success although source message {uid} is missing over there: {}",
                        pair.title,
                        shown(text)
                    ));
                }
            }
        }
        Ok(())
    }

    /// What holds in the end. `refused`: something could not be expunged, and that was said.
    pub fn end(&self, refused: bool) -> Result<(), String> {
        for (at, pair) in self.folders.iter().enumerate() {
            let told = |why| format!("{}: in the end: {why}", pair.title);
            if pair.touched {
                continue;
            }
            if !refused {
                self.destination_marks(at, pair, false).map_err(told)?;
            }
            for text in pair.texts() {
                let (ours, theirs) = (pair.began(0, &text), pair.began(1, &text));
                let mut expected = match (self.choice.sync_duplicates, theirs) {
                    (true, _) => ours.max(theirs),
                    (false, 0) => ours.min(1),
                    (false, _) => theirs,
                };
                let refused = refused && pair.count(1, &text) == expected;
                if self.choice.delete2 && !refused {
                    expected = expected.min(ours);
                }
                if pair.count(1, &text) != expected {
                    return Err(told(format!(
                        "{} instead of {expected} of {}",
                        pair.count(1, &text),
                        shown(&text)
                    )));
                }
            }
            for (uid, _, marked) in &pair.began[0] {
                let there = pair.now[0].iter().find(|now| now.uid == *uid);
                let goes = self.choice.delete1 == Delete1::Expunge
                    || self.choice.expunge1 && (*marked || self.choice.delete1 == Delete1::Mark);
                if there.is_some() == goes && !refused {
                    return Err(told(format!("source message {uid} there: {}", there.is_some())));
                }
                if let Some(now) = there
                    && self.choice.delete1 == Delete1::Mark
                    && !now.flags.contains("\\Deleted")
                {
                    return Err(told(format!("source message {uid} is not marked")));
                }
            }
            self.flags_and_dates(at, pair).map_err(told)?;
        }
        Ok(())
    }

    /// Messages that are there once on each side have the same flags and dates in the end.
    fn flags_and_dates(&self, at: usize, pair: &Pair) -> Result<(), String> {
        for there in &pair.now[1] {
            let (ours, theirs) = (pair.began(0, &there.text), pair.count(1, &there.text));
            let Some(letter) =
                self.scene.folders[at].here.iter().find(|letter| self.scene.form(&letter.body) == there.text)
            else {
                continue;
            };
            // Twins of one length are matched by their order, whatever they say.
            if ours != 1 || theirs != 1 || letter.body.starts_with(b"Message-Id: <twin") {
                continue;
            }
            let copied = pair.began(1, &there.text) == 0;
            let (mut wanted, mut has) = (flag_set(&letter.flags), there.flags.clone());
            if self.choice.marks() {
                (wanted, has) = (without_mark(&wanted), without_mark(&has));
            }
            if self.scene.loses_keywords() {
                wanted.retain(|flag| flag.starts_with('\\'));
                has.retain(|flag| flag.starts_with('\\'));
            }
            if self.choice.resync_flags && wanted != has {
                return Err(format!("destination message {} has {has:?}, not {wanted:?}", there.uid));
            }
            if copied && self.scene.hosts[1].quirks.dates == Dates::Kept && letter.date != there.date {
                return Err(format!(
                    "destination message {} is of {}, not {}",
                    there.uid, there.date, letter.date
                ));
            }
        }
        Ok(())
    }

    fn acts(&self, side: usize, folder: usize) -> Option<&Acts> {
        self.acted.folders.get(&(side, folder))
    }
}

impl Pair {
    fn new(world: &World<'_>, acted: &Acted, at: usize) -> Self {
        let scene = world.scene;
        let folder = &scene.folders[at];
        let acts = |side: usize| acted.folders.get(&(side, at));
        let began = [0, 1].map(|side| {
            let letters =
                if side == 0 { folder.here.as_slice() } else { folder.there.as_deref().unwrap_or_default() };
            let marked_later = |uid: u32| {
                acts(side).is_some_and(|acts| acts.marked.iter().any(|(marked, _)| *marked == uid))
            };
            let mut began: Vec<(u32, Vec<u8>, bool)> = Vec::new();
            for (n, letter) in letters.iter().enumerate() {
                let uid = n as u32 + 1;
                let marked = letter.flags.contains(&"\\Deleted") || marked_later(uid);
                began.push((uid, scene.form(&letter.body), marked));
            }
            for (uid, body) in acts(side).map_or(&[][..], |acts| &acts.delivered) {
                // What another client puts over there is not made over.
                let text = if side == 0 { scene.form(body) } else { body.clone() };
                began.push((*uid, text, marked_later(*uid)));
            }
            began
        });
        let now = [0, 1].map(|side| {
            let messages: Vec<Message> = world.servers[side].messages(&scene.name(side, at));
            let text = |body: Vec<u8>| if side == 0 { scene.form(&body) } else { body };
            let now = messages.into_iter().map(|message| Now {
                uid: message.uid,
                text: text(message.body.to_bytes().to_vec()),
                flags: message.flags.into_iter().collect(),
                date: message.date.to_string(),
            });
            now.collect()
        });
        let removed = |side: usize| acts(side).map_or(&[][..], |acts| &acts.removed[..]);
        Self {
            title: scene.name(0, at),
            began,
            now,
            removed: [0, 1].map(|side| removed(side).iter().map(|(uid, _)| *uid).collect()),
            removed_texts: [0, 1].map(|side| {
                let texts = removed(side).iter().map(|(_, body)| body);
                texts.map(|body| if side == 0 { scene.form(body) } else { body.clone() }).collect()
            }),
            touched: acts(0).is_some() || acts(1).is_some(),
        }
    }

    fn count(&self, side: usize, text: &[u8]) -> usize {
        self.now[side].iter().filter(|now| now.text == text).count()
    }

    fn has(&self, side: usize, text: &[u8]) -> bool {
        self.count(side, text) > 0
    }

    /// How many there were in the beginning, with those that were delivered since.
    fn began(&self, side: usize, text: &[u8]) -> usize {
        self.began[side].iter().filter(|(_, other, _)| other == text).count()
    }

    /// It is on the destination, or was until another client removed it.
    fn is_over_there(&self, text: &Vec<u8>) -> bool {
        self.has(1, text) || self.removed_texts[1].contains(text)
    }

    /// Another client has expunged a message with the same Message-Id, and as many with it are over there as here: servers
    /// change sizes, so nothing but a body read on both sides, of every message in every run, could tell its copy from one
    /// of this message. Such a message may be deleted on the source, too: `--delete1` knows no more than the copying does.
    fn looks_there(&self, text: &[u8]) -> bool {
        let id = |text: &[u8]| text.split(|byte| *byte == b'\n').next().map(<[u8]>::to_vec);
        let same = |other: &&Vec<u8>| id(other) == id(text);
        let count = |side: usize| self.now[side].iter().filter(|now| same(&&now.text)).count();
        self.removed_texts[0].iter().any(|other| same(&other)) && count(1) >= count(0)
    }

    /// What was there, is not any more, and was not removed by another client.
    fn gone(&self, side: usize) -> impl Iterator<Item = &(u32, Vec<u8>, bool)> {
        self.began[side].iter().filter(move |(uid, ..)| {
            !self.removed[side].contains(uid) && !self.now[side].iter().any(|now| now.uid == *uid)
        })
    }

    /// Every text of either side, then and now.
    fn texts(&self) -> BTreeSet<Vec<u8>> {
        let then = self.began.iter().flatten().map(|(_, text, _)| text.clone());
        then.chain(self.now[1].iter().map(|now| now.text.clone())).collect()
    }
}

fn flag_set(flags: &[&str]) -> BTreeSet<String> {
    flags.iter().map(|flag| (*flag).to_owned()).collect()
}

fn without_mark(flags: &BTreeSet<String>) -> BTreeSet<String> {
    flags.iter().filter(|flag| *flag != "\\Deleted").cloned().collect()
}

fn shown(text: &[u8]) -> String {
    format!("{:?} ({} bytes)", String::from_utf8_lossy(&text[..text.len().min(60)]), text.len())
}
