//! The text of `--help`, made from a table.

use super::{Group, Kind, Manual, Spec};
use std::fmt::Write;

/// Columns of the text.
const WIDTH: usize = 96;
/// Column where the explanations begin.
const INDENT: usize = 8;

/// The whole text.
pub(crate) fn help(manual: &Manual) -> String {
    let mut text = format!("imapsync {}\n\n{}", env!("CARGO_PKG_VERSION"), manual.introduction);
    for group in Group::ALL {
        let mut members = manual.table.iter().filter(|spec| spec.group == group).peekable();
        if members.peek().is_none() {
            continue;
        }
        let _ = write!(text, "\n{}:\n", group.title());
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
    text.push_str(manual.conclusion);
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
