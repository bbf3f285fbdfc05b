//! SEARCH and UID SEARCH, with RETURN (ESEARCH, RFC 4731; SEARCHRES, RFC 5182; PARTIAL, RFC 9394).

use super::Executor;
use super::keys::Key;
use crate::testing::folder::Finder;
use crate::testing::output::Output;
use crate::testing::set::shown;
use crate::testing::syntax::Word;
use std::fmt::Write as _;

impl Executor {
    pub(super) fn search(&mut self, tag: &str, arguments: &[Word], uid: bool, out: &mut Output) -> String {
        // Servers look anew when they search.
        self.news(out, false);
        let server = self.server.clone();
        let mail = server.mail();
        let (mut words, mut returns): (_, Option<&[Word]>) = (arguments, None);
        if let [word, list, rest @ ..] = words
            && word.keyword() == "RETURN"
        {
            if !mail.has("ESEARCH") && !mail.has("IMAP4rev2") {
                return "BAD no RETURN here".to_owned();
            }
            returns = Some(list.items());
            words = rest;
        }
        if let [word, charset, rest @ ..] = words
            && word.keyword() == "CHARSET"
        {
            if !["UTF-8", "US-ASCII"].contains(&charset.text().to_ascii_uppercase().as_str()) {
                return "NO [BADCHARSET (UTF-8 US-ASCII)] no such charset".to_owned();
            }
            words = rest;
        }
        if returns.is_none() && self.is_rev2() {
            returns = Some(&[]);
        }
        let Some(selected) = &mut self.selected else { return "BAD nothing is selected".to_owned() };
        let Some(folder) = selected.folder(&mail) else {
            return "NO [NONEXISTENT] the folder is gone".to_owned();
        };
        let Some(key) = Key::all(words, selected, &mail.quirks) else { return "BAD no such key".to_owned() };
        let by_modseq = key.asks_modseq();
        let (mut found, mut uids, mut modseq) = (Vec::new(), Vec::new(), 0);
        let saves = returns.is_some_and(|options| options.iter().any(|word| word.keyword() == "SAVE"));
        let mut finder = Finder::new(folder);
        for (number, known) in (1..).zip(selected.known.iter()) {
            let Some(message) = finder.find(*known) else { continue };
            if key.holds(number, message) {
                found.push(if uid { message.uid } else { number });
                modseq = modseq.max(message.modseq);
                if saves {
                    uids.push(message.uid);
                }
            }
        }
        if saves {
            if !mail.has("SEARCHRES") && !mail.has("IMAP4rev2") {
                return "BAD no SAVE here".to_owned();
            }
            selected.saved = uids;
        }
        let modseq = (by_modseq && !found.is_empty()).then_some(modseq);
        match returns {
            None => out.line(plain(&found, modseq)),
            Some(options) => match extended(tag, options, &found, uid, modseq) {
                Some(line) => out.line(line),
                None if saves => {}
                None => return "BAD no such RETURN".to_owned(),
            },
        }
        if by_modseq {
            self.condstore(&mail, out);
        }
        "OK done".to_owned()
    }
}

fn plain(found: &[u32], modseq: Option<u64>) -> String {
    let mut line = "* SEARCH".to_owned();
    for number in found {
        // Writing to memory cannot fail.
        let _ = write!(line, " {number}");
    }
    if let Some(modseq) = modseq {
        let _ = write!(line, " (MODSEQ {modseq})");
    }
    line
}

/// The ESEARCH line; None where nothing of it is asked for, or an option is none.
fn extended(tag: &str, options: &[Word], found: &[u32], uid: bool, modseq: Option<u64>) -> Option<String> {
    let mut line = format!("* ESEARCH (TAG \"{tag}\")");
    if uid {
        line.push_str(" UID");
    }
    let (mut told, mut options) = (options.is_empty(), options.iter());
    if told && !found.is_empty() {
        line.push_str(&format!(" ALL {}", shown(found.iter().copied())));
    }
    while let Some(option) = options.next() {
        let option = option.keyword();
        told |= option != "SAVE";
        match (option.as_str(), found.first(), found.last()) {
            ("COUNT", ..) => line.push_str(&format!(" COUNT {}", found.len())),
            ("MIN", Some(first), _) => line.push_str(&format!(" MIN {first}")),
            ("MAX", _, Some(last)) => line.push_str(&format!(" MAX {last}")),
            ("ALL", Some(_), _) => line.push_str(&format!(" ALL {}", shown(found.iter().copied()))),
            ("PARTIAL", ..) => {
                let range = options.next()?.text();
                let (from, to) = partial(&range, found.len())?;
                let part = shown(found[from..to].iter().copied());
                let part = if part.is_empty() { "NIL" } else { &part };
                line.push_str(&format!(" PARTIAL ({range} {part})"));
            }
            ("MIN" | "MAX" | "ALL" | "SAVE", ..) => {}
            _ => return None,
        }
    }
    if let Some(modseq) = modseq {
        line.push_str(&format!(" MODSEQ {modseq}"));
    }
    told.then_some(line)
}

/// From where up to where of `len` results `1:100`, or from the end `-1:-100`, goes (RFC 9394).
pub(super) fn partial(range: &str, len: usize) -> Option<(usize, usize)> {
    let (a, b) = range.split_once(':')?;
    let back = a.starts_with('-');
    let number = |text: &str| -> Option<usize> {
        let digits = if back { text.strip_prefix('-')? } else { text };
        digits.parse().ok().filter(|number| *number > 0)
    };
    let (a, b) = (number(a)?, number(b)?);
    let (first, last) = (a.min(b) - 1, a.max(b));
    Some(if back {
        (len.saturating_sub(last), len.saturating_sub(first))
    } else {
        (first.min(len), last.min(len))
    })
}
