//! The two servers of the demonstration: filled, listening with TLS, and what a command line needs to reach them.

use super::mailbox::{Folder, mailbox};
use crate::exit::Status;
use crate::settings::Refusal;
use imapsync_core::imap::utf7;
use imapsync_core::testing::{Body, Certificate, Listening, Profile, Server};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// One of the two.
pub(super) struct Host {
    /// What it knows.
    pub(super) server: Server,
    /// What it is like.
    pub(super) manner: &'static str,
    pub(super) user: &'static str,
    pub(super) password: &'static str,
    /// The file with its certificate.
    pub(super) certificate: PathBuf,
    passfile: PathBuf,
    listening: Listening,
}

/// Both, and where they live. Dropped, nothing is left of them.
pub(super) struct Servers {
    /// Host1 and host2.
    pub(super) hosts: [Host; 2],
    /// Each folder by its name on host1 and on host2, as on the wire.
    pub(super) folders: Vec<[String; 2]>,
    /// A directory that only this user can read.
    directory: TempDir,
    /// They have threads of their own, so that they are as independent of the client as real ones.
    pub(super) runtime: Runtime,
}

impl Servers {
    /// Makes the mail, about so many messages, and listens.
    pub(super) fn start(messages: usize) -> Result<Self, Refusal> {
        let source = Server::like(&Profile::COURIER);
        // Two servers that number their folders alike are taken for one: nothing would be deleted then.
        let destination = Server::like(&Profile::DOVECOT).with_validity(500_000);
        let folders = fill(&source, &destination, mailbox(messages));
        Self::listen(source, destination, folders).map_err(|error| Refusal {
            status: Status::Software,
            text: format!("the servers of the demonstration cannot start: {error}"),
        })
    }

    fn listen(source: Server, destination: Server, folders: Vec<[String; 2]>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let directory = tempfile::Builder::new().prefix("imapsync-demo-").tempdir()?;
        let hosts = {
            let _inside = runtime.enter();
            [
                Host::listen(source, "like Courier", ("alice", "old-secret"), directory.path(), 1)?,
                Host::listen(
                    destination,
                    "like Dovecot",
                    ("alice@new.example", "new-secret"),
                    directory.path(),
                    2,
                )?,
            ]
        };
        Ok(Self { hosts, folders, directory, runtime })
    }

    /// The arguments of a sync from host1 to host2.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        for (host, side) in self.hosts.iter().zip(1..) {
            let address = host.address();
            let mut option = |name: &str, value: String| arguments.extend([format!("--{name}{side}"), value]);
            option("host", address.ip().to_string());
            option("port", address.port().to_string());
            option("user", host.user.to_owned());
            option("passfile", host.passfile.display().to_string());
            option("cafile", host.certificate.display().to_string());
            arguments.push(format!("--ssl{side}"));
        }
        arguments.push("--automap".to_owned());
        // What is remembered goes with the servers.
        arguments
            .extend(["--statedir".to_owned(), self.directory.path().join("state").display().to_string()]);
        arguments
    }
}

impl Host {
    /// Lets this user in, through TLS; its files are in `directory`.
    fn listen(
        server: Server,
        manner: &'static str,
        (user, password): (&'static str, &'static str),
        directory: &Path,
        side: u8,
    ) -> io::Result<Self> {
        {
            let mut mail = server.mail();
            mail.user = Some(user.to_owned());
            mail.password = Some(password.to_owned());
        }
        let shown = Certificate::new();
        let certificate = directory.join(format!("certificate{side}.pem"));
        fs::write(&certificate, shown.pem())?;
        let passfile = directory.join(format!("password{side}"));
        write_private(&passfile, password)?;
        let listening = server.listen_tls(&shown)?;
        Ok(Self { server, manner, user, password, certificate, passfile, listening })
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.listening.address
    }
}

/// Puts the mail where it is before the first run.
fn fill(source: &Server, destination: &Server, folders: Vec<Folder>) -> Vec<[String; 2]> {
    let (mut old, mut new) = (source.mail(), destination.mail());
    let mut names = Vec::new();
    for Folder { source, destination, special_use, letters } in folders {
        let pair =
            [name(&source, &old.prefix, old.separator), name(&destination, &new.prefix, new.separator)];
        old.folder(&pair[0]).subscribed = true;
        if let Some(attribute) = special_use {
            let folder = new.folder(&pair[1]);
            folder.subscribed = true;
            folder.attributes = vec![attribute.to_owned()];
        }
        for letter in letters {
            let date = letter.date.format("%d-%b-%Y %H:%M:%S %z").to_string();
            let owned = |flags: Vec<&str>| flags.into_iter().map(str::to_owned).collect();
            let body = Body::from(letter.body);
            if let Some(flags) = letter.there {
                new.folder(&pair[1]).store(body.clone(), owned(flags), &date);
            }
            old.folder(&pair[0]).store(body, owned(letter.flags), &date);
        }
        names.push(pair);
    }
    let welcome = "Message-Id: <welcome@new.example>\r\nFrom: Postmaster <postmaster@new.example>\r\n\
                   Subject: Welcome to your new mailbox\r\n\r\nThis message is on host2 alone, and stays there.\r\n";
    new.folder("INBOX").add(welcome, &[]);
    names
}

/// A name on the wire: INBOX, or the prefix and the parts with the separator between.
fn name(parts: &[String], prefix: &str, separator: char) -> String {
    if parts.is_empty() {
        return "INBOX".to_owned();
    }
    let parts: Vec<String> = parts.iter().map(|part| utf7::encode(part)).collect();
    format!("{prefix}{}", parts.join(&separator.to_string()))
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
