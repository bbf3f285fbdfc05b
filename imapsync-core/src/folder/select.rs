//! Which folders of the source are wanted, and in which order they are copied.

use super::{Called, Folder, Layout};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::name::MailboxName;
use crate::substitution::Pattern;
use std::collections::HashSet;

/// The folders a user wants. The default is all of them.
///
/// Names are given in modified UTF-7 or UTF-8, with or without the prefix of the account; patterns match the decoded
/// name or the one on the wire.
///
/// Wanted are `folders`, `subtrees` and the subscribed ones together, or all folders where none of these and no
/// `include` was given; `include` adds to that, and `exclude` takes away, last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Exact names (`--folder`).
    pub folders: Vec<String>,
    /// Names of folders that are wanted with everything below them (`--folderrec`).
    pub subtrees: Vec<String>,
    /// The folders that the account is subscribed to (`--subscribed`).
    pub subscribed: bool,
    /// Patterns of further wanted folders (`--include`).
    pub include: Vec<Pattern>,
    /// Patterns of unwanted folders (`--exclude`).
    pub exclude: Vec<Pattern>,
    /// Names of folders to copy first, in this order (`--folderfirst`). They do not select.
    pub first: Vec<String>,
    /// Names of folders to copy last, in this order (`--folderlast`). They do not select.
    pub last: Vec<String>,
}

impl Selection {
    /// The indexes of the wanted folders in copy order: `first`, the others by name, `last`.
    ///
    /// Folders that cannot be selected are left out, and a name listed twice counts once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::FolderMissing`] where a folder wanted by name is not there or cannot be selected: a typing error
    /// must not pass for a complete copy.
    pub fn select(&self, folders: &[Folder], layout: &Layout) -> Result<Vec<usize>, Error> {
        let mut wanted = HashSet::new();
        let mut missing: Vec<&str> = Vec::new();
        for text in &self.folders {
            let found = find(folders, layout, text, |called, folder| called.is(&folder.name));
            missing.extend(found.is_empty().then_some(text.as_str()));
            wanted.extend(found);
        }
        for text in &self.subtrees {
            let found = find(folders, layout, text, |called, folder| {
                let separator = folder.separator.unwrap_or(layout.separator);
                called.is(&folder.name) || folder.name.is_below(&called.wire, separator)
            });
            missing.extend(found.is_empty().then_some(text.as_str()));
            wanted.extend(found);
        }
        if let [first, ..] = missing.as_slice() {
            let message = match missing.len() {
                1 => "the folder is not there, or holds no messages".to_owned(),
                _ => format!("these folders are not there, or hold no messages: {}", missing.join(", ")),
            };
            return Err(Error::new(ErrorKind::FolderMissing, message)
                .on(Side::Source)
                .in_folder(MailboxName::from_option(first).display())
                .hint("--dry shows the names of all folders"));
        }

        let all = self.folders.is_empty()
            && self.subtrees.is_empty()
            && !self.subscribed
            && self.include.is_empty();
        let mut seen = HashSet::new();
        let mut chosen: Vec<usize> = folders
            .iter()
            .enumerate()
            .filter(|(index, folder)| {
                let named = all || wanted.contains(index) || (self.subscribed && folder.subscribed);
                folder.is_selectable()
                    && seen.insert(&folder.name)
                    && (named || matches(&self.include, &folder.name))
                    && !matches(&self.exclude, &folder.name)
            })
            .map(|(index, _)| index)
            .collect();
        let names = |texts: &[String]| -> Vec<[Called; 2]> {
            texts.iter().map(|text| [Called::new(text), Called::new(&with_prefix(layout, text))]).collect()
        };
        let (first, last) = (names(&self.first), names(&self.last));
        let place = |index: &usize| {
            let Some(folder) = folders.get(*index) else { return (0, 0) };
            let among = |names: &[[Called; 2]]| {
                names.iter().position(|spellings| spellings.iter().any(|called| called.is(&folder.name)))
            };
            match (among(&first), among(&last)) {
                (Some(position), _) => (0, position),
                (None, Some(position)) => (2, position),
                (None, None) => (1, 0),
            }
        };
        chosen.sort_by_cached_key(|index| {
            (place(index), folders.get(*index).map(|folder| folder.name.as_wire().to_vec()))
        });
        Ok(chosen)
    }
}

/// The selectable folders that a user meant: under the very name, else under the name behind the prefix.
fn find(
    folders: &[Folder],
    layout: &Layout,
    text: &str,
    meant: impl Fn(&Called, &Folder) -> bool,
) -> Vec<usize> {
    let look = |text: &str| -> Vec<usize> {
        let called = Called::new(text);
        let hit = |(_, folder): &(usize, &Folder)| folder.is_selectable() && meant(&called, folder);
        folders.iter().enumerate().filter(hit).map(|(index, _)| index).collect()
    };
    let found = look(text);
    if found.is_empty() { look(&with_prefix(layout, text)) } else { found }
}

/// The name behind the prefix of the account.
fn with_prefix(layout: &Layout, text: &str) -> String {
    let prefix = MailboxName::from_wire(layout.prefix.clone()).decode().unwrap_or_default();
    prefix + &MailboxName::from_option(text).decode().unwrap_or_default()
}

fn matches(patterns: &[Pattern], name: &MailboxName) -> bool {
    if patterns.is_empty() {
        return false;
    }
    let decoded = name.decode();
    patterns.iter().any(|pattern| {
        decoded.as_ref().is_some_and(|decoded| pattern.is_match(decoded))
            || pattern.is_match_bytes(name.as_wire())
    })
}
