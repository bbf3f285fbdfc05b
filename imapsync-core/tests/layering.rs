//! Holds the source tree to the layers: a module imports from its own layer or from one below, never from one above,
//! and the pure layers name no socket, file, clock or runtime.
//!
//! The files are read as tokens, not compiled, so that code behind a feature is looked at too. `#[cfg(test)]` items are
//! exempt: a test may use what it likes.

use std::collections::BTreeMap;
use std::path::Path;

/// Every module at the top of the crate with its layer. A new module must be given a place here.
const LAYERS: &[(&str, u8)] = &[
    ("error", 0),
    ("imap", 1),
    ("folder", 2),
    ("message", 2),
    ("substitution", 2),
    ("plan", 2),
    ("account", 3),
    ("options", 3),
    ("net", 4),
    ("state", 4),
    ("client", 5),
    ("sync", 6),
    ("testing", 7),
];

/// The last of the pure layers.
const LAST_PURE: u8 = 3;

/// What a pure layer must not name: paths that begin so, and names wherever they stand.
const IMPURE_PATHS: &[&[&str]] = &[
    &["tokio"],
    &["tokio_rustls"],
    &["tokio_util"],
    &["rustls"],
    &["socket2"],
    &["std", "net"],
    &["std", "fs"],
    &["std", "thread"],
    &["chrono", "Utc", "now"],
    &["Utc", "now"],
    &["chrono", "Local"],
    &["Local", "now"],
];
const IMPURE_NAMES: &[&str] = &["SystemTime", "Instant"];

#[test]
fn the_source_tree_keeps_its_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    collect(&root, &root, &mut files);
    assert!(files.len() > 5, "found only {} files", files.len());
    let violations = check(&files);
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

/// Reads all Rust files, by their path below `root` with `/` between the parts.
fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root).unwrap();
            let name = relative.iter().map(|part| part.to_str().unwrap()).collect::<Vec<_>>().join("/");
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// All violations in these files, one line each.
fn check(files: &BTreeMap<String, String>) -> Vec<String> {
    let scanned: BTreeMap<&str, Scan> =
        files.iter().map(|(file, text)| (file.as_str(), Scan::new(module_of(file), text))).collect();
    // What lib.rs exports at the top of the crate stands for the module it comes from.
    let exports: BTreeMap<&str, &str> = scanned
        .get("lib.rs")
        .into_iter()
        .flat_map(|scan| &scan.uses)
        .filter_map(|path| {
            let path = path.strip_prefix(&["crate".to_owned()][..]).unwrap_or(path);
            Some((path.last()?.as_str(), path.first()?.as_str()))
        })
        .collect();
    let test_modules: Vec<&Vec<String>> = scanned.values().flat_map(|scan| &scan.test_modules).collect();

    let mut violations = Vec::new();
    for (file, scan) in &scanned {
        let module = module_of(file);
        let Some(top) = module.first() else { continue };
        if test_modules.iter().any(|test| module.starts_with(test)) {
            continue;
        }
        let Some(own) = layer(top) else {
            violations.push(format!("{file}: module {top} has no layer"));
            continue;
        };
        for path in &scan.paths {
            let shown = path.join("::");
            if let [root, name, ..] = &path[..]
                && root == "crate"
            {
                let target = exports.get(name.as_str()).copied().unwrap_or(name);
                match layer(target) {
                    None => violations.push(format!("{file}: {shown}: {target} has no layer")),
                    Some(other) if other > own => {
                        violations.push(format!("{file}: layer {own} uses {shown} of layer {other}"));
                    }
                    Some(_) => {}
                }
            }
            let impure = IMPURE_PATHS
                .iter()
                .any(|start| path.iter().zip(*start).filter(|(a, b)| a == b).count() == start.len())
                || path.iter().any(|name| IMPURE_NAMES.contains(&name.as_str()));
            if own <= LAST_PURE && impure {
                violations.push(format!("{file}: pure layer {own} names {shown}"));
            }
        }
    }
    violations
}

fn layer(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// `imap/flag.rs` and `imap/flag/mod.rs` are the module `imap::flag`; `lib.rs` is the root.
fn module_of(file: &str) -> Vec<String> {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    module
}

/// What one file says.
#[derive(Default)]
struct Scan {
    /// Every path, in `use` or elsewhere; those that lead through the crate begin with `crate`.
    paths: Vec<Vec<String>>,
    /// The paths of `use` items alone.
    uses: Vec<Vec<String>>,
    /// Modules behind `#[cfg(test)]` that are files of their own.
    test_modules: Vec<Vec<String>>,
}

impl Scan {
    fn new(module: Vec<String>, text: &str) -> Self {
        let mut scan = Self::default();
        let tokens = tokens(text);
        scan.items(&tokens, &module);
        scan
    }

    /// Walks over tokens that stand in `module`.
    fn items(&mut self, mut tokens: &[String], module: &[String]) {
        while let [token, rest @ ..] = tokens {
            tokens = if let Some(after) = strip(tokens, &["#", "[", "cfg", "(", "test", ")", "]"]) {
                self.skip_item(after, module)
            } else if token == "use" {
                let end = rest.iter().position(|token| token == ";").unwrap_or(rest.len());
                let mut leaves = Vec::new();
                use_tree(&rest[..end], &[], &mut leaves);
                for leaf in leaves {
                    let path = absolute(leaf, module);
                    self.paths.push(path.clone());
                    self.uses.push(path);
                }
                &rest[end..]
            } else if let ("mod", [name, brace, ..]) = (token.as_str(), rest)
                && brace == "{"
            {
                let end = closing(&rest[1..]);
                let inner = [module, std::slice::from_ref(name)].concat();
                self.items(&rest[2..end], &inner);
                &rest[end..]
            } else if is_name(token) {
                let length = path_length(tokens);
                let path = tokens[..length].iter().step_by(2).cloned().collect();
                self.paths.push(absolute(path, module));
                &tokens[length..]
            } else {
                rest
            };
        }
    }

    /// Skips the item behind `#[cfg(test)]`; gives what follows.
    fn skip_item<'a>(&mut self, tokens: &'a [String], module: &[String]) -> &'a [String] {
        // Up to the end of a statement or of a body, whichever comes first outside brackets.
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token.as_str() {
                ";" => {
                    if let ["mod", name] = tokens[..at].iter().map(String::as_str).collect::<Vec<_>>()[..] {
                        self.test_modules.push([module, &[name.to_owned()]].concat());
                    }
                    return &tokens[at + 1..];
                }
                "{" => {
                    let end = at + closing(&tokens[at..]);
                    // `use a::{b};` goes on behind the brace.
                    if tokens[..at].first().is_none_or(|first| first != "use") {
                        return &tokens[end..];
                    }
                    at = end;
                }
                "(" | "[" => at += closing(&tokens[at..]),
                _ => at += 1,
            }
        }
        &[]
    }
}

/// The tokens behind this beginning.
fn strip<'a>(tokens: &'a [String], start: &[&str]) -> Option<&'a [String]> {
    let (head, rest) = tokens.split_at_checked(start.len())?;
    (head == start).then_some(rest)
}

/// How many tokens there are up to the bracket that closes the first one, it included.
fn closing(tokens: &[String]) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// How many tokens the path takes with which `tokens` begin: `a :: b` is three.
fn path_length(tokens: &[String]) -> usize {
    let mut length = 1;
    while tokens.get(length).is_some_and(|token| token == "::")
        && tokens.get(length + 1).is_some_and(|t| is_name(t))
    {
        length += 2;
    }
    length
}

/// Flattens the tree of a `use` item into its paths.
fn use_tree(mut tokens: &[String], prefix: &[String], leaves: &mut Vec<Vec<String>>) {
    while !tokens.is_empty() {
        let mut path = prefix.to_vec();
        let mut grouped = false;
        while let [token, rest @ ..] = tokens {
            tokens = rest;
            match token.as_str() {
                "," => break,
                "{" => {
                    let end = closing(&[std::slice::from_ref(token), rest].concat()) - 1;
                    use_tree(&rest[..end - 1], &path, leaves);
                    tokens = &rest[end..];
                    grouped = true;
                }
                // The new name says nothing about where it comes from.
                "as" => tokens = tokens.get(1..).unwrap_or_default(),
                name if is_name(name) || name == "*" => path.push(name.to_owned()),
                _ => {}
            }
        }
        if !grouped {
            leaves.push(path);
        }
    }
}

/// Resolves `self` and `super` at the start of a path that stands in `module`.
fn absolute(path: Vec<String>, module: &[String]) -> Vec<String> {
    let relative = path.first().is_some_and(|first| first == "self" || first == "super");
    if !relative {
        return path;
    }
    let steps = path.iter().take_while(|name| *name == "self" || *name == "super").count();
    let ups = path[..steps].iter().filter(|name| *name == "super").count();
    let base = &module[..module.len().saturating_sub(ups)];
    ["crate".to_owned()].iter().chain(base).chain(&path[steps..]).cloned().collect()
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c == '_' || c.is_alphabetic())
}

/// Names, `::` and single signs; comments, literals and lifetimes are left out.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let find = |from: usize, end: &str| {
        let end: Vec<char> = end.chars().collect();
        (from..chars.len())
            .find(|start| chars[*start..].starts_with(&end))
            .map_or(chars.len(), |start| start + end.len())
    };
    let mut out = Vec::new();
    let mut index = 0;
    while index < chars.len() {
        let c = chars[index];
        match c {
            '/' if at(index + 1) == '/' => index = find(index, "\n"),
            '/' if at(index + 1) == '*' => {
                let mut depth = 1;
                index += 2;
                while depth > 0 && index < chars.len() {
                    match (at(index), at(index + 1)) {
                        ('/', '*') => (depth, index) = (depth + 1, index + 2),
                        ('*', '/') => (depth, index) = (depth - 1, index + 2),
                        _ => index += 1,
                    }
                }
            }
            '"' => index = quoted(&chars, index, '"'),
            // A character or a lifetime: 'a' or 'a.
            '\'' if at(index + 1) == '\\' || at(index + 2) == '\'' => index = quoted(&chars, index, '\''),
            ':' if at(index + 1) == ':' => {
                out.push("::".to_owned());
                index += 2;
            }
            _ if c == '_' || c.is_alphanumeric() => {
                let end = (index..chars.len())
                    .find(|i| !(chars[*i] == '_' || chars[*i].is_alphanumeric()))
                    .unwrap_or(chars.len());
                let word: String = chars[index..end].iter().collect();
                let hashes = (end..chars.len()).take_while(|i| chars[*i] == '#').count();
                if matches!(word.as_str(), "r" | "br" | "cr") && at(end + hashes) == '"' {
                    index = find(end + hashes + 1, &format!("\"{}", "#".repeat(hashes)));
                } else if word == "r" && hashes == 1 {
                    index = end + 1;
                } else {
                    // The prefix of b"..." is no name.
                    let prefix = matches!(word.as_str(), "b" | "c") && matches!(at(end), '"' | '\'');
                    if !prefix {
                        out.push(word);
                    }
                    index = end;
                }
            }
            _ => {
                // The quote of a lifetime is dropped, its name stays and harms nobody.
                if !c.is_whitespace() && c != '\'' {
                    out.push(c.to_string());
                }
                index += 1;
            }
        }
    }
    out
}

/// Where the literal ends that begins at `start`.
fn quoted(chars: &[char], start: usize, quote: char) -> usize {
    let mut index = start + 1;
    while let Some(c) = chars.get(index) {
        match *c {
            '\\' => index += 2,
            c if c == quote => return index + 1,
            _ => index += 1,
        }
    }
    chars.len()
}

/// The checker is worth what it catches: each of these sources is planted in an otherwise clean tree.
#[test]
fn planted_violations_are_caught() {
    let lib = "pub mod error; pub use error::Error; pub use sync::{SyncJob, report::Report};";
    let violations = |file: &str, text: &str| {
        let files = [("lib.rs", lib), ("error.rs", "pub struct Error;"), (file, text)];
        check(&files.map(|(file, text)| (file.to_owned(), text.to_owned())).into())
    };
    let bad = [
        ("imap/flag.rs", "use crate::folder::Map;"),
        ("imap/flag.rs", "fn f() -> crate::net::Stream { todo!() }"),
        ("imap/flag.rs", "use crate::{error::Error, client::{Client as C}};"),
        ("imap/flag.rs", "use super::super::sync;"),
        ("imap/flag.rs", "mod inner { use super::super::super::plan::Plan; }"),
        ("imap/mod.rs", "use super::{error, folder};"),
        ("imap/mod.rs", "pub(in crate::sync) fn f() {}"),
        ("imap/mod.rs", "use crate::SyncJob;"),
        ("imap/mod.rs", "fn f(_: crate::Report) {}"),
        ("error.rs", "use crate::imap::text as t;"),
        ("plan.rs", "use crate::options::Options;"),
        ("client/mod.rs", "macro_rules! m { () => { $crate::sync::go() } }"),
        ("imap/mod.rs", "use crate::nowhere::X;"),
        ("utils.rs", ""),
        ("imap/mod.rs", "use tokio::io;"),
        ("imap/mod.rs", "fn f(_: rustls::Error) {}"),
        ("plan.rs", "use std::{fmt, fs::File};"),
        ("plan.rs", "use std::net::TcpStream;"),
        ("plan.rs", "use std::time::{Duration, Instant};"),
        ("options.rs", "fn f() { std::time::SystemTime::now(); }"),
        ("options.rs", "fn f() { chrono::Utc::now(); }"),
        ("options.rs", "use chrono::Utc; fn f() { Utc::now(); }"),
        ("plan.rs", "#[cfg(test)] mod tests {} use crate::sync;"),
        ("plan.rs", "#[cfg(test)] use crate::sync; use crate::net;"),
        ("plan.rs", "#[cfg(test)] fn f(a: [u8; 3]) -> X { } use crate::net;"),
        ("plan.rs", "#[cfg(not(test))] use crate::net;"),
        ("plan.rs", "const A: &str = \"\\\"\"; const B: char = '\"'; use crate::net; const C: char = '\\'';"),
        ("plan.rs", "fn f<'a>(_: &'a str) {} use crate::net; fn g(_: &'static str) {}"),
        ("plan.rs", "const A: &str = r#\"\"//\"#; use crate::net;"),
        ("plan.rs", "/* /* */ */ use crate::net;"),
    ];
    for (file, text) in bad {
        assert_eq!(violations(file, text).len(), 1, "{file}: {text}: {:?}", violations(file, text));
    }

    let good = [
        (
            "imap/flag.rs",
            "use crate::error::Error; use super::text; use crate::{Error as E, imap::name::MailboxName};",
        ),
        ("imap/flag.rs", "mod inner { use super::super::text; use super::super::super::error; }"),
        ("plan.rs", "use crate::folder::Map; use crate::imap; use std::time::Duration;"),
        ("sync/mod.rs", "use crate::{client, net, SyncJob}; use tokio::time::Instant; use std::fs;"),
        (
            "imap/mod.rs",
            "//! See [`crate::sync`].\n/// `crate::sync`\nfn f() { g(\"crate::sync\", r\"use tokio::x\"); }",
        ),
        ("imap/mod.rs", "#[cfg(test)]\nmod tests { use crate::sync; use tokio::io; }"),
        (
            "imap/mod.rs",
            "#[cfg(test)] use crate::{sync, client}; #[cfg(test)] #[path = \"x\"] fn f() { crate::net::g() }",
        ),
        ("plan.rs", "fn local(now: chrono::DateTime<chrono::Utc>) {}"),
    ];
    for (file, text) in good {
        assert_eq!(violations(file, text), [""; 0], "{file}: {text}");
    }

    // A module of tests in a file of its own.
    let files =
        [("imap/mod.rs", "#[cfg(test)] mod tests;"), ("imap/tests.rs", "use crate::sync; use tokio::io;")];
    assert_eq!(check(&files.map(|(file, text)| (file.to_owned(), text.to_owned())).into()), [""; 0]);
}
