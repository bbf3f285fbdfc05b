//! The programs that are compared, and how each is called for the same work: all folders of one account to another,
//! plain or over TLS, without COMPRESS.

use crate::measure::Program;
use crate::zero_cost::{Order, Work};
use std::path::{Path, PathBuf};

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// An imapsync of ours, with so many connections where it can be told, and with or without what it remembers.
    Ours {
        name: String,
        path: PathBuf,
        connections: Option<usize>,
        state: bool,
    },
    Mbsync,
    Interimap,
    Mailutil,
    /// An imapsync found on PATH.
    Imapsync(PathBuf),
    /// [`crate::zero_cost`] on so many connections.
    ZeroCost(usize),
}

/// One side of the work: where a tool finds the account.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) prefix: &'static str,
    pub(crate) ca: PathBuf,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Task<'a> {
    pub(crate) source: End,
    pub(crate) destination: End,
    pub(crate) tls: bool,
    /// Where a tool may keep what it needs to know in its next run for the same accounts.
    pub(crate) state: &'a Path,
    /// What the zero-cost client sends, and whether a copy is asked of it.
    pub(crate) streams: &'a Path,
    pub(crate) copies: bool,
}

/// A program of this name on PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|path| path.is_file())
}

impl Tool {
    pub(crate) fn name(&self) -> String {
        match self {
            Tool::Ours { name, connections, state, .. } => {
                let connections = connections.map(|count| format!(" --connections {count}"));
                format!("{name}{}{}", connections.unwrap_or_default(), if *state { "" } else { " --nostate" })
            }
            Tool::Mbsync => "mbsync".to_owned(),
            Tool::Interimap => "interimap".to_owned(),
            Tool::Mailutil => "mailutil".to_owned(),
            Tool::Imapsync(_) => "imapsync (PATH)".to_owned(),
            Tool::ZeroCost(count) => format!("zero-cost × {count}"),
        }
    }

    /// Why it cannot be run here.
    pub(crate) fn missing(&self) -> Option<String> {
        let (program, package) = match self {
            Tool::Mbsync => ("mbsync", "isync"),
            Tool::Interimap => ("interimap", "interimap"),
            Tool::Mailutil => ("mailutil", "uw-mailutils"),
            Tool::Ours { path, connections, state, .. } => {
                let needed = connections.map(|_| "--connections").or(state.then_some("--statedir"))?;
                let help = std::process::Command::new(path).arg("--help").output();
                let knows = help.is_ok_and(|out| String::from_utf8_lossy(&out.stdout).contains(needed));
                return (!knows).then(|| format!("{} has no {needed}", path.display()));
            }
            Tool::Imapsync(_) | Tool::ZeroCost(_) => return None,
        };
        on_path(program)
            .is_none()
            .then(|| format!("{program} is not on PATH; Debian has it in the package {package}"))
    }

    /// Whether a second run continues the first; mailutil copies all again.
    pub(crate) fn repeats(&self) -> bool {
        !matches!(self, Tool::Mailutil)
    }

    /// Whether it does the task at all.
    pub(crate) fn can(&self, task: &Task<'_>) -> bool {
        match self {
            // Needs QRESYNC on both sides.
            Tool::Interimap => task.destination.prefix.is_empty(),
            // It would put the folders outside of the prefix.
            Tool::Mailutil => task.destination.prefix.is_empty() && !task.tls,
            _ => true,
        }
    }

    /// The program that does the task.
    pub(crate) fn program(&self, task: &Task<'_>) -> std::io::Result<Program> {
        std::fs::create_dir_all(task.state)?;
        Ok(match self {
            Tool::Ours { path, connections, state, .. } => {
                let more = connections.map(|count| vec!["--connections".to_owned(), count.to_string()]);
                let program = imapsync(path, task).args(more.unwrap_or_default());
                match state {
                    true => program.args(["--statedir".to_owned(), task.state.display().to_string()]),
                    false => program.args(["--nostate"]),
                }
            }
            Tool::Imapsync(path) => imapsync(path, task).args(["--nolog"]),
            Tool::Mbsync => {
                let file = task.state.join("mbsyncrc");
                std::fs::write(&file, mbsyncrc(task))?;
                let file = file.to_str().expect("the path is ours");
                Program::new("mbsync").args(["-q", "-c", file, "copy"])
            }
            Tool::Interimap => {
                let file = task.state.join("interimap.conf");
                std::fs::write(&file, interimap(task))?;
                Program::new("interimap").args([format!("--config={}", file.display()), "--quiet".to_owned()])
            }
            Tool::Mailutil => {
                let side =
                    |end: &End| format!("{{127.0.0.1:{}/imap/notls/norsh/user={}}}", end.port, end.user);
                let args =
                    ["mailutil", "transfer", "-m", "append", &side(&task.source), &side(&task.destination)];
                // Without a terminal it reads the passwords from its standard input.
                let mut program = Program::new("setsid").args(["--wait"]).args(args);
                program.input = "pass\npass\n".to_owned();
                program
            }
            Tool::ZeroCost(connections) => {
                let order = Order {
                    work: if task.copies { Work::Copy } else { Work::Scan },
                    streams: task.streams.to_owned(),
                    connections: *connections,
                    sides: [&task.source, &task.destination].map(|end| (end.port, end.user.clone())),
                    ca: task.tls.then(|| [task.source.ca.clone(), task.destination.ca.clone()]),
                };
                Program::new(std::env::current_exe()?).args(order.args())
            }
        })
    }
}

fn imapsync(path: &Path, task: &Task<'_>) -> Program {
    let mut program = Program::new(path);
    for (n, end) in [(1, &task.source), (2, &task.destination)] {
        let host = if task.tls { "localhost" } else { "127.0.0.1" };
        let words = ["host", host, "port", &end.port.to_string(), "user", &end.user].map(str::to_owned);
        for pair in words.chunks(2) {
            program = program.args([format!("--{}{n}", pair[0]), pair[1].clone()]);
        }
        program = if task.tls {
            let ca = end.ca.display().to_string();
            program.args([format!("--ssl{n}"), format!("--cafile{n}"), ca])
        } else {
            program.args([format!("--nossl{n}"), format!("--notls{n}")])
        };
    }
    program.env = vec![("IMAPSYNC_PASSWORD1", "pass".to_owned()), ("IMAPSYNC_PASSWORD2", "pass".to_owned())];
    program
}

fn mbsyncrc(task: &Task<'_>) -> String {
    let mut text = String::new();
    for (name, end) in [("from", &task.source), ("to", &task.destination)] {
        let End { port, user, ca, .. } = end;
        let security = if task.tls {
            format!("Host localhost\nSSLType IMAPS\nCertificateFile {}\n", ca.display())
        } else {
            "Host 127.0.0.1\nSSLType None\nAuthMechs LOGIN\n".to_owned()
        };
        text.push_str(&format!(
            "IMAPAccount {name}\nPort {port}\nUser {user}\nPass pass\n{security}DisableExtension COMPRESS=DEFLATE\n\n\
             IMAPStore {name}\nAccount {name}\n\n"
        ));
    }
    let state = task.state.display();
    text + &format!(
        "Channel copy\nFar :from:\nNear :to:\nPatterns *\nCreate Near\nSync Pull\nCopyArrivalDate yes\n\
         SyncState {state}/\n"
    )
}

fn interimap(task: &Task<'_>) -> String {
    let mut text = format!("database = {}/interimap.db\n", task.state.display());
    for (name, end) in [("local", &task.destination), ("remote", &task.source)] {
        let End { port, user, ca, .. } = end;
        let security = if task.tls {
            format!("type = imaps\nhost = localhost\nSSL_CAfile = {}\n", ca.display())
        } else {
            "type = imap\nhost = 127.0.0.1\nSTARTTLS = NO\n".to_owned()
        };
        text.push_str(&format!(
            "\n[{name}]\n{security}port = {port}\nusername = {user}\npassword = pass\ncompress = NO\n"
        ));
    }
    text
}
