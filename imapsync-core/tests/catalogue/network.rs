//! G. Network and time.

use crate::case::*;
use imapsync_core::account::TlsMode;
use imapsync_core::net::NetConnector;
use imapsync_core::sync::Clock;
use imapsync_core::testing::{Act, Call, Server, Stage, job};
use imapsync_core::{Account, ErrorKind, Side, SyncJob};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Cut anywhere the work goes on; every step of many more scenarios is taken by `tests/sweep`.
#[tokio::test(start_paused = true)]
async fn case_103_cut_anywhere() {
    type Cut = fn() -> Act;
    let cuts: [Cut; 4] =
        [|| Act::Close, || Act::Reset, || Act::Lose, || Act::LoseAndApply(Duration::from_millis(700))];
    let mut met = 0;
    for side in SIDES {
        for mode in Mode::ALL {
            for (n, cut) in cuts.into_iter().enumerate() {
                for step in (3 + n as u64..120).step_by(if full() { 1 } else { 13 }) {
                    let outcome = mode
                        .case(MODERN, MODERN)
                        .resting(Duration::from_secs(60))
                        .run(|pair| {
                            pair.server(side).hook(times(1, move |call| call.step == step, cut));
                        })
                        .await;
                    met += usize::from(outcome.connections != [1, 1]);
                }
            }
        }
    }
    assert!(met > 100, "{met}");
    // Of a message whose connection was cut nothing stays; it is read again, once.
    for eighth in 1..8 {
        let outcome = Case::modern()
            .run(|pair| {
                pair.source.hook(times(
                    1,
                    |call| call.stage == Stage::Applied && call.line.contains("BODY.PEEK[])"),
                    move || {
                        Act::EditAndClose(Box::new(move |mut bytes: Vec<u8>| {
                            bytes.truncate(bytes.len() * eighth / 8);
                            bytes
                        }))
                    },
                ));
            })
            .await;
        outcome.assert_borne();
        assert_eq!((outcome.report().tally.copied, outcome.count(Side::Destination, "APPEND")), (8, 8));
        assert_eq!(outcome.report().reconnections, [1, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn case_104_a_server_that_never_answers() {
    type When = fn(&Call<'_>) -> bool;
    let moments: [(Side, When); 10] = [
        (Side::Source, |call| call.stage == Stage::Connected),
        (Side::Destination, |call| call.is("LOGIN")),
        (Side::Source, |call| call.is("LIST")),
        (Side::Destination, |call| call.is("CREATE")),
        (Side::Source, is_opening),
        (Side::Source, is_listing),
        (Side::Source, is_body),
        (Side::Destination, |call| call.appends()),
        (Side::Destination, is_stored),
        (Side::Destination, |call| call.stage == Stage::Half && call.line.starts_with("APPEND")),
    ];
    for (n, (side, when)) in moments.into_iter().enumerate() {
        for mode in Mode::ALL {
            let hang = |often| {
                mode.case(MODERN, MODERN)
                    .run(move |pair| pair.server(side).hook(times(often, when, || Act::Hang)))
            };
            let once = hang(1).await;
            once.assert_borne();
            assert!(once.connections.iter().sum::<usize>() >= 3, "{n}");
            let always = hang(usize::MAX).await;
            assert!(always.connections[usize::from(side.number() - 1)] < 30, "{n} {:?}", always.connections);
            match &always.result {
                Err(error) => {
                    assert_eq!((error.kind(), error.side()), (ErrorKind::Timeout, Some(side)), "{n}")
                }
                // Where the answer to each APPEND never comes, looking for the message says how it is.
                Ok(report) => {
                    let told: Vec<_> = report.errors.iter().chain(&report.stopped).collect();
                    assert!(
                        n > 7 || told.iter().any(|error| error.kind() == ErrorKind::Timeout),
                        "{n} {told:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_104_a_byte_now_and_then() {
    let drip = "R: x\nW: 10\n".repeat(1000);
    let before = [
        // The greeting itself.
        "R: * OK \n",
        "S: * OK [CAPABILITY IMAP4rev1] ready\nC: LOGIN\nR: * OK \n",
        "S: * OK [CAPABILITY IMAP4rev1] ready\nC: LOGIN\nS: {tag} OK [CAPABILITY IMAP4rev1] in\nC: LIST\nR: * LIST () \"/\" {900}\\r\\n\n",
    ];
    for side in SIDES {
        for before in before {
            let case = Case::plain().accounts(|account| account.timeouts.command = Duration::from_secs(3600));
            let outcome = case.run(|pair| pair.transcripts(side, 9, &format!("{before}{drip}"))).await;
            let error = outcome.error();
            assert_eq!((error.kind(), error.side()), (ErrorKind::Timeout, Some(side)), "{error}");
        }
    }
}

/// The next connection finds a machine that does not know the latest yet.
#[tokio::test(start_paused = true)]
async fn case_105_a_replica_that_lags_behind() {
    for side in SIDES {
        for mode in Mode::ALL {
            for changes in [1, 3, 100] {
                for lag in [Duration::from_millis(500), Duration::from_secs(30)] {
                    // Writes that are acknowledged and not seen for longer than a moment are sent again.
                    if side == Side::Destination && lag.as_secs() > 1 {
                        continue;
                    }
                    for at in [2, 5] {
                        let outcome = mode
                            .case(MODERN, MODERN)
                            .resting(Duration::from_secs(3600))
                            .run(|pair| {
                                pair.server(side).mail().keep_history();
                                let when = move |call: &Call<'_>| match side {
                                    Side::Source => is_body(call),
                                    Side::Destination => is_stored(call) && call.nth == at,
                                };
                                pair.server(side).hook(times(1, when, move || Act::Replica { changes, lag }));
                            })
                            .await;
                        if side == Side::Source {
                            // Nothing had changed there: what lags behind is the same.
                            outcome.assert_borne();
                        }
                        assert!(
                            outcome.connections.contains(&2),
                            "{side} {mode:?} {:?}",
                            outcome.connections
                        );
                    }
                }
            }
        }
    }
}

/// A port on this address where connections are neither taken nor refused, as on a route that swallows them.
#[cfg(target_os = "linux")]
fn black_hole(address: SocketAddr) -> (socket2::Socket, Vec<TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(0).unwrap();
    let mut waiting = Vec::new();
    // Once nobody else may wait, further ones are not answered.
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(stream);
        assert!(waiting.len() < 100, "this system answers them all");
    }
    (socket, waiting)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn case_106_first_addresses_that_are_dead() {
    let servers = [Server::new(MODERN), Server::new(MODERN).with_validity(500_000)];
    fill(&servers[0], "INBOX", 3);
    let listening = servers.each_ref().map(|server| server.listen().unwrap());
    let holes = listening
        .each_ref()
        .map(|one| black_hole(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 3), one.address.port()))));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let names = asked.clone();
    let connector = NetConnector::with_resolver(Box::new(move |name, port| {
        names.lock().unwrap().push(name.to_owned());
        let addresses: [IpAddr; 4] = [
            Ipv6Addr::LOCALHOST.into(),
            Ipv4Addr::new(127, 0, 0, 3).into(),
            Ipv4Addr::new(127, 0, 0, 2).into(),
            Ipv4Addr::LOCALHOST.into(),
        ];
        Box::pin(async move { Ok(addresses.map(|address| SocketAddr::new(address, port)).to_vec()) })
    }));
    let account = |n: usize| {
        let mut account = Account::new(format!("imap{n}.example.org"), "alice", PASSWORD);
        account.tls = TlsMode::Plaintext;
        account.port = Some(listening[n].address.port());
        account
    };
    let run = SyncJob::new(account(0), account(1)).connector(Arc::new(connector)).run();
    // Far less than a connection that is not answered takes to be given up.
    let report = tokio::time::timeout(Duration::from_secs(20), run).await.expect("no waiting").unwrap();
    assert!(report.is_success(), "{:?}", report.errors);
    assert_eq!(servers[1].bodies("INBOX"), servers[0].bodies("INBOX"));
    assert_eq!(report.reconnections, [0, 0]);
    assert_eq!(asked.lock().unwrap().len(), 2, "each name is looked up once");
    drop(holes);
    // Where all are dead that is said, of each.
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let dead = NetConnector::with_resolver(Box::new(|_, port| {
        let dead = [IpAddr::from(Ipv6Addr::LOCALHOST), Ipv4Addr::new(127, 0, 0, 2).into()];
        Box::pin(async move { Ok(dead.map(|address| SocketAddr::new(address, port)).to_vec()) })
    }));
    let (mut source, destination) = (account(0), account(1));
    source.port = Some(closed);
    let error = SyncJob::new(source, destination).connector(Arc::new(dead)).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains("127.0.0.2"), "{error}");
}

/// A wall clock that is put on or back by this much whenever it is asked.
struct Jumping {
    now: AtomicI64,
    by: i64,
    asked: Arc<AtomicI64>,
}

impl Clock for Jumping {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let seconds = self.now.fetch_add(self.by, Ordering::Relaxed);
        chrono::DateTime::from_timestamp(seconds, 0).unwrap()
    }
}

/// Waiting goes by a clock that only goes on; the wall clock says when a run began and ended, and nothing else.
#[tokio::test(start_paused = true)]
async fn case_107_a_clock_that_jumps() {
    // The last second of 2016 was a leap second; 26-Mar-2023 01:00 is when clocks went forward in Europe.
    for start in [1_483_228_799, 1_679_792_399, 1_700_000_000] {
        for by in [-86_400, -3600, -1, 1, 3600, 86_400] {
            let (source, destination) = (Server::new(MODERN), Server::new(MODERN).with_validity(500_000));
            fill(&source, "INBOX", 5);
            // Lost connections, pauses and silence: all that is waited for.
            destination.hook(times(2, |call| call.appends(), || Act::Lose));
            destination.hook(times(
                2,
                |call| call.stage == Stage::Connected && call.connection > 1,
                || Act::Bye("[UNAVAILABLE] later".into()),
            ));
            source.hook(times(1, is_body, || Act::Hang));
            let asked = Arc::new(AtomicI64::new(0));
            let clock = Jumping { now: start.into(), by, asked: asked.clone() };
            let run = job(&source, &destination).clock(Arc::new(clock)).run();
            let begun = tokio::time::Instant::now();
            let report = run.await.unwrap();
            assert!(report.is_success(), "{by} {:?}", report.errors);
            assert_eq!(destination.messages("INBOX").len(), 5);
            assert_eq!(report.started.timestamp(), start);
            assert_eq!(asked.load(Ordering::Relaxed), 2, "once at the beginning, once at the end");
            let waited = begun.elapsed();
            assert!(
                waited > Duration::from_secs(60) && waited < Duration::from_secs(1200),
                "{by} {waited:?}"
            );
            let date = |server: &Server| server.messages("INBOX")[0].date.to_string();
            assert_eq!(date(&source), date(&destination));
        }
    }
}

/// A run that comes back after a loss finds its old connection still counted, and others in its place.
#[tokio::test(start_paused = true)]
async fn case_110_too_many_connections() {
    let mut pairs = Vec::new();
    for side in SIDES {
        for mode in Mode::ALL {
            // One at a time is enough.
            let one = mode.case(MODERN, MODERN);
            let one = one.run(|pair| pair.server(side).mail().quirks.connections = Some(1)).await;
            one.assert_borne();
            for refused in [1, 2, usize::MAX] {
                for by_login in [false, true] {
                    let outcome = mode
                        .case(MODERN, MODERN)
                        .run(|pair| {
                            let lose = |call: &Call<'_>| is_body(call) || call.appends() && call.nth == 2;
                            pair.server(side).hook(times(1, lose, || Act::Lose));
                            let again = move |call: &Call<'_>| {
                                call.connection > 1
                                    && if by_login {
                                        call.is("LOGIN")
                                    } else {
                                        call.stage == Stage::Connected
                                    }
                            };
                            pair.server(side).hook(times(refused, again, move || match by_login {
                                true => {
                                    Act::Say("{tag} NO [LIMIT] Too many simultaneous connections\r\n".into())
                                }
                                false => Act::Bye("[LIMIT] Too many simultaneous connections".into()),
                            }));
                        })
                        .await;
                    let connections = outcome.connections[usize::from(side.number() - 1)];
                    if refused < 3 {
                        outcome.assert_borne();
                        assert_eq!(connections, 2 + refused, "{side} {mode:?}");
                    } else {
                        outcome.assert_reported("Too many simultaneous connections");
                        assert!(connections < 6, "{connections}");
                    }
                    pairs.push(connections);
                }
            }
        }
    }
    assert_eq!(pairs.len(), 36);
}
