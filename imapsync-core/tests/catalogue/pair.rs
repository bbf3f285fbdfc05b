//! The two servers of a case, and somebody else who is at work there.

use crate::peer::{self, Transcript};
use imapsync_core::Side;
use imapsync_core::testing::{Act, Call, Mail, Message, Server};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What somebody else does to the mail of one side.
pub type Change = (Side, Arc<dyn Fn(&mut Mail) + Send + Sync>);

/// The two servers of a case.
pub struct Pair {
    pub source: Server,
    pub destination: Server,
    pub routes: peer::Routes,
    pub change: Option<Change>,
    /// Whether somebody else has been at work.
    pub changed: Arc<AtomicBool>,
}

impl Pair {
    pub fn new(capabilities: &[String; 2]) -> Self {
        let [source, destination] = capabilities.each_ref().map(|capabilities| Server::new(capabilities));
        // Else the same UIDVALIDITY and UIDs would make the two INBOXes look like one.
        let destination = destination.with_validity(500_000);
        Self { source, destination, routes: peer::Routes::default(), change: None, changed: Arc::default() }
    }

    /// Somebody else is at work the first time that `when` holds on his side; `act` is what the server does then.
    pub fn meanwhile(
        &self,
        when: impl Fn(&Call<'_>) -> bool + Send + 'static,
        act: impl Fn() -> Act + Send + 'static,
    ) {
        let (side, change) = self.change.clone().expect("a case with a change");
        let changed = self.changed.clone();
        self.server(side).hook(move |mail, call| {
            if changed.load(Ordering::Relaxed) || !when(call) {
                return Act::Pass;
            }
            changed.store(true, Ordering::Relaxed);
            change(mail);
            act()
        });
    }

    pub fn change(&self) {
        if let Some((side, change)) = &self.change {
            change(&mut self.server(*side).mail());
        }
    }

    /// The server of a side.
    pub fn server(&self, side: Side) -> &Server {
        match side {
            Side::Source => &self.source,
            Side::Destination => &self.destination,
        }
    }

    /// The next connection to this side is served by a transcript.
    pub fn transcript(&self, side: Side, transcript: &str) {
        self.routes.push(side, Transcript::parse(transcript));
    }

    /// Connections to this side go to a port of this machine, through TCP, with TLS where it is asked for.
    pub fn port(&self, side: Side, port: u16) {
        self.routes.to_port(side, port);
    }

    /// So many connections to this side are served by a transcript.
    pub fn transcripts(&self, side: Side, times: usize, transcript: &str) {
        for _ in 0..times {
            self.transcript(side, transcript);
        }
    }
}

/// All messages of a server.
pub fn folders(server: &Server) -> BTreeMap<String, Vec<Message>> {
    let mail = server.mail();
    mail.folders.iter().map(|(name, folder)| (name.clone(), folder.messages.clone())).collect()
}

/// What puts a server's habits back to what they are now.
pub fn habits(server: &Server) -> impl FnOnce(&mut Mail) + use<> {
    let mail = server.mail();
    let (greeting, capabilities) = (mail.greeting.clone(), mail.capabilities.clone());
    let (first, quirks) = (mail.first_capabilities.clone(), mail.quirks.clone());
    let (quota, separator, prefix) = (mail.quota, mail.separator, mail.prefix.clone());
    let (user, password) = (mail.user.clone(), mail.password.clone());
    move |mail| {
        mail.greeting = greeting;
        mail.capabilities = capabilities;
        mail.first_capabilities = first;
        mail.quirks = quirks;
        mail.quota = quota;
        mail.user = user;
        mail.password = password;
        mail.separator = separator;
        mail.prefix = prefix;
    }
}
