//! Answers in another order than their commands: what RFC 9051, section 5.5, lets a server do where no command of the
//! pipeline depends on another one. They are executed as they come; it is the answers that overtake each other.

use super::command::{Executor, Verdict};
use super::output::Output;
use super::session::Command;

/// Answers that are ready and not sent yet.
#[derive(Default)]
pub(super) struct Late {
    held: Vec<(About, Verdict, Output)>,
}

/// What a command is about, where its answer may come at any time.
#[derive(PartialEq)]
pub(super) struct About {
    verb: String,
    /// The folder; empty where it is about the messages of the selected one, or about all folders.
    folder: String,
}

impl About {
    /// None where the answer must come in its place.
    pub(super) fn of(command: &Command, executor: &Executor) -> Option<Self> {
        let word = |n: usize| command.words.get(n).map(super::syntax::Word::keyword).unwrap_or_default();
        let verb = if word(0) == "UID" { format!("UID {}", word(1)) } else { word(0) };
        let folder = match verb.as_str() {
            "UID FETCH" | "LIST" => String::new(),
            "STATUS" | "CREATE" | "SUBSCRIBE" | "APPEND" => executor.unselected(command.words.get(1)?)?,
            _ => return None,
        };
        Some(Self { verb, folder })
    }

    /// Whether the outcome of one could depend on the other.
    fn depends(&self, other: &Self) -> bool {
        let names = ["CREATE", "SUBSCRIBE"];
        let lists = |one: &Self, other: &Self| one.verb == "LIST" && names.contains(&other.verb.as_str());
        let related = self.folder.starts_with(&other.folder) || other.folder.starts_with(&self.folder);
        let about_one = !self.folder.is_empty() && !other.folder.is_empty() && related;
        // Two that store into one folder depend on each other by their UIDs alone, which each answer names.
        about_one && (self.verb != other.verb || names.contains(&self.verb.as_str()))
            || lists(self, other)
            || lists(other, self)
    }
}

impl Late {
    /// Whether an answer that is held must go out before this command is executed.
    pub(super) fn hinders(&self, about: Option<&About>) -> bool {
        match about {
            Some(about) => self.held.iter().any(|(other, ..)| about.depends(other)),
            None => !self.held.is_empty(),
        }
    }

    pub(super) fn hold(&mut self, about: About, verdict: Verdict, out: Output) {
        self.held.push((about, verdict, out));
    }

    /// The next answer to send: the last one first.
    pub(super) fn next(&mut self) -> Option<(Verdict, Output)> {
        self.held.pop().map(|(_, verdict, out)| (verdict, out))
    }
}
