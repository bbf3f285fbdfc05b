//! One name from the source's spelling into the destination's: prefix, separators, subfolders, edits.

use super::layout::separator_of;
use super::{Folder, Layout, MappingRules, strip_prefix};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::name::MailboxName;
use crate::substitution::Substitution;
use std::borrow::Cow;

/// Everything that the general rule needs, the options already worked in.
pub(super) struct Renamer<'r> {
    rules: &'r MappingRules,
    source: Layout,
    destination: Layout,
    /// The folder of the source that stands for the whole account.
    root: Option<MailboxName>,
    /// What is put in front of every name, INBOX too: the prefix, `subfolder2` and a separator.
    under: Option<Vec<u8>>,
}

/// What the general rule made of a name.
pub(super) struct Renamed {
    pub(super) name: MailboxName,
    /// `/` was left over in the name and became `_`.
    pub(super) slashes: bool,
}

impl<'r> Renamer<'r> {
    /// `root` and `subfolder2` are what `subfolder1` and `subfolder2` were found to mean.
    pub(super) fn new(
        rules: &'r MappingRules,
        source: Layout,
        destination: Layout,
        root: Option<MailboxName>,
        subfolder2: Option<&str>,
    ) -> Self {
        let under = subfolder2.map(|text| {
            let prefix = destination.prefix.as_slice();
            // A user may name it with the prefix or without.
            let text = strip_prefix(text.as_bytes(), prefix).unwrap_or(text.as_bytes());
            [prefix, text, &[destination.separator]].concat()
        });
        Self { rules, source, destination, root, under }
    }

    /// Whether the folder lies in the part of the account that is copied.
    pub(super) fn covers(&self, folder: &Folder) -> bool {
        self.root
            .as_ref()
            .is_none_or(|root| folder.name == *root || folder.name.is_below(root, self.separator(folder)))
    }

    fn separator(&self, folder: &Folder) -> u8 {
        separator_of(folder, self.rules.sep1.as_deref(), &self.source)
    }

    /// The name of a source folder on the destination.
    pub(super) fn rename(&self, folder: &Folder) -> Result<Renamed, Error> {
        let mut slashes = false;
        let own = as_modified_utf7(&folder.name);
        let name = match self.within_account(&own, self.separator(folder)) {
            b"" => self.place(b"INBOX", true),
            rest if rest.eq_ignore_ascii_case(b"INBOX") => self.place(b"INBOX", true),
            rest => {
                let (swapped, had_slashes) = self.swap(rest, self.separator(folder));
                slashes = had_slashes;
                self.place(&swapped, false)
            }
        };
        let name = self.edit(MailboxName::from_wire(name));
        let trimmed = trim_separators(name.as_wire(), self.destination.separator);
        if trimmed.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "--regextrans2 leaves nothing of the folder's name")
                .on(Side::Source)
                .in_folder(folder.name.display())
                .hint("leave the folder out with --exclude, or change the edit"));
        }
        Ok(Renamed { name: MailboxName::from_wire(trimmed), slashes })
    }

    /// The name without `subfolder1`, else without the prefix; empty for the folder that stands for INBOX.
    fn within_account<'n>(&self, name: &'n MailboxName, separator: u8) -> &'n [u8] {
        let wire = name.as_wire();
        match &self.root {
            Some(root) if name == root => b"",
            Some(root) => strip_prefix(wire, &[root.as_wire(), &[separator]].concat()).unwrap_or(wire),
            None if name.is_inbox() => b"",
            None => strip_prefix(wire, &self.source.prefix).unwrap_or(wire),
        }
    }

    /// The name behind the destination's prefix and `subfolder2`.
    fn place(&self, name: &[u8], inbox: bool) -> Vec<u8> {
        match &self.under {
            Some(under) => [under.as_slice(), name].concat(),
            None if inbox => name.to_vec(),
            None => [self.destination.prefix.as_slice(), name].concat(),
        }
    }

    /// Swaps the two separators, both ways, and then replaces each `/` that is left where `/` does not separate. What
    /// stands in a `&...-` run encodes characters and is no separator. Also says whether a `/` was replaced.
    fn swap(&self, name: &[u8], from: u8) -> (Vec<u8>, bool) {
        let to = self.destination.separator;
        let fix = self.rules.fixslash2 && from != to && to != b'/';
        let mut swapped = Vec::with_capacity(name.len());
        let mut slashes = false;
        let mut rest = name;
        while let Some((&byte, after)) = rest.split_first() {
            let run = encoded_run(rest);
            if run > 0 {
                let (encoded, after) = rest.split_at(run);
                swapped.extend_from_slice(encoded);
                rest = after;
                continue;
            }
            let byte = match byte {
                _ if byte == from => to,
                _ if byte == to => from,
                other => other,
            };
            let slash = fix && byte == b'/';
            slashes |= slash;
            swapped.push(if slash { b'_' } else { byte });
            rest = after;
        }
        (swapped, slashes)
    }

    /// The name after `regextrans2`.
    fn edit(&self, name: MailboxName) -> MailboxName {
        self.rules.regextrans2.iter().fold(name, |name, edit| {
            let decoded = if mentions_encoded(edit) { None } else { name.decode() };
            match decoded {
                Some(text) => match edit.apply(&text) {
                    Cow::Borrowed(_) => name,
                    Cow::Owned(edited) => MailboxName::from_text(&edited),
                },
                None => MailboxName::from_wire(edit.apply_bytes(name.as_wire()).into_owned()),
            }
        })
    }
}

/// Raw UTF-8 on the wire, which some servers list, becomes the modified UTF-7 that every server takes.
fn as_modified_utf7(name: &MailboxName) -> MailboxName {
    match name.decode() {
        Some(text) if !name.as_wire().is_ascii() => MailboxName::from_text(&text),
        _ => name.clone(),
    }
}

fn trim_separators(mut name: &[u8], separator: u8) -> &[u8] {
    while let Some(shorter) = name.strip_suffix(&[separator]) {
        name = shorter;
    }
    name
}

/// The length of the `&...-` run at the beginning of `bytes`, 0 where there is none.
fn encoded_run(bytes: &[u8]) -> usize {
    let Some(inside) = bytes.strip_prefix(b"&") else { return 0 };
    let base64 = inside.iter().take_while(|b| b.is_ascii_alphanumeric() || b"+,".contains(b)).count();
    if inside.get(base64) == Some(&b'-') { base64 + 2 } else { 0 }
}

/// Whether the user wrote modified UTF-7 into the edit, as was needed for the original.
fn mentions_encoded(edit: &Substitution) -> bool {
    let text = edit.as_str().as_bytes();
    (0..text.len()).any(|at| {
        text.get(at..).is_some_and(|rest| {
            let run = rest.get(..encoded_run(rest)).unwrap_or_default();
            // `&-` is the ampersand and too short to tell.
            run.len() > 4 && MailboxName::from_wire(run).decode().is_some_and(|text| !text.is_ascii())
        })
    })
}
