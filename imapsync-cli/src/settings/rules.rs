//! Which folders, what they are called over there, and what makes a message the same: from their options.

use super::Refusal;
use crate::options::Values;
use imapsync_core::Error;
use imapsync_core::folder::{MappingRules, Selection};
use imapsync_core::message::IdentityRules;
use imapsync_core::substitution::{Pattern, Substitution};

/// Which folders.
pub(super) fn selection(values: &Values) -> Result<Selection, Refusal> {
    Ok(Selection {
        folders: values.many("folder"),
        subtrees: values.many("folderrec"),
        subscribed: values.switch("subscribed"),
        include: each(values, "include", Pattern::parse)?,
        exclude: each(values, "exclude", Pattern::parse)?,
        first: values.many("folderfirst"),
        last: values.many("folderlast"),
    })
}

/// What folders are called on host2.
pub(super) fn mapping(values: &Values) -> Result<MappingRules, Refusal> {
    let default = MappingRules::default();
    let mut f1f2 = Vec::new();
    for pair in values.many("f1f2") {
        match pair.split_once('=') {
            Some((from, to)) if !from.is_empty() && !to.is_empty() => {
                f1f2.push((from.to_owned(), to.to_owned()))
            }
            _ => return Err(Refusal::usage(format!("--f1f2 {pair}: FOLDER1=FOLDER2 is wanted"))),
        }
    }
    Ok(MappingRules {
        f1f2,
        automap: values.toggle("automap").unwrap_or(default.automap),
        subfolder1: values.one("subfolder1"),
        subfolder2: values.one("subfolder2"),
        prefix1: values.one("prefix1"),
        prefix2: values.one("prefix2"),
        sep1: separator(values, "sep1")?,
        sep2: separator(values, "sep2")?,
        regextrans2: each(values, "regextrans2", Substitution::parse)?,
        fixslash2: values.toggle("fixslash2").unwrap_or(default.fixslash2),
        fix_inbox: values.toggle("fixinboxinbox").unwrap_or(default.fix_inbox),
        mixfolders: values.toggle("mixfolders").unwrap_or(default.mixfolders),
    })
}

/// What makes a message the same.
pub(super) fn identity(values: &Values) -> IdentityRules {
    match values.many("useheader") {
        none if none.is_empty() => IdentityRules::default(),
        headers => IdentityRules { headers },
    }
}

fn separator(values: &Values, option: &str) -> Result<Option<String>, Refusal> {
    match values.one::<String>(option) {
        Some(text) if text.len() != 1 => {
            Err(Refusal::usage(format!("--{option} {text}: one character is wanted, such as . or /")))
        }
        separator => Ok(separator),
    }
}

/// Every value of an option, read by `parse`; what it refuses is told with the option's name.
fn each<T>(
    values: &Values,
    option: &str,
    parse: impl Fn(&str) -> Result<T, Error>,
) -> Result<Vec<T>, Refusal> {
    let read =
        |text: String| parse(&text).map_err(|error| Refusal::usage(format!("--{option} {text}: {error}")));
    values.many(option).into_iter().map(read).collect()
}
