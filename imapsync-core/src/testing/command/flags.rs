//! What becomes of flags that a client sends, and which ones a folder says it keeps.

use crate::testing::folder::Folder;
use crate::testing::mail::Mail;
use crate::testing::quirks::{AppendedFlags, Keywords};
use crate::testing::syntax::Word;

/// The command that brings flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Append,
    Store,
}

const SYSTEM: [&str; 5] = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];

/// All flags that are in use in a folder, the system flags first.
pub(super) fn in_use(folder: &Folder) -> Vec<String> {
    let mut flags: Vec<String> = SYSTEM.iter().map(|flag| (*flag).to_owned()).collect();
    for flag in folder.messages.iter().flat_map(|message| &message.flags) {
        if !flags.iter().any(|known| known.eq_ignore_ascii_case(flag)) {
            flags.push(flag.clone());
        }
    }
    flags
}

/// What a client can keep.
pub(super) fn permanent(mail: &Mail, folder: &Folder) -> Vec<String> {
    let system = SYSTEM.iter().map(|flag| (*flag).to_owned());
    match mail.quirks.keywords {
        Keywords::Dropped | Keywords::Refused => system.collect(),
        Keywords::Only(kept) => system.chain(kept.iter().map(|flag| (*flag).to_owned())).collect(),
        Keywords::Kept | Keywords::Lost | Keywords::AtMost(_) | Keywords::ByStore(_) => {
            let mut all = in_use(folder);
            all.push("\\*".to_owned());
            all
        }
    }
}

/// Flags as the server keeps them, or why it does not take them.
pub(super) fn accepted(mail: &Mail, name: &str, flags: &[Word], by: By) -> Result<Vec<String>, String> {
    let quirks = &mail.quirks;
    // To look at all messages is for those alone whose answer depends on it.
    let counts =
        quirks.first_spelling || matches!(quirks.keywords, Keywords::AtMost(_) | Keywords::ByStore(_));
    let folder = mail.folders.get(name).filter(|_| counts);
    let known: Vec<String> = folder.map(|folder| in_use(folder).split_off(SYSTEM.len())).unwrap_or_default();
    let mut kept: Vec<String> = Vec::new();
    for flag in flags {
        let flag = flag.text();
        let system = SYSTEM.iter().find(|known| known.eq_ignore_ascii_case(&flag));
        let flag = match (system, flag.starts_with('\\')) {
            (Some(known), _) => Some((*known).to_owned()),
            (None, true) if quirks.drops_unknown_flags => None,
            (None, true) => return Err(format!("BAD no such flag {flag}")),
            (None, false) => keyword(mail, &known, flag, by)?,
        };
        if let Some(flag) = flag.filter(|flag| !kept.iter().any(|known| known.eq_ignore_ascii_case(flag))) {
            kept.push(flag);
        }
    }
    match quirks.appended_flags {
        AppendedFlags::Dropped if by == By::Append => Ok(Vec::new()),
        AppendedFlags::NoDeleted if by == By::Append && kept.iter().any(|flag| flag == "\\Deleted") => {
            Err("NO [CANNOT] APPEND Contains Deleted flag".to_owned())
        }
        _ => Ok(kept),
    }
}

/// A keyword as the folder keeps it; None: not at all.
fn keyword(mail: &Mail, known: &[String], flag: String, by: By) -> Result<Option<String>, String> {
    let quirks = &mail.quirks;
    if quirks.longest_keyword.is_some_and(|most| flag.len() > most) {
        return Err("NO [CANNOT] Keyword length is longer than allowed".to_owned());
    }
    if flag.chars().any(|c| quirks.keywords_refuse.contains(c)) {
        return Err("NO [CANNOT] Invalid characters in keyword".to_owned());
    }
    let spelled = known.iter().find(|known| known.eq_ignore_ascii_case(&flag));
    let is_new = spelled.is_none();
    let flag = spelled.filter(|_| quirks.first_spelling).cloned().unwrap_or(flag);
    let full = |most: usize| is_new && known.len() >= most;
    Ok(match quirks.keywords {
        Keywords::Kept => Some(flag),
        Keywords::Dropped | Keywords::Lost => None,
        Keywords::Refused => return Err("BAD no keywords here".to_owned()),
        Keywords::Only(kept) => {
            kept.iter().find(|kept| kept.eq_ignore_ascii_case(&flag)).map(|kept| (*kept).into())
        }
        Keywords::AtMost(most) if full(most) => {
            return Err("NO [LIMIT] Too many user flags in mailbox".to_owned());
        }
        Keywords::ByStore(most) if full(most) || is_new && by == By::Append => None,
        Keywords::AtMost(_) | Keywords::ByStore(_) => Some(flag),
    })
}
