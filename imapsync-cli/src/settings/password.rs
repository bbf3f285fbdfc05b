//! Where a password comes from: a file, the environment, the option, or the person at the terminal.

use super::Refusal;
use crate::exit::Status;
use std::io::{BufRead, IsTerminal};

/// No password is longer: a first line beyond this is not one.
const LONGEST: u64 = 64 * 1024;

/// The places to look in for the password of one side, in the order of precedence.
#[derive(Debug)]
pub(super) struct Places<'a> {
    /// 1 or 2.
    pub(super) side: u8,
    /// `--passfile1`.
    pub(super) file: Option<String>,
    /// `IMAPSYNC_PASSWORD1`.
    pub(super) environment: Option<String>,
    /// `--password1`.
    pub(super) option: Option<String>,
    /// For the question: whose password it is.
    pub(super) who: &'a str,
}

impl Places<'_> {
    /// The password. `ask` is called when no place has one; it answers None where nobody can be asked.
    pub(super) fn look(
        self,
        notices: &mut Vec<String>,
        ask: impl FnOnce(&str) -> Option<String>,
    ) -> Result<String, Refusal> {
        let Self { side, file, environment, option, who } = self;
        if let Some(file) = file {
            return from_file(side, &file, notices);
        }
        if let Some(password) = environment.or(option) {
            return Ok(password);
        }
        ask(&format!("Password of {who} (host{side}): ")).ok_or_else(|| {
            Refusal::usage(format!(
                "no password for host{side}: give --passfile{side}, or IMAPSYNC_PASSWORD{side} in the environment"
            ))
        })
    }
}

/// Asks on the terminal, without echo. Standard input that is no terminal is never read.
pub(super) fn ask(question: &str) -> Option<String> {
    if std::io::stdin().is_terminal() { rpassword::prompt_password(question).ok() } else { None }
}

fn from_file(side: u8, file: &str, notices: &mut Vec<String>) -> Result<String, Refusal> {
    let refuse = |why: String| Refusal {
        status: Status::NoInput,
        text: format!("the password file of host{side}, {file}, {why}"),
    };
    let line = if file == "-" {
        first_line(std::io::stdin().lock())
    } else {
        std::fs::File::open(file).and_then(|opened| {
            if others_can_read(&opened) {
                notices.push(format!("others can read the password file {file}: chmod 600 {file}"));
            }
            first_line(std::io::BufReader::new(opened))
        })
    };
    let line = line.map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let text = String::from_utf8(line).map_err(|_| refuse("is not UTF-8 text".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(refuse("has an empty first line".to_owned()));
    }
    Ok(text.to_owned())
}

fn first_line(from: impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.take(LONGEST).read_until(b'\n', &mut line)?;
    Ok(line)
}

#[cfg(unix)]
fn others_can_read(file: &std::fs::File) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_file: &std::fs::File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(file: Option<&str>, environment: Option<&str>, option: Option<&str>) -> Places<'static> {
        Places {
            side: 1,
            file: file.map(str::to_owned),
            environment: environment.map(str::to_owned),
            option: option.map(str::to_owned),
            who: "alice",
        }
    }

    #[test]
    fn precedence() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "from file\r\nsecond line\n").unwrap();
        let path = path.to_str();
        for (file, environment, option, expected) in [
            (path, Some("env"), Some("option"), "from file"),
            (None, Some("env"), Some("option"), "env"),
            (None, None, Some("option"), "option"),
            (None, None, None, "asked"),
        ] {
            let found = places(file, environment, option).look(&mut Vec::new(), |_| Some("asked".to_owned()));
            assert_eq!(found.unwrap(), expected);
        }
        let refusal = places(None, None, None).look(&mut Vec::new(), |_| None).unwrap_err();
        assert_eq!(refusal.status, Status::Usage);
        assert!(refusal.text.contains("--passfile1"), "{}", refusal.text);
    }

    #[test]
    fn password_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        for (content, expected) in [
            (&b" blanks count "[..], Some(" blanks count ")),
            (b"one\ntwo\n", Some("one")),
            (b"\xef\xbb\xbfmarked\r\n", Some("marked")),
            ("gr\u{fc}n\n".as_bytes(), Some("gr\u{fc}n")),
            (b"gr\xfcn\n", None),
            (b"\nsecond", None),
            (b"", None),
        ] {
            std::fs::write(&path, content).unwrap();
            let found = places(path.to_str(), None, None).look(&mut Vec::new(), |_| None);
            match expected {
                Some(text) => assert_eq!(found.unwrap(), text),
                None => assert_eq!(found.unwrap_err().status, Status::NoInput),
            }
        }
        let missing = places(Some("/nonexistent/file"), Some("env"), None).look(&mut Vec::new(), |_| None);
        assert_eq!(missing.unwrap_err().status, Status::NoInput);
        let folder = places(directory.path().to_str(), None, None).look(&mut Vec::new(), |_| None);
        assert_eq!(folder.unwrap_err().status, Status::NoInput);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "x\n").unwrap();
        for (mode, told) in [(0o600, 0), (0o640, 1), (0o604, 1), (0o400, 0)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let mut notices = Vec::new();
            places(path.to_str(), None, None).look(&mut notices, |_| None).unwrap();
            assert_eq!(notices.len(), told, "{mode:o}");
        }
    }
}
