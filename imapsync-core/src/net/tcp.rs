//! TCP: from a host name to a connected socket, both address families racing (RFC 8305).

use super::connector::Resolver;
use super::policy::{is_localhost, literal};
use crate::account::{Account, AddressFamily};
use crate::error::{Error, ErrorKind};
use socket2::{SockRef, TcpKeepalive};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long one address is alone in the race (RFC 8305, section 5: "Connection Attempt Delay").
const STAGGER: Duration = Duration::from_millis(250);
/// Silence before the first keepalive probe; shorter than the idle limit of common firewalls.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(120);
/// Between two keepalive probes.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(30);

/// An address that did not answer, and why.
type Failure = (SocketAddr, io::Error);

/// Connects to the account's host on `port`. `patience` bounds the name look-up and the connection, each; None waits
/// for ever.
pub(super) async fn connect(
    resolver: &Resolver,
    account: &Account,
    port: u16,
    patience: Option<Duration>,
) -> Result<TcpStream, Error> {
    let addresses = addresses(resolver, account, port, patience).await?;
    let keepalive = account.keepalive;
    race(addresses, patience, move |address| async move {
        let socket = TcpStream::connect(address).await?;
        tune(&socket, keepalive);
        Ok(socket)
    })
    .await
    .map_err(|failures| unreachable_host(&account.host, port, &failures))
}

/// The addresses to try, in the order to try them.
async fn addresses(
    resolver: &Resolver,
    account: &Account,
    port: u16,
    patience: Option<Duration>,
) -> Result<Vec<SocketAddr>, Error> {
    let host = account.host.trim();
    let found = if let Some(ip) = literal(host) {
        vec![SocketAddr::new(ip, port)]
    } else if is_localhost(host) {
        // Never asked of a name server, whose answer could lead what is meant for this machine elsewhere
        // (RFC 6761, section 6.3).
        [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)]
            .map(|ip| SocketAddr::new(ip, port))
            .to_vec()
    } else {
        let lookup = resolver(host, port);
        let answer = match patience {
            Some(patience) => timeout(patience, lookup).await.unwrap_or_else(|_| {
                Err(io::Error::new(io::ErrorKind::TimedOut, "no answer from the name service in time"))
            }),
            None => lookup.await,
        };
        answer.map_err(|error| {
            Error::new(ErrorKind::Connect, format!("the name {host} has no address: {error}"))
                .retryable(error.kind() == io::ErrorKind::TimedOut)
        })?
    };
    let (wanted, name): (fn(&SocketAddr) -> bool, _) = match account.family {
        AddressFamily::Any => (|_| true, ""),
        AddressFamily::V4 => (SocketAddr::is_ipv4, "IPv4 "),
        AddressFamily::V6 => (SocketAddr::is_ipv6, "IPv6 "),
    };
    let found: Vec<_> = found.into_iter().filter(wanted).collect();
    if found.is_empty() {
        return Err(Error::new(ErrorKind::Connect, format!("the name {host} has no {name}address")));
    }
    Ok(interleave(found))
}

/// Alternates the families, beginning with the first address's (RFC 8305, section 4), each in the resolver's order.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut mixed: Vec<_> = first.into_iter().flat_map(|a| [Some(a), second.next()]).flatten().collect();
    mixed.extend(second);
    mixed
}

/// Dials the addresses in order: the next one as soon as one has failed, or when [`STAGGER`] has passed. The first to
/// answer wins, the others are dropped. An empty list fails with no failures.
async fn race<S, F>(
    addresses: Vec<SocketAddr>,
    patience: Option<Duration>,
    dial: impl Fn(SocketAddr) -> F,
) -> Result<S, Vec<Failure>>
where
    S: Send + 'static,
    F: Future<Output = io::Result<S>> + Send + 'static,
{
    // A patience beyond the clock's range is no deadline at all.
    let deadline = patience.and_then(|patience| Instant::now().checked_add(patience));
    let mut waiting = VecDeque::from(addresses);
    let mut dialled: Vec<SocketAddr> = Vec::new();
    let mut racing = JoinSet::new();
    let mut failures = Vec::new();
    loop {
        if let Some(address) = waiting.pop_front() {
            let attempt = dial(address);
            dialled.push(address);
            racing.spawn(async move { (address, attempt.await) });
        }
        tokio::select! {
            biased;
            ended = racing.join_next() => match ended {
                Some(Ok((_, Ok(stream)))) => return Ok(stream),
                Some(Ok((address, Err(error)))) => {
                    dialled.retain(|a| *a != address);
                    failures.push((address, error));
                }
                Some(Err(_)) => {} // the task was torn down with the runtime
                None => return Err(failures),
            },
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                failures.extend(dialled.into_iter().map(|a| (a, io::ErrorKind::TimedOut.into())));
                return Err(failures);
            }
            () = sleep(STAGGER), if !waiting.is_empty() => {}
        }
    }
}

/// Sets the socket's options. Failing to is no reason not to talk: they change when bytes travel, not which.
fn tune(socket: &TcpStream, keepalive: bool) {
    let _ = socket.set_nodelay(true);
    if keepalive {
        let when = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
        let _ = SockRef::from(socket).set_tcp_keepalive(&when);
    }
}

/// Retryable where at least one address was silent or hung up: a closed port or a missing route needs the user.
fn unreachable_host(host: &str, port: u16, failures: &[Failure]) -> Error {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut};
    let reason = |error: &io::Error| match error.kind() {
        ConnectionRefused => "connection refused".to_owned(),
        TimedOut => "no answer in time".to_owned(),
        ConnectionReset => "connection reset".to_owned(),
        HostUnreachable => "host unreachable".to_owned(),
        NetworkUnreachable => "network unreachable".to_owned(),
        _ => error.to_string(),
    };
    let tried: Vec<_> =
        failures.iter().map(|(address, error)| format!("{}: {}", address.ip(), reason(error))).collect();
    let retryable = failures.iter().any(|(_, error)| matches!(error.kind(), TimedOut | ConnectionReset));
    Error::new(ErrorKind::Connect, format!("cannot connect to {host} port {port}: {}", tried.join("; ")))
        .retryable(retryable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    fn list(text: &str) -> Vec<SocketAddr> {
        text.split_whitespace().map(|ip| SocketAddr::new(ip.parse().unwrap(), 143)).collect()
    }

    #[test]
    fn families_alternate() {
        for (given, expected) in [
            ("", ""),
            ("1.1.1.1 2.2.2.2", "1.1.1.1 2.2.2.2"),
            ("::a ::b 1.1.1.1 2.2.2.2", "::a 1.1.1.1 ::b 2.2.2.2"),
            ("1.1.1.1 ::a ::b ::c", "1.1.1.1 ::a ::b ::c"),
            ("::a ::b ::c 1.1.1.1", "::a 1.1.1.1 ::b ::c"),
        ] {
            assert_eq!(interleave(list(given)), list(expected), "{given}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_first_address_costs_a_quarter_second() {
        let start = Instant::now();
        let won = race(list("::a 1.1.1.1"), Some(Duration::from_secs(30)), |a| async move {
            if a.is_ipv6() { pending().await } else { Ok(a) }
        });
        assert_eq!(won.await.unwrap(), list("1.1.1.1")[0]);
        assert_eq!(start.elapsed(), STAGGER);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_first_address_costs_nothing() {
        let start = Instant::now();
        let won = race(list("::a 1.1.1.1"), None, |a| async move {
            if a.is_ipv6() { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(a) }
        });
        assert_eq!(won.await.unwrap(), list("1.1.1.1")[0]);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_first_address_may_still_win() {
        let won = race(list("::a 1.1.1.1"), None, |a| async move {
            sleep(if a.is_ipv6() { Duration::from_millis(300) } else { Duration::from_secs(1) }).await;
            Ok(a)
        });
        assert_eq!(won.await.unwrap(), list("::a")[0]);
    }

    #[tokio::test(start_paused = true)]
    async fn all_failures_are_told() {
        let start = Instant::now();
        let lost = race(list("::a 1.1.1.1 2.2.2.2"), Some(Duration::from_secs(7)), |a| async move {
            if a.is_ipv6() { Err(io::ErrorKind::ConnectionRefused.into()) } else { pending().await }
        });
        let failures: Result<SocketAddr, _> = lost.await;
        let error = unreachable_host("h", 143, &failures.unwrap_err());
        assert_eq!(start.elapsed(), Duration::from_secs(7));
        assert_eq!(
            error.to_string(),
            "cannot connect to h port 143: ::a: connection refused; 1.1.1.1: no answer in time; \
             2.2.2.2: no answer in time"
        );
        assert!(error.is_retryable());
        let none: Result<SocketAddr, _> = race(Vec::new(), None, |a| async move { Ok(a) }).await;
        assert!(none.unwrap_err().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_service_that_is_silent_is_not_waited_for() {
        let resolver: Resolver = Box::new(|_, _| Box::pin(pending()));
        let account = Account::new("imap.example.org", "alice", "secret");
        let error = connect(&resolver, &account, 143, Some(Duration::from_secs(3))).await.unwrap_err();
        assert!(error.is_retryable() && error.to_string().contains("has no address"), "{error}");
    }
}
