//! Two servers on ports of this machine, and what they hold.

use crate::scenario::Scenario;
use imapsync_core::Side;
use imapsync_core::testing::{Act, Listening, Message, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Longer than anything may take here; more is a hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct World {
    pub(crate) arguments: &'static [&'static str],
    pub(crate) servers: [Server; 2],
    pub(crate) listening: [Listening; 2],
    _runtime: Runtime,
}

impl World {
    /// The servers as a scenario begins.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let servers =
            [Server::new(scenario.capabilities), Server::new(scenario.capabilities).with_validity(500_000)];
        (scenario.fill)(&mut servers[0].mail(), &mut servers[1].mail());
        for server in &servers {
            // Asked everywhere, a server counts all of its steps.
            server.hook(|_, _| Act::Pass);
        }
        let listening = {
            let _inside = runtime.enter();
            servers.each_ref().map(|server| server.listen().unwrap())
        };
        Self { arguments: scenario.arguments, servers, listening, _runtime: runtime }
    }

    pub(crate) fn server(&self, side: Side) -> &Server {
        &self.servers[usize::from(side.number() - 1)]
    }

    /// How many steps each server has counted.
    pub(crate) fn steps(&self) -> [usize; 2] {
        self.servers.each_ref().map(|server| usize::try_from(server.mail().steps).unwrap())
    }

    /// Waits until both servers have done all that they were told, and their connections are closed.
    pub(crate) fn quiet(&self) {
        let since = Instant::now();
        while self.servers.iter().any(|server| server.mail().open > 0) {
            assert!(since.elapsed() < PATIENCE, "a connection stays open");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Everything about every message.
    pub(crate) fn everything(&self) -> Vec<BTreeMap<String, Vec<Message>>> {
        self.servers.iter().map(everything).collect()
    }

    pub(crate) fn holdings(&self) -> Holdings {
        Holdings::of_servers(&self.servers)
    }

    /// Whether the servers were told nothing but good IMAP.
    pub(crate) fn no_offence(&self) -> Result<(), String> {
        match self.servers.iter().find_map(|server| server.mail().offences.first().cloned()) {
            Some(offence) => Err(format!("that is no IMAP: {offence}")),
            None => Ok(()),
        }
    }
}

fn everything(server: &Server) -> BTreeMap<String, Vec<Message>> {
    let mail = server.mail();
    mail.folders.iter().map(|(name, folder)| (name.clone(), folder.messages.clone())).collect()
}

/// A message where it is, without its number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Copy {
    side: u8,
    place: String,
    body: String,
    flags: BTreeSet<String>,
    date: String,
}

/// The folders of both servers and how often each message is where.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Holdings {
    folders: BTreeSet<(u8, String)>,
    copies: BTreeMap<Copy, usize>,
}

impl Holdings {
    /// What the servers hold now.
    pub(crate) fn of_servers(servers: &[Server; 2]) -> Self {
        let mut holdings = Self::default();
        for (server, side) in servers.iter().zip(1..) {
            for (place, messages) in everything(server) {
                holdings.folders.insert((side, place.clone()));
                for message in messages {
                    let copy = Copy {
                        side,
                        place: place.clone(),
                        body: String::from_utf8_lossy(&message.body.to_bytes()).into_owned(),
                        flags: message.flags.iter().cloned().collect(),
                        date: message.date.to_string(),
                    };
                    *holdings.copies.entry(copy).or_default() += 1;
                }
            }
        }
        holdings
    }

    /// Each different message of a side with its folder.
    pub(crate) fn places(&self, side: Side) -> BTreeSet<(String, String)> {
        let ours = self.copies.keys().filter(|copy| copy.side == side.number());
        ours.map(|copy| (copy.place.clone(), copy.body.clone())).collect()
    }

    fn of(&self, side: Side, place: &str, body: &str) -> impl Iterator<Item = (&Copy, &usize)> {
        let wanted =
            move |copy: &Copy| copy.side == side.number() && copy.place == place && copy.body == body;
        self.copies.iter().filter(move |(copy, _)| wanted(copy))
    }

    /// How often a message is there.
    pub(crate) fn count(&self, side: Side, place: &str, body: &str) -> usize {
        self.of(side, place, body).map(|(_, count)| count).sum()
    }

    /// Whether one of its copies is marked as deleted.
    pub(crate) fn is_marked(&self, side: Side, place: &str, body: &str) -> bool {
        self.of(side, place, body).any(|(copy, _)| copy.flags.contains("\\Deleted"))
    }

    /// What is different, shortened.
    pub(crate) fn differs_from(&self, other: &Self) -> String {
        let only = |one: &Self, two: &Self| -> Vec<String> {
            let differs = one.copies.iter().filter(|(copy, count)| two.copies.get(copy) != Some(count));
            differs
                .map(|(copy, count)| {
                    let body: String = copy.body.chars().take(70).collect();
                    format!("{count} of {}/{} {body:?} {:?} {}", copy.side, copy.place, copy.flags, copy.date)
                })
                .collect()
        };
        format!("here {:#?}, there {:#?}", only(self, other), only(other, self))
    }
}
