//! Folders: what a server says of them, which ones are wanted, and what each is called on the other side.
//!
//! All of it is decided from the two listings and the options, without a server:
//!
//! ```
//! use imapsync_core::folder::{Folder, Layout, MappingRules, Selection, map};
//! use imapsync_core::imap::name::MailboxName;
//!
//! let listing = |names: &[&str], separator| -> Vec<Folder> {
//!     names.iter().map(|&n| Folder::from_list(MailboxName::from_wire(n), Some(separator), &[])).collect()
//! };
//! let source = listing(&["INBOX", "Work/2024", "Sent"], b'/');
//! let destination = listing(&["INBOX", "INBOX.Sent"], b'.');
//! let layout1 = Layout::find(Some((b"", Some(b'/'))), &source, None, None);
//! let layout2 = Layout::find(Some((b"INBOX.", Some(b'.'))), &destination, None, None);
//!
//! let wanted = Selection::default().select(&source, &layout1)?;
//! let mapping = map(&source, &wanted, &layout1, &destination, &layout2, &MappingRules::default())?;
//! let names: Vec<String> = mapping.pairs.iter().map(|pair| pair.destination.display()).collect();
//! assert_eq!(names, ["INBOX", "INBOX.Sent", "INBOX.Work.2024"]);
//! let create: Vec<String> = mapping.create.iter().map(|name| name.display()).collect();
//! assert_eq!(create, ["INBOX.Work", "INBOX.Work.2024"]);
//! # Ok::<(), imapsync_core::Error>(())
//! ```

mod automap;
mod existing;
mod layout;
mod map;
mod rename;
mod rules;
mod select;
mod well_known;

#[cfg(test)]
mod tests;

pub use layout::Layout;
pub use map::{FolderPair, Mapping, Via, map};
pub use rules::MappingRules;
pub use select::Selection;

use crate::imap::name::MailboxName;

bitflags::bitflags! {
    /// The attributes of a LIST response that matter to a sync (RFC 9051 section 7.3.1).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Attributes: u8 {
        /// `\Noselect`: a level of the hierarchy that holds no messages.
        const NOSELECT = 1;
        /// `\NonExistent`: named by a subscription or by a child, but not there; implies `NOSELECT`.
        const NONEXISTENT = 1 << 1;
        /// `\Noinferiors`: nothing can be created below it.
        const NOINFERIORS = 1 << 2;
        /// `\HasChildren`.
        const HASCHILDREN = 1 << 3;
        /// `\HasNoChildren`.
        const HASNOCHILDREN = 1 << 4;
    }
}

/// What a folder is for, as its server says (RFC 6154, RFC 8457; XLIST's older names are understood).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpecialUse {
    /// `\All`: every message of the account.
    All,
    /// `\Archive`.
    Archive,
    /// `\Drafts`.
    Drafts,
    /// `\Flagged`: every message that is `\Flagged`.
    Flagged,
    /// `\Important`: messages the server thinks important.
    Important,
    /// `\Junk`.
    Junk,
    /// `\Sent`.
    Sent,
    /// `\Trash`.
    Trash,
}

impl SpecialUse {
    /// All of them.
    pub const EVERY: [Self; 8] = [
        Self::All,
        Self::Archive,
        Self::Drafts,
        Self::Flagged,
        Self::Important,
        Self::Junk,
        Self::Sent,
        Self::Trash,
    ];

    /// The attribute as LIST writes it.
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::All => "\\All",
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Flagged => "\\Flagged",
            Self::Important => "\\Important",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
        }
    }

    /// The use that a LIST attribute (without its backslash) names, in any case.
    fn parse(attribute: &str) -> Option<Self> {
        Some(match attribute.to_ascii_lowercase().as_str() {
            "all" | "allmail" => Self::All,
            "archive" => Self::Archive,
            "drafts" => Self::Drafts,
            "flagged" | "starred" => Self::Flagged,
            "important" => Self::Important,
            "junk" | "spam" => Self::Junk,
            "sent" => Self::Sent,
            "trash" => Self::Trash,
            _ => return None,
        })
    }
}

/// One folder of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its name.
    pub name: MailboxName,
    /// What separates the levels of its name; `None` where LIST said NIL: there are no levels.
    pub separator: Option<u8>,
    /// Its attributes.
    pub attributes: Attributes,
    /// What it is for, where the server says so; the first one if it says several.
    pub special_use: Option<SpecialUse>,
    /// Whether the account is subscribed to it (from LSUB, or `\Subscribed`).
    pub subscribed: bool,
}

impl Folder {
    /// The folder of a LIST response. Attributes are read in any case; unknown ones do not matter.
    pub fn from_list(name: MailboxName, separator: Option<u8>, attributes: &[String]) -> Self {
        let mut folder =
            Self { name, separator, attributes: Attributes::empty(), special_use: None, subscribed: false };
        for attribute in attributes {
            let attribute = attribute.strip_prefix('\\').unwrap_or(attribute);
            match attribute.to_ascii_lowercase().as_str() {
                "noselect" => folder.attributes |= Attributes::NOSELECT,
                "nonexistent" => folder.attributes |= Attributes::NONEXISTENT | Attributes::NOSELECT,
                "noinferiors" => folder.attributes |= Attributes::NOINFERIORS,
                "haschildren" => folder.attributes |= Attributes::HASCHILDREN,
                "hasnochildren" => folder.attributes |= Attributes::HASNOCHILDREN,
                "subscribed" => folder.subscribed = true,
                _ => folder.special_use = folder.special_use.or_else(|| SpecialUse::parse(attribute)),
            }
        }
        folder
    }

    /// Whether it can hold messages, as far as the listing says. Dovecot's Maildir lists the parent that a deleted
    /// folder left behind without `\Noselect`: a SELECT may still be refused. An empty name is the root of the hierarchy
    /// and no folder.
    pub fn is_selectable(&self) -> bool {
        !self.attributes.intersects(Attributes::NOSELECT | Attributes::NONEXISTENT) && !self.name.is_empty()
    }
}

/// A name as a user wrote it in an option: on the wire or decoded.
struct Called {
    wire: MailboxName,
    text: String,
}

impl Called {
    fn new(text: &str) -> Self {
        Self { wire: MailboxName::from_option(text), text: text.to_owned() }
    }

    /// Whether the user meant this folder. A name that is not canonical modified UTF-7 is known by what it decodes to.
    fn is(&self, name: &MailboxName) -> bool {
        let plain = name.as_wire().iter().all(|byte| byte.is_ascii() && *byte != b'&');
        *name == self.wire || (!plain && name.decode().as_deref() == Some(self.text.as_str()))
    }
}

/// `bytes` without `prefix` in front. INBOX at the beginning of a prefix is INBOX in any case.
fn strip_prefix<'b>(bytes: &'b [u8], prefix: &[u8]) -> Option<&'b [u8]> {
    let (head, rest) = bytes.split_at_checked(prefix.len())?;
    let inbox = if starts_with_inbox(prefix) { b"INBOX".len() } else { 0 };
    let (head_inbox, head_rest) = head.split_at_checked(inbox)?;
    let (prefix_inbox, prefix_rest) = prefix.split_at_checked(inbox)?;
    (head_inbox.eq_ignore_ascii_case(prefix_inbox) && head_rest == prefix_rest).then_some(rest)
}

fn starts_with_inbox(bytes: &[u8]) -> bool {
    bytes.get(..5).is_some_and(|head| head.eq_ignore_ascii_case(b"INBOX"))
}
