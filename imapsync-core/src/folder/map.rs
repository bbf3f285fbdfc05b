//! The folder map: what each wanted folder of the source is called on the destination, and what has to be created.

use super::existing::Existing;
use super::layout::separator_of;
use super::rename::Renamer;
use super::rules::subfolder;
use super::{Attributes, Called, Folder, Layout, MappingRules, automap};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::name::MailboxName;
use std::collections::{HashMap, HashSet};

/// Which rule gave a folder its name on the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// An exact pair of the user's.
    F1F2,
    /// Both sides name the same special use.
    AutomapAttribute,
    /// The same special use, which on one side at least only the name tells.
    AutomapName,
    /// Prefix, separator, subfolders and edits.
    Rules,
}

/// One folder of the source and its place on the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderPair {
    /// Its index in the listing of the source.
    pub source: usize,
    /// Its name on the destination.
    pub destination: MailboxName,
    /// The rule that decided.
    pub via: Via,
    /// Whether the destination has it already. Where only the case differs, `destination` is the existing spelling.
    pub exists: bool,
    /// The first pair (its index in [`Mapping::pairs`]) with the same destination. Deletes there have to wait for the
    /// last one.
    pub merges_with: Option<usize>,
}

/// The folder map of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// The pairs, in copy order.
    pub pairs: Vec<FolderPair>,
    /// The folders to create, each once, parents before what lies below them.
    pub create: Vec<MailboxName>,
    /// The destination names of the folders that the source subscribes and the destination does not yet.
    pub subscribe: Vec<MailboxName>,
    /// What the user should know: merged folders, names that collide or had to change. Fit to print.
    pub notices: Vec<String>,
}

/// Maps the selected folders of the source (indexes into `source`, in copy order) onto the destination.
///
/// See [`MappingRules`] for the order of the rules. Nothing is decided by asking a server: a folder that the
/// destination's listing does not show is taken as missing.
///
/// # Errors
///
/// [`ErrorKind::FolderMissing`] where `subfolder1` is not there, [`ErrorKind::Usage`] where a subfolder or the second of
/// an exact pair is no name, or an edit leaves nothing of one.
pub fn map(
    source: &[Folder],
    selected: &[usize],
    source_layout: &Layout,
    destination: &[Folder],
    destination_layout: &Layout,
    rules: &MappingRules,
) -> Result<Mapping, Error> {
    let source_layout = source_layout.with_options(rules.prefix1.as_deref(), rules.sep1.as_deref());
    let destination_layout = destination_layout.with_options(rules.prefix2.as_deref(), rules.sep2.as_deref());
    let mut notices = Vec::new();

    let root = match &rules.subfolder1 {
        Some(text) => Some(find_root(text, rules, source, &source_layout, &mut notices)?),
        None => None,
    };
    let under = match &rules.subfolder2 {
        Some(text) => Some(subfolder(
            "--subfolder2",
            text,
            Side::Destination,
            destination_layout.separator,
            &mut notices,
        )?),
        None => None,
    };
    let automapped = if rules.automaps() {
        let uses1 = automap::uses(source, &source_layout, Side::Source, &mut notices);
        let uses2 = automap::uses(destination, &destination_layout, Side::Destination, &mut notices);
        automap::pair(&uses1, &uses2)
    } else {
        HashMap::new()
    };
    let exact = exact_pairs(rules, source, &mut notices)?;
    let renamer = Renamer::new(rules, source_layout, destination_layout.clone(), root, under.as_deref());

    let mut pairs = Vec::new();
    for &index in selected {
        let Some(folder) = source.get(index) else { continue };
        if !folder.is_selectable() || !renamer.covers(folder) {
            continue;
        }
        let (name, via) = if let Some(name) = exact.get(&index) {
            (name.clone(), Via::F1F2)
        } else if let Some((other, via)) =
            automapped.get(&index).and_then(|&(other, via)| Some((destination.get(other)?, via)))
        {
            (other.name.clone(), via)
        } else {
            let renamed = renamer.rename(folder)?;
            if renamed.slashes {
                notices.push(format!(
                    "folder {} of host1 is {} on host2, where a name cannot hold a /",
                    folder.name, renamed.name
                ));
            }
            (renamed.name, Via::Rules)
        };
        pairs.push(FolderPair { source: index, destination: name, via, exists: false, merges_with: None });
    }

    let existing = Existing::new(destination);
    if rules.fix_inbox {
        existing.spell_inbox(&mut pairs, destination_layout.separator);
    }
    existing.settle(&mut pairs, source, destination_layout.separator, rules.mixfolders, &mut notices);
    tell_merges(&mut pairs, source, &mut notices);
    let create = to_create(&pairs, destination, &destination_layout, &mut notices);
    let subscribe = to_subscribe(&pairs, source, destination);
    Ok(Mapping { pairs, create, subscribe, notices })
}

/// The folder of the source that `--subfolder1` names, with or without the prefix.
fn find_root(
    text: &str,
    rules: &MappingRules,
    source: &[Folder],
    layout: &Layout,
    notices: &mut Vec<String>,
) -> Result<MailboxName, Error> {
    let name = subfolder("--subfolder1", text, Side::Source, layout.separator, notices)?;
    let candidates = [
        MailboxName::from_wire(name.as_bytes()),
        MailboxName::from_wire([layout.prefix.as_slice(), name.as_bytes()].concat()),
    ];
    let there = |root: &MailboxName| {
        source.iter().any(|folder| {
            (folder.name == *root && !folder.attributes.contains(Attributes::NONEXISTENT))
                || folder.name.is_below(root, separator_of(folder, rules.sep1.as_deref(), layout))
        })
    };
    candidates.into_iter().find(there).ok_or_else(|| {
        Error::new(ErrorKind::FolderMissing, "the folder of --subfolder1 is not there")
            .on(Side::Source)
            .in_folder(name)
            .hint("--dry shows the names of all folders")
    })
}

/// The exact pairs, by the index of the source folder.
fn exact_pairs(
    rules: &MappingRules,
    source: &[Folder],
    notices: &mut Vec<String>,
) -> Result<HashMap<usize, MailboxName>, Error> {
    let mut pairs = HashMap::new();
    for (from, to) in &rules.f1f2 {
        if to.is_empty() {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("--f1f2 {}=: this names no folder", MailboxName::from_option(from)),
            )
            .on(Side::Destination));
        }
        let called = Called::new(from);
        let mut found = false;
        for (index, _) in source.iter().enumerate().filter(|(_, folder)| called.is(&folder.name)) {
            pairs.insert(index, MailboxName::from_option(to));
            found = true;
        }
        if !found {
            let [from, to] = [from, to].map(|text| MailboxName::from_option(text));
            notices.push(format!("--f1f2 {from}={to}: host1 has no folder {from}"));
        }
    }
    Ok(pairs)
}

fn tell_merges(pairs: &mut [FolderPair], source: &[Folder], notices: &mut Vec<String>) {
    let mut first: HashMap<MailboxName, (usize, usize)> = HashMap::new();
    for (index, pair) in pairs.iter_mut().enumerate() {
        let &mut (earlier, folder) = first.entry(pair.destination.clone()).or_insert((index, pair.source));
        if earlier == index {
            continue;
        }
        pair.merges_with = Some(earlier);
        if let (Some(one), Some(other)) = (source.get(folder), source.get(pair.source)) {
            notices.push(format!(
                "folders {} and {} of host1 both go to {} on host2: they are merged there",
                one.name, other.name, pair.destination
            ));
        }
    }
}

/// What must be created: the missing destinations, each behind the missing folders above it.
fn to_create(
    pairs: &[FolderPair],
    destination: &[Folder],
    layout: &Layout,
    notices: &mut Vec<String>,
) -> Vec<MailboxName> {
    let listed: HashMap<&MailboxName, Attributes> =
        destination.iter().map(|folder| (&folder.name, folder.attributes)).collect();
    let separator = layout.separator;
    // The prefix and what it lies in are the server's own.
    let holds_prefix = |name: &MailboxName| {
        layout.prefix.strip_prefix(name.as_wire()).is_some_and(|rest| rest.first() == Some(&separator))
    };
    let mut seen: HashSet<MailboxName> = HashSet::new();
    let mut create = Vec::new();
    for pair in pairs.iter().filter(|pair| !pair.exists) {
        if seen.contains(&pair.destination) {
            continue;
        }
        let parents = pair.destination.parents(separator);
        if let Some(parent) = parents.iter().find(|parent| {
            listed.get(parent).is_some_and(|attributes| attributes.contains(Attributes::NOINFERIORS))
        }) {
            notices.push(format!(
                "host2 says that nothing can be created below {parent}: {} may be refused",
                pair.destination
            ));
        }
        if pair.destination.components(separator).any(<[u8]>::is_empty) {
            notices
                .push(format!("the name {} has an empty level, which many servers refuse", pair.destination));
        }
        for parent in parents {
            let there = parent.is_inbox()
                || holds_prefix(&parent)
                || listed
                    .get(&parent)
                    .is_some_and(|attributes| !attributes.contains(Attributes::NONEXISTENT));
            if !there && seen.insert(parent.clone()) {
                create.push(parent);
            }
        }
        seen.insert(pair.destination.clone());
        create.push(pair.destination.clone());
    }
    create
}

/// The destination names that the source subscribes, where the destination does not.
fn to_subscribe(pairs: &[FolderPair], source: &[Folder], destination: &[Folder]) -> Vec<MailboxName> {
    let mut done: HashSet<&MailboxName> =
        destination.iter().filter(|folder| folder.subscribed).map(|folder| &folder.name).collect();
    pairs
        .iter()
        .filter(|pair| source.get(pair.source).is_some_and(|folder| folder.subscribed))
        .filter(|pair| done.insert(&pair.destination))
        .map(|pair| pair.destination.clone())
        .collect()
}
