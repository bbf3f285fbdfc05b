//! The tour: a sync, the same again, and a comparison of both servers that does not believe a word of it.

use super::described;
use super::servers::Servers;
use super::state::{State, differences, state};
use crate::exit::Status;
use crate::options::{self, IMAPSYNC};
use crate::output::{self, Screen};
use crate::settings::Refusal;
use crate::signal::Stop;
use imapsync_core::Report;

const ON_REAL_SERVERS: &str = "
==== The same between real servers
Passwords stand in the first lines of two files that only you can read.
First with --dry, which changes nothing:

  imapsync --host1 imap.old.example --user1 alice --passfile1 ~/.imap1 \\
           --host2 imap.new.example --user2 alice --passfile2 ~/.imap2 --automap --dry

To try options without risk: imapsync demo --serve";

/// Shows everything; ends with the status of what went wrong first.
pub(super) fn tour(screen: &mut Screen, stop: &Stop, servers: &Servers) -> Result<Status, Refusal> {
    let now = || servers.hosts.each_ref().map(|host| state(&host.server.mail()));
    let before = now();
    screen.print("Two mail servers in this program, with made-up mail. Nothing leaves this machine.");
    for ((host, state), side) in servers.hosts.iter().zip(&before).zip(1..) {
        let (address, manner) = (host.address(), host.manner);
        screen.print(&format!("Host{side} is {address}, {manner}: {}", described(state)));
    }

    screen.print("\n==== The sync");
    let (status, _) = sync(screen, stop, servers)?;
    if status != Status::Ok {
        return Ok(status);
    }
    let between = now();

    screen.print("\n==== The same again");
    let (status, report) = sync(screen, stop, servers)?;
    if status != Status::Ok {
        return Ok(status);
    }
    let after = now();
    let copied = report.map_or(0, |report| report.tally.copied);

    screen.print("\n==== Both servers compared, by what they hold");
    let wrong = wrong(servers, &before, &between, &after, copied);
    if !wrong.is_empty() {
        screen.print(&format!("NOT AS IT SHOULD BE:\n{}", wrong.join("\n")));
        screen.print(&output::exit_line(Status::Software, wrong.len()));
        return Ok(Status::Software);
    }
    let [source, destination] = &after;
    screen.print(&format!(
        "Host1 holds {}.\nNot a bit of it has changed.\nHost2 holds {}:\neach message of host1 once, by the BLAKE3 \
         digests of their bytes, with its flags\nand its date, and what host2 alone had.\nThe second run copied {copied} \
         messages and changed nothing.",
        described(source),
        described(destination),
    ));
    screen.print(ON_REAL_SERVERS);
    Ok(Status::Ok)
}

/// A real sync, from the same arguments that a user would give.
fn sync(screen: &mut Screen, stop: &Stop, servers: &Servers) -> Result<(Status, Option<Report>), Refusal> {
    let values = options::parse(&IMAPSYNC, &servers.arguments())?;
    match crate::prepare(screen, &values)? {
        Some(settings) => crate::sync(screen, stop, settings),
        None => Ok((Status::Ok, None)),
    }
}

/// Everything that is not as it should be.
fn wrong(
    servers: &Servers,
    before: &[State; 2],
    between: &[State; 2],
    after: &[State; 2],
    copied: u64,
) -> Vec<String> {
    let mut wrong = differences(&servers.folders, &before[0], &before[1], &between[1]);
    if between[0] != before[0] {
        wrong.push("host1 has changed".to_owned());
    }
    if after != between || copied > 0 {
        wrong.push(format!("the second run, with {copied} messages copied, has changed something"));
    }
    for (host, side) in servers.hosts.iter().zip(1..) {
        let offences = host.server.mail().offences.clone();
        wrong.extend(
            offences.into_iter().map(|offence| format!("host{side} was told what is no IMAP: {offence}")),
        );
    }
    wrong
}
