//! NAMESPACE, LIST and LSUB, with LIST-EXTENDED (RFC 5258), LIST-STATUS (RFC 5819) and SPECIAL-USE (RFC 6154).

use super::Executor;
use super::status::status_line;
use crate::testing::folder::Folder;
use crate::testing::mail::{Mail, name_from_wire, name_to_wire};
use crate::testing::output::Output;
use crate::testing::syntax::Word;
use crate::testing::utf7;

/// What a LIST asks for.
struct Wanted<'a> {
    /// Capitals, as all options: SUBSCRIBED, SPECIAL-USE, RECURSIVEMATCH.
    selection: &'a [Word],
    patterns: Vec<String>,
    returns: &'a [Word],
    /// Whether the patterns are UTF-8, and not modified UTF-7.
    utf8: bool,
}

impl<'a> Wanted<'a> {
    /// Reads `(selection) reference (patterns) RETURN (…)`.
    fn read(arguments: &'a [Word], utf8: bool) -> Option<Self> {
        let (selection, rest) = match arguments {
            [Word::List(selection), rest @ ..] => (selection.as_slice(), rest),
            rest => (&[][..], rest),
        };
        let (reference, patterns) = (rest.first()?, rest.get(1)?);
        let returns = match rest.get(2..) {
            Some([keyword, list]) if keyword.keyword() == "RETURN" => list.items(),
            Some([]) | None => &[],
            Some(_) => return None,
        };
        let text = |word: &Word| name_from_wire(&word.bytes());
        let reference = text(reference);
        let patterns = patterns.items().iter().map(|word| format!("{reference}{}", text(word))).collect();
        Some(Self { selection, patterns, returns, utf8 })
    }

    fn selects(&self, option: &str) -> bool {
        has(self.selection, option)
    }

    fn matches(&self, name: &str, separator: char) -> bool {
        let decoded = if self.utf8 { utf7::decoded(name) } else { None };
        let name = decoded.as_deref().unwrap_or(name);
        self.patterns.iter().any(|pattern| matches(pattern, name, separator))
    }

    /// Whether the options, patterns apart, choose this folder.
    fn chooses(&self, folder: &Folder) -> bool {
        (!self.selects("SUBSCRIBED") || folder.subscribed)
            && (!self.selects("SPECIAL-USE") || folder.attributes.iter().any(|one| is_special(one)))
    }
}

impl Executor {
    pub(super) fn namespace(&self, out: &mut Output) -> String {
        let mail = self.server.mail();
        out.put(format_args!("* NAMESPACE (("));
        out.name(&name_to_wire(&mail.prefix));
        out.put(format_args!(" "));
        out.name(&name_to_wire(&mail.separator.to_string()));
        out.line(")) NIL NIL");
        "OK done".to_owned()
    }

    pub(super) fn list(&mut self, arguments: &[Word], out: &mut Output) -> String {
        let server = self.server.clone();
        let mail = server.mail();
        let extended = matches!(arguments.first(), Some(Word::List(_))) || arguments.len() > 2;
        let offered = ["LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "IMAP4rev2"];
        if extended && !offered.iter().any(|one| mail.has(one)) {
            return "BAD no such LIST".to_owned();
        }
        let Some(wanted) = Wanted::read(arguments, self.is_utf8()) else {
            return "BAD no such LIST".to_owned();
        };
        if !wanted.returns.is_empty() && mail.quirks.refuses_list_return {
            return "BAD Invalid LIST".to_owned();
        }
        if wanted.patterns.iter().all(String::is_empty) {
            self.row("LIST", &mail, &["\\Noselect".to_owned()], "", "", out);
            return "OK done".to_owned();
        }
        let status = wanted.returns.iter().position(|word| word.keyword() == "STATUS");
        let status = status.and_then(|at| wanted.returns.get(at + 1)).map(Word::items);
        if status.is_some_and(|items| has(items, "HIGHESTMODSEQ")) {
            self.condstore(&mail, out);
        }
        for (name, folder) in mail.seen() {
            if !wanted.matches(name, mail.separator) {
                continue;
            }
            let below = wanted.selects("RECURSIVEMATCH") && has_chosen_child(&mail, name, &wanted);
            if !wanted.chooses(folder) && !below {
                continue;
            }
            let mut attributes = attributes(&mail, name, folder);
            if (has(wanted.returns, "SUBSCRIBED") || wanted.selects("SUBSCRIBED")) && folder.subscribed {
                attributes.push("\\Subscribed".to_owned());
            }
            if has(wanted.returns, "CHILDREN") || mail.has("CHILDREN") {
                let parent = has_children(&mail, name);
                attributes.push(if parent { "\\HasChildren" } else { "\\HasNoChildren" }.to_owned());
            }
            let child_info = if below { " (\"CHILDINFO\" (\"SUBSCRIBED\"))" } else { "" };
            self.row("LIST", &mail, &attributes, name, child_info, out);
            if let Some(items) = status
                && mail.usable(name).is_some()
            {
                let shown = self.shown(&mail, name);
                status_line(&mail, &shown, folder, items, out);
            }
        }
        "OK done".to_owned()
    }

    /// The LIST line of one folder, as SELECT shows it in IMAP4rev2.
    pub(super) fn list_row(&self, mail: &Mail, name: &str, folder: &Folder, out: &mut Output) {
        self.row("LIST", mail, &attributes(mail, name, folder), name, "", out);
    }

    pub(super) fn lsub(&self, arguments: &[Word], out: &mut Output) -> String {
        let mail = self.server.mail();
        let pattern = format!("{}{}", self.mailbox(arguments, 0), self.mailbox(arguments, 1));
        for (name, folder) in mail.seen() {
            if folder.subscribed && matches(&pattern, name, mail.separator) {
                self.row("LSUB", &mail, &[], name, "", out);
            }
        }
        "OK done".to_owned()
    }

    fn row(&self, verb: &str, mail: &Mail, attributes: &[String], name: &str, after: &str, out: &mut Output) {
        out.put(format_args!("* {verb} ({}) ", attributes.join(" ")));
        out.name(&name_to_wire(&mail.separator.to_string()));
        out.put(format_args!(" "));
        out.name(&self.shown(mail, name));
        out.line(after);
    }

    /// A name as the server spells it.
    pub(super) fn shown(&self, mail: &Mail, name: &str) -> Vec<u8> {
        self.to_wire(mail.quirks.inbox.filter(|_| name == "INBOX").unwrap_or(name))
    }

    /// Whether names are UTF-8 on the wire, and not modified UTF-7.
    pub(in crate::testing) fn is_utf8(&self) -> bool {
        self.is_rev2() || self.enabled.contains("UTF8=ACCEPT")
    }

    /// A name as it stands on the wire.
    pub(super) fn to_wire(&self, name: &str) -> Vec<u8> {
        match utf7::decoded(name) {
            Some(text) if self.is_utf8() => text.into_bytes(),
            _ => name_to_wire(name),
        }
    }

    /// A name from the wire as it is kept.
    pub(super) fn name_of(&self, word: &Word) -> String {
        let name = name_from_wire(&word.bytes());
        if self.is_utf8() { utf7::encoded(&name) } else { name }
    }
}

fn has(words: &[Word], keyword: &str) -> bool {
    words.iter().any(|word| word.keyword() == keyword)
}

/// Whether an attribute says what a folder is for.
fn is_special(attribute: &str) -> bool {
    !["\\Noselect", "\\NonExistent", "\\Noinferiors"].iter().any(|one| one.eq_ignore_ascii_case(attribute))
}

fn attributes(mail: &Mail, name: &str, folder: &Folder) -> Vec<String> {
    let mut attributes = folder.attributes.clone();
    if mail.quirks.files && mail.usable(name).is_some() {
        attributes.push("\\NoInferiors".to_owned());
    }
    attributes
}

/// The folders under one.
fn under<'a>(mail: &'a Mail, name: &str) -> impl Iterator<Item = (&'a String, &'a Folder)> {
    let below = format!("{name}{}", mail.separator);
    mail.seen().range(below.clone()..).take_while(move |(name, _)| name.starts_with(&below))
}

fn has_children(mail: &Mail, name: &str) -> bool {
    under(mail, name).next().is_some()
}

/// Whether a folder under this one is chosen by the options, but not by the patterns.
fn has_chosen_child(mail: &Mail, name: &str, wanted: &Wanted<'_>) -> bool {
    under(mail, name).any(|(name, folder)| wanted.chooses(folder) && !wanted.matches(name, mail.separator))
}

/// Whether the pattern of a LIST matches: `*` for anything, `%` for anything without the separator.
fn matches(pattern: &str, name: &str, separator: char) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some(wild @ ('*' | '%')) => {
            let rest = &pattern[1..];
            let mut ends = name.char_indices().map(|(at, c)| (at, Some(c))).chain([(name.len(), None)]);
            ends.by_ref()
                .take_while(|(at, _)| wild == '*' || !name[..*at].contains(separator))
                .any(|(at, _)| matches(rest, &name[at..], separator))
        }
        Some(c) => {
            let same = |other: char| {
                other == c || pattern.len() >= 5 && other.eq_ignore_ascii_case(&c) && is_inbox(name)
            };
            name.chars().next().is_some_and(same)
                && matches(&pattern[c.len_utf8()..], &name[c.len_utf8()..], separator)
        }
    }
}

fn is_inbox(name: &str) -> bool {
    name.eq_ignore_ascii_case("INBOX")
}
