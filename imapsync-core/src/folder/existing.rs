//! What the destination has already, and names that differ from it in case only.

use super::{Attributes, Folder, FolderPair, Via};
use crate::imap::name::MailboxName;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The folders of the destination, by name and by name without case.
pub(super) struct Existing<'d> {
    exact: HashMap<&'d MailboxName, &'d Folder>,
    by_fold: HashMap<String, &'d MailboxName>,
}

impl<'d> Existing<'d> {
    pub(super) fn new(destination: &'d [Folder]) -> Self {
        let mut exact = HashMap::new();
        let mut by_fold = HashMap::new();
        for folder in destination {
            exact.entry(&folder.name).or_insert(folder);
            if !folder.attributes.contains(Attributes::NONEXISTENT) {
                by_fold.entry(caseless(&folder.name)).or_insert(&folder.name);
            }
        }
        Self { exact, by_fold }
    }

    /// Whether the folder is there and holds messages.
    fn has(&self, name: &MailboxName) -> bool {
        name.is_inbox() || self.exact.get(name).is_some_and(|folder| folder.is_selectable())
    }

    /// Spells INBOX in front of a name as the destination's folders do, if they agree on another spelling.
    pub(super) fn spell_inbox(&self, pairs: &mut [FolderPair], separator: u8) {
        let inbox = |name: &MailboxName| -> Option<Vec<u8>> {
            let (first, _) = name.as_wire().split_at_checked(5)?;
            (first.eq_ignore_ascii_case(b"INBOX") && name.as_wire().get(5) == Some(&separator))
                .then(|| first.to_vec())
        };
        let spellings: HashSet<Vec<u8>> = self.exact.keys().filter_map(|name| inbox(name)).collect();
        let mut spellings = spellings.into_iter();
        let (Some(only), None) = (spellings.next(), spellings.next()) else { return };
        for pair in pairs.iter_mut().filter(|pair| pair.via == Via::Rules) {
            if let Some(rest) = inbox(&pair.destination).and_then(|_| pair.destination.as_wire().get(5..)) {
                pair.destination = MailboxName::from_wire([only.as_slice(), rest].concat());
            }
        }
    }

    /// Decides for each pair whether its destination exists. A name that differs from an existing one in case only, as
    /// a whole or in the folders above, takes the existing spelling, unless several spellings are wanted in this run:
    /// then the source tells them apart, and so does the destination if it can.
    pub(super) fn settle(
        &self,
        pairs: &mut Vec<FolderPair>,
        source: &[Folder],
        separator: u8,
        mixfolders: bool,
        notices: &mut Vec<String>,
    ) {
        let mut wanted = Wanted::new();
        for pair in pairs.iter() {
            for name in pair.destination.parents(separator).into_iter().chain([pair.destination.clone()]) {
                wanted.entry(caseless(&name)).or_default().insert(name);
            }
        }
        for alike in wanted.values().filter(|alike| alike.len() > 1) {
            let names: Vec<String> = alike.iter().map(MailboxName::display).collect();
            notices.push(format!(
                "the folders {} differ in case only: a host2 that does not tell them apart gets them as one",
                names.join(", ")
            ));
        }
        pairs.retain_mut(|pair| {
            pair.exists = self.has(&pair.destination);
            if pair.exists {
                return true;
            }
            let spelled = self.spelled(&pair.destination, separator, &wanted);
            if spelled == pair.destination {
                return true;
            }
            let from = source.get(pair.source).map(|folder| folder.name.display()).unwrap_or_default();
            if !mixfolders {
                notices.push(format!(
                    "folder {from} of host1 is left out: {} differs from {spelled} on host2 in case only",
                    pair.destination
                ));
                return false;
            }
            notices.push(format!(
                "folder {from} of host1 goes to {spelled}: host2 has a folder that differs in case only"
            ));
            pair.exists = self.has(&spelled);
            pair.destination = spelled;
            true
        });
    }

    /// The name with each level as the destination spells it.
    fn spelled(&self, name: &MailboxName, separator: u8, wanted: &Wanted) -> MailboxName {
        let mut built: Vec<u8> = Vec::new();
        for (level, component) in name.components(separator).enumerate() {
            if level > 0 {
                built.push(separator);
            }
            built.extend_from_slice(component);
            let so_far = MailboxName::from_wire(built.clone());
            if so_far.is_inbox() || self.exact.contains_key(&so_far) {
                continue;
            }
            let fold = caseless(&so_far);
            let told_apart = wanted.get(&fold).is_some_and(|alike| alike.len() > 1);
            if let Some(other) = self.by_fold.get(&fold).filter(|_| !told_apart) {
                built = other.as_wire().to_vec();
            }
        }
        MailboxName::from_wire(built)
    }
}

/// The names this run wants on the destination, those above them included, by name without case.
type Wanted = BTreeMap<String, BTreeSet<MailboxName>>;

/// The name in lower case.
fn caseless(name: &MailboxName) -> String {
    name.decode().map_or_else(|| name.as_wire().escape_ascii().to_string(), |text| text.to_lowercase())
}
