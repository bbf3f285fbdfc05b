//! The account that is copied: folders of all kinds, messages that servers treat differently.

use imapsync_core::testing::{Body, Mail, Profile, Server};

/// A message of the account, known by its name.
pub struct Letter {
    pub name: &'static str,
    /// Levels of its folder, without prefix; none: INBOX.
    pub folder: &'static [&'static str],
    pub text: &'static [u8],
    pub flags: &'static [&'static str],
    pub date: &'static str,
}

/// A usual date.
pub const USUAL: &str = "05-Mar-2021 10:11:12 +0000";

macro_rules! letter {
    ($name:literal, $folder:expr, $text:expr $(, flags $flags:expr)? $(, date $date:expr)?) => {{
        let letter = Letter { name: $name, folder: &$folder, text: $text, flags: &[], date: USUAL };
        $(let letter = Letter { flags: &$flags, ..letter };)?
        $(let letter = Letter { date: $date, ..letter };)?
        letter
    }};
}

/// A header with this Message-Id and subject, and a body.
macro_rules! text {
    ($id:literal, $body:literal) => {
        concat!(
            "Message-Id: <",
            $id,
            "@example.org>\r\nDate: Fri, 05 Mar 2021 10:11:12 +0000\r\n",
            "From: a@example.org\r\nSubject: ",
            $id,
            "\r\n\r\n",
            $body
        )
        .as_bytes()
    };
}

/// A keyword of 60 characters.
pub const LONG: &str = "long_keyword_long_keyword_long_keyword_long_keyword_long_key";

/// What the account holds.
pub fn letters() -> Vec<Letter> {
    vec![
        letter!("plain", [], text!("plain", "Hello.\r\n")),
        letter!("read", [], text!("read", "Hello.\r\n"), flags ["\\Seen", "\\Answered", "\\Flagged"]),
        letter!("keywords", [], text!("keywords", "Hello.\r\n"), flags ["\\Seen", "$Forwarded", "Urgent"]),
        letter!("long keyword", [], text!("longkeyword", "Hello.\r\n"), flags[LONG]),
        letter!("deleted", [], text!("deleted", "Hello.\r\n"), flags ["\\Deleted", "\\Seen"]),
        letter!("draft", ["Drafts"], text!("draft", "Hello.\r\n"), flags["\\Draft"]),
        letter!("zone", [], text!("zone", "Hello.\r\n"), date "05-Mar-2021 10:11:12 +0530"),
        letter!("old", [], text!("old", "Hello.\r\n"), date "01-Feb-1985 03:04:05 +0000"),
        letter!("epoch", [], text!("epoch", "Hello.\r\n"), date "01-Jan-1970 00:00:00 +0000"),
        letter!("older", [], text!("older", "Hello.\r\n"), date "01-Jan-1950 00:00:00 +0000"),
        letter!("future", [], text!("future", "Hello.\r\n"), date "01-Jan-2050 00:00:00 +0000"),
        letter!("no identity", [], b"X-Nothing: here\r\n\r\nthe body alone\r\n"),
        letter!("no header", [], b"no header at all\r\nbut text\r\n"),
        letter!("twin 1", [], text!("twin", "The first.\r\n")),
        letter!("twin 2", [], text!("twin", "The second.\r\n")),
        letter!("8 bit", [], b"Message-Id: <8bit@example.org>\r\nSubject: caf\xe9\r\n\r\n\xe9t\xe9\r\n"),
        letter!("8 bit alone", [], b"From: a@example.org\r\nSubject: caf\xe9\r\n\r\n\xe9t\xe9\r\n"),
        letter!("nul", [], text!("nul", "a\0b\r\n")),
        letter!("bare lf", [], text!("barelf", "one\ntwo\r\n")),
        letter!("bare cr", [], text!("barecr", "one\rtwo\r\n")),
        letter!("no end", [], text!("noend", "no end")),
        letter!("from", [], b"Message-Id: <from@example.org>\r\nStatus: RO\r\n\r\nFrom here on.\r\n"),
        letter!("sent", ["Sent"], text!("sent", "Hello.\r\n"), flags["\\Seen"]),
        letter!("trash", ["Trash"], text!("trash", "Hello.\r\n")),
        letter!("junk", ["Junk"], text!("junk", "Hello.\r\n"), flags["$Junk"]),
        letter!("archive", ["Archive"], text!("archive", "Hello.\r\n")),
        letter!("projects", ["Projects"], text!("projects", "Hello.\r\n")),
        letter!("apollo", ["Projects", "Apollo"], text!("apollo", "Hello.\r\n")),
        letter!("docs", ["Projects", "Apollo", "Docs"], text!("docs", "Hello.\r\n")),
        letter!("umlaut", ["Entw&APw-rfe &- more"], text!("umlaut", "Hello.\r\n")),
        letter!("party", ["Party &2DzfiQ-"], text!("party", "Hello.\r\n")),
        letter!("odd", ["100% \"odd\" [x]"], text!("odd", "Hello.\r\n")),
    ]
}

/// Messages of which the account holds something twice: the folder and the text.
pub const TWICE: &str = "plain";

/// A message that is too large for the memory that the runs have: it streams through.
pub fn large() -> Vec<u8> {
    let line = "All work and no play makes Jack a dull boy.\r\n";
    [text!("large", "Many words.\r\n"), line.repeat(4_000).as_bytes()].concat()
}

/// What a folder is called on a server.
pub fn named(profile: &Profile, levels: &[&str]) -> String {
    if levels.is_empty() {
        return "INBOX".to_owned();
    }
    format!("{}{}", profile.prefix, levels.join(&profile.separator.to_string()))
}

/// Where a folder of the account is on a server that is its source: in the server's own special-use folders.
pub fn home(profile: &Profile, levels: &[&str]) -> String {
    crate::expected::folder(profile, levels).unwrap_or_else(|| named(profile, levels))
}

/// Fills a server with the account. Each message is there byte for byte, whatever the server would make of it: it has
/// come with the mail. Line ends are the server's own.
pub fn fill(server: &Server, profile: &Profile) {
    let mut mail = server.mail();
    let special = mail.has("SPECIAL-USE");
    for letter in letters() {
        let name = home(profile, letter.folder);
        for n in 1..=letter.folder.len() {
            mail.folder(&home(profile, &letter.folder[..n]));
        }
        if special
            && profile.folders.is_empty()
            && let [one] = letter.folder
        {
            mark(&mut mail, &name, one);
        }
        store(&mut mail, profile, &name, letter.text, letter.flags, letter.date);
    }
    let letters = letters();
    let twice = letters.iter().find(|letter| letter.name == TWICE).unwrap();
    store(&mut mail, profile, "INBOX", twice.text, twice.flags, twice.date);
    store(&mut mail, profile, "INBOX", &large(), &[], USUAL);
    let sent = home(profile, &["Sent"]);
    mail.folder(&sent).subscribed = true;
}

fn mark(mail: &mut Mail, name: &str, level: &str) {
    if ["Sent", "Drafts", "Trash", "Junk", "Archive"].contains(&level) {
        mail.folder(name).attributes = vec![format!("\\{level}")];
    }
}

fn store(mail: &mut Mail, profile: &Profile, folder: &str, text: &[u8], flags: &[&str], date: &str) {
    let text = if profile.name == "pymap" { lf(text) } else { text.to_vec() };
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    mail.folder(folder).store(Body::from(text), flags, date);
}

/// All line ends are LF.
pub fn lf(text: &[u8]) -> Vec<u8> {
    let ends = |at: usize| text[at] == b'\r' && text.get(at + 1) == Some(&b'\n');
    (0..text.len()).filter(|at| !ends(*at)).map(|at| text[at]).collect()
}
