//! Pairing the folders of one special use on both sides: Sent with `Gesendete Elemente`, whatever their names.

use super::{Folder, Layout, SpecialUse, Via, strip_prefix, well_known};
use crate::error::Side;
use crate::imap::name::MailboxName;
use std::collections::{BTreeMap, HashMap};

/// The folder that serves each special use of one account: its index, and how it was found.
pub(super) type Uses = BTreeMap<SpecialUse, (usize, Via)>;

/// Finds the folder of each special use: the first with the attribute, else the first of the well-known names that
/// there is, with or without the prefix. Never INBOX, never a folder that cannot be selected.
pub(super) fn uses(folders: &[Folder], layout: &Layout, side: Side, notices: &mut Vec<String>) -> Uses {
    let mut uses = Uses::new();
    for (index, folder) in folders.iter().enumerate().filter(|(_, folder)| folder.is_selectable()) {
        let Some(special_use) = folder.special_use else { continue };
        let attribute = special_use.attribute();
        if folder.name.is_inbox() {
            notices.push(format!("{side}: {attribute} on INBOX does not count for automap"));
            continue;
        }
        let (first, _) = *uses.entry(special_use).or_insert((index, Via::AutomapAttribute));
        if let Some(first) = folders.get(first).filter(|first| first.name != folder.name) {
            notices.push(format!(
                "{side}: two folders are {attribute}: automap takes {}, not {}",
                first.name, folder.name
            ));
        }
    }

    let mut by_name: HashMap<String, usize> = HashMap::new();
    for (index, folder) in folders.iter().enumerate() {
        // A folder that the server says is for something else is not taken for what its name says.
        if folder.is_selectable() && folder.special_use.is_none() && !folder.name.is_inbox() {
            let wire = folder.name.as_wire();
            let within = MailboxName::from_wire(strip_prefix(wire, &layout.prefix).unwrap_or(wire));
            if let Some(name) = within.decode() {
                by_name.entry(well_known::fold(&name)).or_insert(index);
            }
        }
    }
    for (special_use, names) in well_known::NAMES {
        if uses.contains_key(special_use) {
            continue;
        }
        if let Some(index) = names.iter().find_map(|name| by_name.get(&well_known::fold(name))) {
            uses.insert(*special_use, (*index, Via::AutomapName));
        }
    }
    uses
}

/// For each folder of the source that automap pairs: its index, that of its counterpart, and what both were found by.
pub(super) fn pair(source: &Uses, destination: &Uses) -> HashMap<usize, (usize, Via)> {
    let counterpart = |(special_use, &(index, via)): (&SpecialUse, &(usize, Via))| {
        let &(other, other_via) = destination.get(special_use)?;
        let both = via == Via::AutomapAttribute && other_via == Via::AutomapAttribute;
        Some((index, (other, if both { Via::AutomapAttribute } else { Via::AutomapName })))
    };
    source.iter().filter_map(counterpart).collect()
}
