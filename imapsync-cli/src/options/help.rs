//! The text of `--help`, made from the table.

use super::{Group, Kind, Spec, TABLE};
use std::fmt::Write;

/// Columns of the text.
const WIDTH: usize = 96;
/// Column where the explanations begin.
const INDENT: usize = 8;

const INTRODUCTION: &str = "\
Copies mailboxes from one IMAP account (host1) to another (host2): one way, incrementally, without duplicates.
Nothing is removed unless asked for. It can be stopped at any instant and started again.

Usage: imapsync --host1 HOST --user1 USER --passfile1 FILE --host2 HOST --user2 USER --passfile2 FILE [options]

Options may be shortened as far as they stay unique, written with one dash or two and in any case; a value
follows after a blank or an equals sign. What reads --[no]x is turned off with --nox.
";

const CONCLUSION: &str = "\
Exit status: 0 if and only if everything was done. So a bad line is dealt with by

  while ! imapsync ... ; do echo not complete; sleep 60; done
";

/// The whole text.
pub(crate) fn help() -> String {
    let mut text = format!("imapsync {}\n\n{INTRODUCTION}", env!("CARGO_PKG_VERSION"));
    for group in Group::ALL {
        let _ = write!(text, "\n{}:\n", group.title());
        let members = TABLE.iter().filter(|spec| spec.group == group);
        if group == Group::Ignored {
            let names: Vec<_> = members.flat_map(heads).collect();
            wrap(&mut text, &names.join(", "), 2);
        } else {
            for spec in members {
                let _ = writeln!(text, "  {}", heads(spec).join(", "));
                wrap(&mut text, spec.help, INDENT);
            }
        }
    }
    text.push('\n');
    text.push_str(CONCLUSION);
    text
}

/// The names with their values: `--port1 N`, `--port2 N`.
fn heads(spec: &Spec) -> Vec<String> {
    let no = if spec.kind == Kind::Negatable { "[no]" } else { "" };
    let value = match spec.kind {
        Kind::One(_, placeholder) | Kind::Many(_, placeholder) => format!(" {placeholder}"),
        Kind::Switch | Kind::Negatable => String::new(),
    };
    std::iter::once(&spec.name)
        .chain(spec.aliases)
        .flat_map(|stem| spec.spell(stem))
        .map(|name| {
            let dashes = if name.len() == 1 { "-" } else { "--" };
            format!("{dashes}{no}{name}{value}")
        })
        .collect()
}

fn wrap(text: &mut String, paragraph: &str, indent: usize) {
    let mut column = 0;
    for word in paragraph.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            text.push('\n');
            column = 0;
        }
        if column == 0 {
            text.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
}
