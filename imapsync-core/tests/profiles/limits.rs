//! The big providers with their limits on: connections, pauses, bandwidth. The run ends complete all the same.

use crate::account::{USUAL, named};
use crate::directions::{honest, run};
use imapsync_core::ErrorKind;
use imapsync_core::testing::{Act, Body, Call, Mail, Profile, Server, Throttle, Throttled};
use std::time::Duration;

const BIG: [&Profile; 3] = [&Profile::GMAIL, &Profile::OFFICE365, &Profile::YAHOO];
const MESSAGES: usize = 120;

fn text(n: usize) -> String {
    format!("Message-Id: <{n}@example.org>\r\nSubject: Number {n}\r\n\r\nHello, number {n}.\r\n")
}

/// A pair of servers, one of them with limits, and messages on the source.
fn pair(profile: &Profile, is_source: bool) -> (Server, Server) {
    let (one, other) = (Server::like(profile), Server::like(&Profile::DOVECOT));
    let (source, destination, from) =
        if is_source { (one, other, profile) } else { (other, one, &Profile::DOVECOT) };
    for n in 0..MESSAGES {
        let folder = named(from, if n % 3 == 0 { &["Work"] } else { &[] });
        source.mail().folder(&folder).store(Body::from(text(n)), Vec::new(), USUAL);
    }
    (source, destination)
}

fn limited(pair: &(Server, Server), is_source: bool) -> &Server {
    if is_source { &pair.0 } else { &pair.1 }
}

/// All messages are there, each once.
fn assert_whole(name: &str, destination: &Server) {
    let mut there: Vec<String> = ["INBOX", "Work"]
        .iter()
        .flat_map(|folder| destination.bodies(folder))
        .map(|body| {
            let text = String::from_utf8_lossy(&body).into_owned();
            text.split_once("Message-Id: <").unwrap().1.split_once('@').unwrap().0.to_owned()
        })
        .collect();
    there.sort_by_key(|number| number.parse::<usize>().unwrap());
    let wanted: Vec<String> = (0..MESSAGES).map(|n| n.to_string()).collect();
    assert_eq!(there, wanted, "{name}");
}

async fn assert_complete(name: &str, (source, destination): &(Server, Server)) {
    let report = run(source, destination).await;
    assert_eq!(honest(name, source, destination, &report), Vec::<String>::new());
    assert!(report.is_success(), "{name}: {:?} {:?}", report.errors, report.stopped);
    assert_eq!(report.tally.copied as usize, MESSAGES, "{name}");
    assert_whole(name, destination);
}

/// Closes the connection at the n-th command of this kind.
fn cut(server: &Server, n: usize) {
    let mut left = n;
    server.hook(move |_: &mut Mail, call: &Call<'_>| {
        let moves = call.appends() || call.is("UID FETCH") && call.line.contains("BODY.PEEK[]");
        left -= usize::from(moves && left > 0);
        if moves && left == 0 {
            left = usize::MAX;
            return Act::Close;
        }
        Act::Pass
    });
}

#[tokio::test(start_paused = true)]
async fn one_connection_at_a_time_is_enough() {
    for profile in BIG {
        for is_source in [true, false] {
            let pair = pair(profile, is_source);
            let server = limited(&pair, is_source);
            server.mail().quirks.connections = Some(1);
            cut(server, if is_source { 1 } else { 20 });
            assert_complete(&format!("{} {is_source}", profile.name), &pair).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn others_that_hold_the_connections_are_waited_for() {
    for profile in BIG {
        for is_source in [true, false] {
            let pair = pair(profile, is_source);
            let server = limited(&pair, is_source).clone();
            // A phone and a webmail, which go after a while.
            server.mail().open = 1;
            server.mail().quirks.connections = Some(1);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                server.mail().open -= 1;
            });
            assert_complete(&format!("{} {is_source}", profile.name), &pair).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_that_a_server_wants_are_kept() {
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let table = [
        (&Profile::OFFICE365, Throttled::Backoff, minutes(5)),
        (&Profile::OFFICE365, Throttled::BackoffAndBye, minutes(5)),
        (&Profile::YAHOO, Throttled::Unavailable, minutes(1)),
        (&Profile::GMAIL, Throttled::Slow, Duration::from_secs(20)),
    ];
    for (profile, says, pause) in table {
        for is_source in [true, false] {
            let pair = pair(profile, is_source);
            let every = if is_source { 2 } else { 50 };
            limited(&pair, is_source).mail().quirks.throttle = Some(Throttle { every, pause, says });
            assert_complete(&format!("{} {is_source} {says:?}", profile.name), &pair).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_without_bandwidth_is_said_and_made_up_for() {
    for is_source in [true, false] {
        let name = format!("gmail {is_source}");
        let pair = pair(&Profile::GMAIL, is_source);
        let day = Duration::from_secs(24 * 3600);
        let every = if is_source { 2 } else { 40 };
        let throttle = Throttle { every, pause: day, says: Throttled::Bandwidth };
        limited(&pair, is_source).mail().quirks.throttle = Some(throttle);
        let (source, destination) = &pair;
        let report = run(source, destination).await;
        assert_eq!(honest(&name, source, destination, &report), Vec::<String>::new());
        assert!(!report.is_success(), "{name}");
        assert!(report.tally.failed > 0, "{name}: {:?}", report.tally);
        let kinds: Vec<ErrorKind> = report.errors.iter().map(imapsync_core::Error::kind).collect();
        assert!(!kinds.contains(&ErrorKind::Authentication), "{name}: {kinds:?}");
        limited(&pair, is_source).mail().quirks.throttle = None;
        let report = run(source, destination).await;
        assert!(report.is_success(), "{name}: {:?}", report.errors);
        assert_whole(&name, destination);
    }
}
