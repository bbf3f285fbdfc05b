//! The options that say what folders are called on the destination.

use crate::error::{Error, ErrorKind, Side};
use crate::imap::name::MailboxName;
use crate::substitution::Substitution;

/// How the names of the source become those of the destination. The default keeps them, but for prefix and separator.
///
/// The rules are tried in this order, and the first two are final where they hit: `f1f2`, then `automap`; else the name
/// loses `subfolder1` or the source's prefix, the two separators are swapped, it gets the destination's prefix and
/// `subfolder2`, and `regextrans2` edits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingRules {
    /// Exact pairs (`--f1f2 a=b`): that folder only, not those below it; both names complete. The last pair for a name
    /// counts.
    pub f1f2: Vec<(String, String)>,
    /// Pair folders of one special use (`--automap`): by attribute, else by well-known names. `subfolder1` and
    /// `subfolder2` switch it off.
    pub automap: bool,
    /// Copy only this folder and what lies below it, as if it were the whole account (`--subfolder1`).
    pub subfolder1: Option<String>,
    /// Put everything under this folder, INBOX too (`--subfolder2`).
    pub subfolder2: Option<String>,
    /// Overrides the source's prefix (`--prefix1`).
    pub prefix1: Option<String>,
    /// Overrides the destination's prefix (`--prefix2`).
    pub prefix2: Option<String>,
    /// Overrides the source's separator (`--sep1`).
    pub sep1: Option<String>,
    /// Overrides the destination's separator (`--sep2`).
    pub sep2: Option<String>,
    /// Edits of the destination name, in order (`--regextrans2`). They see the decoded name, or the modified UTF-7
    /// where they mention some themselves (`&AOk-`).
    pub regextrans2: Vec<Substitution>,
    /// `/` left over in a name, where `/` does not separate, becomes `_` (`--fixslash2`): a server that uses another
    /// separator hardly ever takes it.
    pub fixslash2: bool,
    /// Spell `INBOX` in front of a name as the destination's folders do (`--fixInboxINBOX`).
    pub fix_inbox: bool,
    /// A name that differs from an existing folder's in case only goes to that folder (`--mixfolders`). Otherwise such a
    /// source folder is left out, with a notice.
    pub mixfolders: bool,
}

impl Default for MappingRules {
    fn default() -> Self {
        Self {
            f1f2: Vec::new(),
            automap: false,
            subfolder1: None,
            subfolder2: None,
            prefix1: None,
            prefix2: None,
            sep1: None,
            sep2: None,
            regextrans2: Vec::new(),
            fixslash2: true,
            fix_inbox: true,
            mixfolders: true,
        }
    }
}

impl MappingRules {
    /// Whether automap is on: the subfolder options switch it off.
    pub(super) fn automaps(&self) -> bool {
        self.automap && self.subfolder1.is_none() && self.subfolder2.is_none()
    }
}

/// The subfolder that an option names, in the characters the original allows: `[-_a-zA-Z0-9./ ]`, without separators
/// around it. Says so in `notices` where characters were dropped.
///
/// # Errors
///
/// [`ErrorKind::Usage`] where nothing is left, or where a level is empty, `.` or `..`.
pub(super) fn subfolder(
    option: &str,
    text: &str,
    side: Side,
    separator: u8,
    notices: &mut Vec<String>,
) -> Result<String, Error> {
    let kept: String = text.chars().filter(|c| c.is_ascii_alphanumeric() || "-_./ ".contains(*c)).collect();
    let separator = char::from(separator);
    // On a server where `/` does not separate, it cannot stand in a name: it is meant to separate.
    let name = kept.replace('/', &separator.to_string());
    let name = name.trim().trim_matches(separator).to_owned();
    if name.split(separator).any(|level| level.trim().is_empty() || level == "." || level == "..") {
        let shown = MailboxName::from_text(text).display();
        return Err(Error::new(ErrorKind::Usage, format!("{option} {shown}: this names no folder"))
            .on(side)
            .hint("it may hold letters, digits, blanks, - _ . and /"));
    }
    if kept != text {
        let [given, taken] = [text, &name].map(|text| MailboxName::from_text(text).display());
        notices.push(format!("{option} {given}: taken as {taken}"));
    }
    Ok(name)
}
