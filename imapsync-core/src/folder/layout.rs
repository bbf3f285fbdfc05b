//! Where an account keeps its folders: the prefix in front of their names and the separator within.

use super::{Folder, starts_with_inbox};
use crate::imap::name::MailboxName;

/// Prefix and separator of an account: `INBOX.` and `.` on Courier, nothing and `/` on Gmail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What stands in front of the name of every folder but INBOX, as wire bytes; often empty.
    pub prefix: Vec<u8>,
    /// What separates the levels of a name.
    pub separator: u8,
}

impl Layout {
    /// Finds the layout of an account.
    ///
    /// Each part is taken from the first of these that knows it: the option (`--prefix1`, `--sep1`; an empty prefix is
    /// an answer, an empty separator is none), for the separator what the listing says of INBOX, `namespace` (the first
    /// personal one, RFC 2342), the listing, a guess. A server that contradicts itself means what it lists.
    /// Guessed is the prefix `INBOX` and separator where every folder but INBOX begins so, else none, and the
    /// separator among `/`, `.` and `\` that the names use most, else `/`.
    ///
    /// ```
    /// use imapsync_core::folder::Layout;
    /// let courier = Layout::find(Some((b"INBOX.", Some(b'.'))), &[], None, None);
    /// assert_eq!((courier.prefix.as_slice(), courier.separator), (&b"INBOX."[..], b'.'));
    /// ```
    pub fn find(
        namespace: Option<(&[u8], Option<u8>)>,
        folders: &[Folder],
        prefix_option: Option<&str>,
        sep_option: Option<&str>,
    ) -> Self {
        let inbox = folders.iter().find(|folder| folder.name.is_inbox());
        let separator = option_separator(sep_option)
            .or_else(|| inbox.and_then(|inbox| inbox.separator))
            .or_else(|| namespace.and_then(|(_, separator)| separator))
            .or_else(|| most(folders.iter().filter_map(|folder| folder.separator)))
            .or_else(|| {
                let bytes = folders.iter().flat_map(|folder| folder.name.as_wire());
                most(bytes.copied().filter(|byte| b"/.\\".contains(byte)))
            })
            .unwrap_or(b'/');
        let prefix = prefix_option
            .map(option_prefix)
            .or_else(|| namespace.map(|(prefix, _)| prefix.to_vec()))
            .unwrap_or_else(|| guess_prefix(folders, separator));
        Self { prefix, separator }
    }

    /// This layout with the parts that options give.
    pub(super) fn with_options(&self, prefix: Option<&str>, separator: Option<&str>) -> Self {
        Self {
            prefix: prefix.map_or_else(|| self.prefix.clone(), option_prefix),
            separator: option_separator(separator).unwrap_or(self.separator),
        }
    }
}

/// The separator within a folder's name: what an option says, else its own, else that of the account.
pub(super) fn separator_of(folder: &Folder, option: Option<&str>, layout: &Layout) -> u8 {
    option_separator(option).or(folder.separator).unwrap_or(layout.separator)
}

/// The separator that an option gives, if it gives one.
fn option_separator(option: Option<&str>) -> Option<u8> {
    option.and_then(|text| text.bytes().next())
}

fn option_prefix(text: &str) -> Vec<u8> {
    MailboxName::from_option(text).as_wire().to_vec()
}

fn guess_prefix(folders: &[Folder], separator: u8) -> Vec<u8> {
    let mut others = folders.iter().filter(|folder| !folder.name.is_inbox()).peekable();
    let below_inbox = |folder: &Folder| {
        let name = folder.name.as_wire();
        starts_with_inbox(name) && name.get(5) == Some(&separator)
    };
    if others.peek().is_some() && others.all(below_inbox) {
        [&b"INBOX"[..], &[separator]].concat()
    } else {
        Vec::new()
    }
}

/// The byte that occurs most; of equals the one that stands first in `/.\`, then the lowest.
fn most(bytes: impl Iterator<Item = u8>) -> Option<u8> {
    let mut counts = [0_usize; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    b"/.\\"
        .iter()
        .copied()
        .chain(0..=255)
        .rev()
        .max_by_key(|byte| counts.get(usize::from(*byte)).copied())
        .filter(|byte| counts.get(usize::from(*byte)).is_some_and(|count| *count > 0))
}
