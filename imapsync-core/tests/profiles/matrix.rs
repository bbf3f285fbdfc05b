//! Every server against every other, with a small account.

use crate::account::{home, letters};
use crate::directions::{failed, honest, run, settled};
use crate::expected::folder;
use imapsync_core::ErrorKind;
use imapsync_core::testing::{Body, Profile, Server};

/// What is copied: nothing that any server refuses, as long as its lines end as they should.
const LETTERS: [&str; 7] = ["plain", "keywords", "no identity", "twin 1", "twin 2", "8 bit", "apollo"];

fn fill(server: &Server, profile: &Profile) {
    let mut mail = server.mail();
    for letter in letters().into_iter().filter(|letter| LETTERS.contains(&letter.name)) {
        for n in 1..=letter.folder.len() {
            mail.folder(&home(profile, &letter.folder[..n]));
        }
        let text =
            if profile.name == "pymap" { crate::account::lf(letter.text) } else { letter.text.to_vec() };
        let flags = letter.flags.iter().map(|flag| (*flag).to_owned()).collect();
        mail.folder(&home(profile, letter.folder)).store(Body::from(text), flags, letter.date);
    }
}

/// So many messages fail, for this reason.
fn refused(from: &Profile, to: &Profile) -> (usize, ErrorKind) {
    let cyrus = to.name.starts_with("cyrus");
    match folder(to, &["Projects", "Apollo"]) {
        // Cyrus takes no message whose lines end in LF alone.
        _ if cyrus && from.name == "pymap" => (LETTERS.len(), ErrorKind::Append),
        // And Yahoo none that does not end in CR LF.
        _ if to.name == "yahoo" && from.name == "pymap" => (LETTERS.len(), ErrorKind::Append),
        None => (1, ErrorKind::Create),
        Some(_) => (0, ErrorKind::Append),
    }
}

#[tokio::test(start_paused = true)]
async fn every_server_to_every_other() {
    let mut told = Vec::new();
    for from in Profile::ALL {
        for to in Profile::ALL {
            let name = format!("{} to {}", from.name, to.name);
            let (source, destination) = (Server::like(from), Server::like(to));
            fill(&source, from);
            let report = run(&source, &destination).await;
            told.extend(honest(&name, &source, &destination, &report));
            let (number, kind) = refused(from, to);
            // Cyrus has no name for [Gmail] and what is in it, which is empty here.
            let nameless = from.name == "gmail" && to.name.starts_with("cyrus");
            if report.is_success() != (number == 0 && !nameless) {
                told.push(format!("{name}: {:?} {:?}", report.errors, report.stopped));
            }
            let failed = failed(&report);
            if failed.len() != number || failed.iter().any(|(_, _, told)| *told != kind) {
                told.push(format!("{name}: failed {failed:?}, not {number} for {kind:?}"));
            }
            if report.tally.copied as usize != LETTERS.len() - number {
                told.push(format!("{name}: {:?}", report.tally));
            }
            run(&source, &destination).await;
            let quiet = settled(&name, &source, &destination, number as u64).await;
            told.extend(
                quiet.into_iter().filter(|one| !(nameless && one.contains("CREATE \"INBOX.[Gmail]"))),
            );
            let there = destination
                .mail()
                .folders
                .iter()
                .filter(|(name, _)| *name != "[Gmail]/All Mail")
                .map(|(_, folder)| folder.messages.len())
                .sum::<usize>();
            if there != LETTERS.len() - number {
                told.push(format!("{name}: {there} messages are there"));
            }
        }
    }
    assert!(told.is_empty(), "{}\n{} in all", told.join("\n"), told.len());
}
