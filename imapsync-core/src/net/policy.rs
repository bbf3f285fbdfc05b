//! Which ports are tried with which security, and how strictly certificates are judged: decided from the account
//! alone.

use crate::account::{Account, TlsMode};
use crate::error::{Error, ErrorKind};
use std::net::IpAddr;
use std::time::Duration;

/// Implicit TLS (RFC 8314).
const IMAPS: u16 = 993;
/// Plain IMAP and STARTTLS.
const IMAP: u16 = 143;
/// How long port 993, which nobody asked for by name, may stay silent before it counts as closed.
const PROBE: Duration = Duration::from_secs(5);

/// One thing to try when opening an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// TCP port.
    pub port: u16,
    /// What happens on it.
    pub security: Security,
}

/// How a connection is to be secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// The STARTTLS command first (RFC 9051, section 6.2.1).
    StartTls,
    /// No TLS.
    Plaintext,
}

/// How a certificate is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verify {
    /// A trusted authority signed it for this name, and it is valid today.
    Authorities,
    /// It is one of the pinned certificates; signer, name and dates do not matter.
    Pins,
    /// As `Authorities`, but a failure is only a notice: the server is on this machine and nobody asked for TLS.
    Loopback,
    /// Any certificate will do.
    Nothing,
}

/// What follows from an account for opening it; see [`policy`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What to try, in order; never empty.
    pub attempts: Vec<Attempt>,
    /// How the server's certificate is judged.
    pub verify: Verify,
    /// A server without STARTTLS may be used in clear, with a notice. Only for a loopback host when nobody asked for
    /// TLS by name.
    pub allow_plaintext_fallback: bool,
}

/// Decides how an account is opened.
///
/// | `tls` | port given | tried |
/// |---|---|---|
/// | `Auto` | none | 993 implicit, then 143 STARTTLS |
/// | `Auto` | 993 | implicit |
/// | `Auto` | another | STARTTLS |
/// | `Implicit` | none, any | implicit, by default on 993 |
/// | `StartTls` | none, any | STARTTLS, by default on 143 |
/// | `Plaintext` | none, any | no TLS, by default on 143 |
///
/// Pins outrank `insecure`: whoever names a certificate wants that one.
///
/// # Errors
/// [`ErrorKind::Usage`]: no host, port 0, or a certificate asked for without TLS.
///
/// ```
/// use imapsync_core::{Account, net};
/// let policy = net::policy(&Account::new("imap.example.org", "alice", "secret")).unwrap();
/// assert_eq!(policy.attempts[0], net::Attempt { port: 993, security: net::Security::Implicit });
/// assert_eq!(policy.attempts[1], net::Attempt { port: 143, security: net::Security::StartTls });
/// assert!(!policy.allow_plaintext_fallback);
/// ```
pub fn policy(account: &Account) -> Result<Policy, Error> {
    let usage = |message| Err(Error::new(ErrorKind::Usage, message));
    if account.host.trim().is_empty() {
        return usage("the host is empty");
    }
    if account.port == Some(0) {
        return usage("port 0 cannot be connected to");
    }
    let named_certificates = !account.trust.pins.is_empty() || !account.trust.ca_files.is_empty();
    if account.tls == TlsMode::Plaintext && named_certificates {
        return usage("a CA file or a pin asks for TLS, which is switched off");
    }

    let one = |port: u16, security| vec![Attempt { port: account.port.unwrap_or(port), security }];
    let attempts = match (account.tls, account.port) {
        (TlsMode::Auto, None) => [one(IMAPS, Security::Implicit), one(IMAP, Security::StartTls)].concat(),
        (TlsMode::Auto, Some(IMAPS)) | (TlsMode::Implicit, _) => one(IMAPS, Security::Implicit),
        (TlsMode::Auto, Some(_)) | (TlsMode::StartTls, _) => one(IMAP, Security::StartTls),
        (TlsMode::Plaintext, _) => one(IMAP, Security::Plaintext),
    };
    let lenient = account.tls == TlsMode::Auto && !named_certificates && is_loopback(&account.host);
    let verify = if !account.trust.pins.is_empty() {
        Verify::Pins
    } else if account.trust.insecure {
        Verify::Nothing
    } else if lenient {
        Verify::Loopback
    } else {
        Verify::Authorities
    };
    Ok(Policy { attempts, verify, allow_plaintext_fallback: lenient })
}

/// How long TCP, and then the TLS handshake, may each stay silent before the port counts as closed: 5 s for the
/// implicit TLS that is tried only because no port was given, None for every other attempt.
pub fn probe_patience(account: &Account, attempt: Attempt) -> Option<Duration> {
    let probing =
        account.port.is_none() && account.tls == TlsMode::Auto && attempt.security == Security::Implicit;
    probing.then_some(PROBE)
}

/// Whether an error of an attempt means that its port is closed, so that the next attempt may be made. A refused
/// certificate, for one, does not: it must never lead to a weaker attempt.
pub fn try_next(error: &Error) -> bool {
    error.kind() == ErrorKind::Connect
}

/// The host as an address, where it is one; brackets around an IPv6 address are allowed.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    let host = host.trim();
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    inner.parse().ok()
}

/// Whether the host is the name `localhost` (RFC 6761, section 6.3).
pub(super) fn is_localhost(host: &str) -> bool {
    let host = host.trim();
    host.strip_suffix('.').unwrap_or(host).eq_ignore_ascii_case("localhost")
}

fn is_loopback(host: &str) -> bool {
    is_localhost(host) || literal(host).is_some_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Security::{Implicit, Plaintext, StartTls};
    use std::path::PathBuf;

    fn account(host: &str, port: Option<u16>, tls: TlsMode) -> Account {
        let mut account = Account::new(host, "alice", "secret");
        account.port = port;
        account.tls = tls;
        account
    }

    #[test]
    fn attempts_follow_port_and_mode() {
        type Row = (TlsMode, Option<u16>, &'static [(u16, Security)]);
        let table: [Row; 10] = [
            (TlsMode::Auto, None, &[(993, Implicit), (143, StartTls)]),
            (TlsMode::Auto, Some(993), &[(993, Implicit)]),
            (TlsMode::Auto, Some(143), &[(143, StartTls)]),
            (TlsMode::Auto, Some(1143), &[(1143, StartTls)]),
            (TlsMode::Implicit, None, &[(993, Implicit)]),
            (TlsMode::Implicit, Some(143), &[(143, Implicit)]),
            (TlsMode::StartTls, None, &[(143, StartTls)]),
            (TlsMode::StartTls, Some(993), &[(993, StartTls)]),
            (TlsMode::Plaintext, None, &[(143, Plaintext)]),
            (TlsMode::Plaintext, Some(993), &[(993, Plaintext)]),
        ];
        for (tls, port, expected) in table {
            for host in ["imap.example.org", "localhost"] {
                let got = policy(&account(host, port, tls)).unwrap().attempts;
                let got: Vec<_> = got.iter().map(|a| (a.port, a.security)).collect();
                assert_eq!(got, expected, "{tls:?} {port:?} {host}");
            }
        }
    }

    #[test]
    fn only_a_loopback_host_is_trusted_without_proof() {
        for (host, lenient) in [
            ("localhost", true),
            ("LocalHost", true),
            ("localhost.", true),
            ("127.0.0.1", true),
            ("127.200.3.4", true),
            ("::1", true),
            ("[::1]", true),
            ("::ffff:127.0.0.1", true),
            ("localhost.example.org", false),
            ("127.0.0.1.example.org", false),
            ("128.0.0.1", false),
            ("::2", false),
            ("0.0.0.0", false),
            ("127.1", false),
            ("imap.example.org", false),
        ] {
            let p = policy(&account(host, None, TlsMode::Auto)).unwrap();
            assert_eq!(p.allow_plaintext_fallback, lenient, "{host}");
            assert_eq!(p.verify, if lenient { Verify::Loopback } else { Verify::Authorities }, "{host}");
        }
    }

    #[test]
    fn asking_for_tls_by_name_makes_loopback_strict() {
        type Change = fn(&mut Account);
        let table: [(Change, Verify); 6] = [
            (|a| a.tls = TlsMode::Implicit, Verify::Authorities),
            (|a| a.tls = TlsMode::StartTls, Verify::Authorities),
            (|a| a.trust.ca_files.push(PathBuf::from("ca.pem")), Verify::Authorities),
            (|a| a.trust.pins.push([7; 32]), Verify::Pins),
            (
                |a| {
                    a.trust.pins.push([7; 32]);
                    a.trust.insecure = true;
                },
                Verify::Pins,
            ),
            (
                |a| {
                    a.tls = TlsMode::Implicit;
                    a.trust.insecure = true;
                },
                Verify::Nothing,
            ),
        ];
        for (i, (change, verify)) in table.into_iter().enumerate() {
            let mut a = account("localhost", None, TlsMode::Auto);
            change(&mut a);
            let p = policy(&a).unwrap();
            assert_eq!((p.verify, p.allow_plaintext_fallback), (verify, false), "row {i}");
        }
        let mut a = account("imap.example.org", None, TlsMode::Auto);
        a.trust.insecure = true;
        let p = policy(&a).unwrap();
        assert_eq!((p.verify, p.allow_plaintext_fallback), (Verify::Nothing, false));
    }

    #[test]
    fn contradictions_are_refused() {
        let mut pinned = account("imap.example.org", None, TlsMode::Plaintext);
        pinned.trust.pins.push([7; 32]);
        for bad in [account(" ", None, TlsMode::Auto), account("h", Some(0), TlsMode::Auto), pinned] {
            assert_eq!(policy(&bad).unwrap_err().kind(), ErrorKind::Usage);
        }
    }

    #[test]
    fn only_the_unasked_port_is_probed() {
        let implicit = Attempt { port: 993, security: Implicit };
        let starttls = Attempt { port: 143, security: StartTls };
        assert!(probe_patience(&account("h", None, TlsMode::Auto), implicit).is_some());
        assert!(probe_patience(&account("h", None, TlsMode::Auto), starttls).is_none());
        assert!(probe_patience(&account("h", Some(993), TlsMode::Auto), implicit).is_none());
        assert!(probe_patience(&account("h", None, TlsMode::Implicit), implicit).is_none());
    }
}
