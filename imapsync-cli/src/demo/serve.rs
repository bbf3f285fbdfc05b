//! The servers kept up: how to reach them, and what each run changed.

use super::servers::Servers;
use super::state::{State, state};
use super::{command_line, described};
use crate::exit::Status;
use crate::output::Screen;
use crate::settings::Refusal;
use crate::signal::Stop;
use std::time::Duration;

/// How often the servers are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Serves until a signal comes.
pub(super) fn serve(screen: &mut Screen, stop: &Stop, servers: &Servers) -> Result<Status, Refusal> {
    screen.print("Two mail servers in this program, with made-up mail, up until Ctrl-C.\n");
    for (host, side) in servers.hosts.iter().zip(1..) {
        let address = host.address();
        screen.print(&format!(
            "Host{side}, {}: {}\n  host {}, port {} (TLS), user {}, password {}\n  certificate {}\n",
            host.manner,
            described(&state(&host.server.mail())),
            address.ip(),
            address.port(),
            host.user,
            host.password,
            host.certificate.display(),
        ));
    }
    screen.print(&format!(
        "In another terminal (with --dry at its end it only tells what it would do):\n\n{}\n",
        command_line(&servers.arguments())?
    ));
    servers.runtime.block_on(async {
        tokio::select! {
            () = stop.token.cancelled() => {}
            () = watch(screen, servers) => {}
        }
    });
    screen.print("The servers and their files are gone.");
    Ok(Status::Ok)
}

/// Tells after each run what has changed.
async fn watch(screen: &mut Screen, servers: &Servers) {
    let connections = || servers.hosts.iter().map(|host| host.server.mail().connections).sum::<usize>();
    let open = || servers.hosts.iter().map(|host| host.server.mail().open).sum::<usize>();
    let now = || servers.hosts.each_ref().map(|host| state(&host.server.mail()));
    let (mut told, mut before) = (connections(), now());
    loop {
        tokio::time::sleep(LOOK).await;
        let come = connections();
        if come == told || open() > 0 {
            continue;
        }
        let after = now();
        let clock = chrono::Local::now().format("%H:%M:%S");
        for ((before, after), side) in before.iter().zip(&after).zip(1..) {
            let line = if before == after { "unchanged".to_owned() } else { changed(before, after) };
            screen.print(&format!("{clock} Host{side}: {line}"));
        }
        (told, before) = (come, after);
    }
}

/// What changed, in words.
fn changed(before: &State, after: &State) -> String {
    let uids = |state: &State, name: &str| -> std::collections::BTreeMap<u32, Vec<String>> {
        let messages = state.get(name).into_iter().flatten();
        messages.map(|message| (message.uid, message.flags.clone())).collect()
    };
    let (mut new, mut gone, mut flagged) = (0, 0, 0);
    for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
        let (old, now) = (uids(before, name), uids(after, name));
        new += now.keys().filter(|uid| !old.contains_key(uid)).count();
        gone += old.keys().filter(|uid| !now.contains_key(uid)).count();
        flagged += old.iter().filter(|(uid, flags)| now.get(uid).is_some_and(|now| now != *flags)).count();
    }
    format!("{}; {new} messages are new, {gone} are gone, {flagged} have other flags", described(after))
}
