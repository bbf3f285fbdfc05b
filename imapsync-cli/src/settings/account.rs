//! The two accounts, from the options of their sides.

use super::Refusal;
use crate::options::Values;
use imapsync_core::Account;
use imapsync_core::account::{AddressFamily, Compression, TlsMode};
use imapsync_core::imap::sasl::Mechanism;
use std::path::PathBuf;
use std::time::Duration;

/// The port of IMAP with TLS from the first byte (RFC 8314).
const IMAPS: u16 = 993;
/// The port of IMAP with STARTTLS.
const IMAP: u16 = 143;

/// The account of a side as far as it tells it from others: server, port and user.
pub(crate) fn address(values: &Values, side: u8) -> Result<Account, Refusal> {
    let name = |stem: &str| format!("{stem}{side}");
    let text = |stem: &str| values.one::<String>(&name(stem));
    let needed = |stem: &str, value: Option<String>| {
        value.filter(|value| !value.is_empty()).ok_or_else(|| {
            Refusal::usage(format!("--{stem}{side} is missing (imapsync --help tells about the options)"))
        })
    };
    // Blanks and slashes are what is left of a copied address.
    let host = text("host").map(|host| host.replace(|c: char| c.is_whitespace() || c == '/', ""));
    let host = needed("host", host)?;
    let user = needed("user", text("user"))?;

    let mut account = Account::new(host, user, "");
    (account.tls, account.port) = encryption(
        side,
        values.toggle(&name("ssl")),
        values.toggle(&name("tls")),
        values.one(&name("port")),
    )?;
    Ok(account)
}

/// The account of a side, its password still empty.
pub(super) fn account(values: &Values, side: u8) -> Result<Account, Refusal> {
    let name = |stem: &str| format!("{stem}{side}");
    let text = |stem: &str| values.one::<String>(&name(stem));
    let mut account = address(values, side)?;
    account.auth_user = text("authuser");
    account.mechanism = text("authmech").map(|mechanism| self::mechanism(&mechanism, side)).transpose()?;
    account.trust.ca_files = values.many(&name("cafile")).into_iter().map(PathBuf::from).collect();
    account.trust.platform_roots = values.toggle(&name("platformroots")).unwrap_or(false);
    account.trust.insecure = values.toggle(&name("insecure")).unwrap_or(false);
    for pin in values.many(&name("pin")) {
        let fingerprint = fingerprint(&pin).ok_or_else(|| {
            Refusal::usage(format!("--pin{side} {pin}: not a SHA-256 fingerprint of 64 hexadecimal digits"))
        })?;
        account.trust.pins.push(fingerprint);
    }
    for argument in values.many(&name("sslargs")) {
        match argument.split_once('=') {
            Some(("SSL_verify_mode", "0")) => account.trust.insecure = true,
            Some(("SSL_verify_mode", "1")) => account.trust.insecure = false,
            Some(("SSL_ca_file", file)) => account.trust.ca_files.push(file.into()),
            _ => {
                return Err(Refusal::usage(format!(
                    "--sslargs{side} {argument}: only SSL_verify_mode=0, SSL_verify_mode=1 and SSL_ca_file=FILE are \
                     understood"
                )));
            }
        }
    }

    if let Some(silence) = values.one::<Duration>(&name("timeout")).or_else(|| values.one("timeout")) {
        account.timeouts.idle = silence;
        account.timeouts.connect = silence;
    }
    if let Some(tries) = values.one(&name("reconnectretry")) {
        account.reconnect_tries = tries;
    }
    account.compression = match values.toggle(&name("compress")) {
        None => Compression::Auto,
        Some(true) => Compression::Always,
        Some(false) => Compression::Never,
    };
    account.keepalive = values.toggle(&name("keepalive")).unwrap_or(true);
    account.send_id = values.toggle("id").unwrap_or(true);
    account.family = match (values.switch("inet4"), values.switch("inet6")) {
        (true, false) => AddressFamily::V4,
        (false, true) => AddressFamily::V6,
        _ => AddressFamily::Any,
    };
    Ok(account)
}

/// The mechanism that `--authmech1` names. LOGIN is the command of that name, as in the original: servers offer it
/// more widely than AUTHENTICATE LOGIN.
fn mechanism(name: &str, side: u8) -> Result<Mechanism, Refusal> {
    match name.trim().to_ascii_uppercase().as_str() {
        "PLAIN" => Ok(Mechanism::Plain),
        "LOGIN" => Ok(Mechanism::LoginCommand),
        "XOAUTH2" => Ok(Mechanism::XOAuth2),
        _ => Err(Refusal::usage(format!("--authmech{side} {name}: PLAIN, LOGIN and XOAUTH2 are understood"))),
    }
}

/// What `--[no]ssl1`, `--[no]tls1` and `--port1` say together about encryption and port.
fn encryption(
    side: u8,
    ssl: Option<bool>,
    tls: Option<bool>,
    port: Option<u16>,
) -> Result<(TlsMode, Option<u16>), Refusal> {
    match (ssl, tls) {
        (Some(true), Some(true)) => Err(Refusal::usage(format!(
            "--ssl{side} and --tls{side} exclude each other: TLS from the first byte, or STARTTLS"
        ))),
        (Some(true), _) => Ok((TlsMode::Implicit, port)),
        (_, Some(true)) => Ok((TlsMode::StartTls, port)),
        (Some(false), Some(false)) => Ok((TlsMode::Plaintext, port)),
        (None, None) => Ok((TlsMode::Auto, port)),
        // One of the two ways is ruled out, the other is not asked for by name.
        (Some(false), None) if port == Some(IMAPS) => Ok((TlsMode::StartTls, port)),
        (Some(false), None) => Ok((TlsMode::Auto, port.or(Some(IMAP)))),
        (None, Some(false)) if port.is_none_or(|port| port == IMAPS) => Ok((TlsMode::Auto, Some(IMAPS))),
        (None, Some(false)) => Err(Refusal::usage(format!(
            "--notls{side} leaves no encryption on this port: add --ssl{side} for TLS from the first byte, or \
             --nossl{side} to send passwords in clear"
        ))),
    }
}

/// A SHA-256 fingerprint in hexadecimal, with or without colons and `sha256:` in front.
fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let lower = text.trim().to_ascii_lowercase();
    let digits: Vec<u8> = lower
        .strip_prefix("sha256:")
        .unwrap_or(&lower)
        .chars()
        .filter(|c| !matches!(c, ':' | ' '))
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{IMAPSYNC, parse};

    fn made(arguments: &[&str]) -> Result<Account, String> {
        let mut all = vec!["--host1", "h", "--user1", "u"];
        all.extend(arguments);
        let all: Vec<_> = all.into_iter().map(str::to_owned).collect();
        account(&parse(&IMAPSYNC, &all).unwrap(), 1).map_err(|refusal| refusal.text)
    }

    #[test]
    fn encryption_and_port() {
        for (arguments, tls, port) in [
            (&[][..], TlsMode::Auto, None),
            (&["--port1", "1143"], TlsMode::Auto, Some(1143)),
            (&["--ssl1"], TlsMode::Implicit, None),
            (&["--ssl1", "--notls1"], TlsMode::Implicit, None),
            (&["--tls1"], TlsMode::StartTls, None),
            (&["--tls1", "--nossl1", "--port1=993"], TlsMode::StartTls, Some(993)),
            (&["--nossl1", "--notls1"], TlsMode::Plaintext, None),
            (&["--nossl1"], TlsMode::Auto, Some(143)),
            (&["--nossl1", "--port1", "993"], TlsMode::StartTls, Some(993)),
            (&["--notls1"], TlsMode::Auto, Some(993)),
        ] {
            let account = made(arguments).unwrap();
            assert_eq!((account.tls, account.port), (tls, port), "{arguments:?}");
        }
        assert!(made(&["--ssl1", "--tls1"]).unwrap_err().contains("exclude each other"));
        assert!(made(&["--notls1", "--port1", "143"]).unwrap_err().contains("--nossl1"));
    }

    #[test]
    fn trust() {
        let pin = "AB".repeat(32);
        let colons = vec!["ab"; 32].join(":");
        for (arguments, insecure, files, pins) in [
            (&["--insecure1"][..], true, 0, 0),
            (&["--sslargs1", "SSL_verify_mode=0"], true, 0, 0),
            (&["--sslargs1", "SSL_verify_mode=1", "--sslargs1", "SSL_ca_file=x"], false, 1, 0),
            (&["--cafile1=a", "--cafile1=b"], false, 2, 0),
            (&["--pin1", &pin, "--pin1", &colons], false, 0, 2),
        ] {
            let trust = made(arguments).unwrap().trust;
            assert_eq!((trust.insecure, trust.ca_files.len(), trust.pins.len()), (insecure, files, pins));
            assert!(trust.pins.iter().all(|pin| *pin == [0xab; 32]));
        }
        for wrong in ["", "ab", "é", &"ab".repeat(33), &"zz".repeat(32), &format!("{}a", "ab".repeat(31))] {
            assert!(made(&["--pin1", wrong]).is_err(), "{wrong}");
        }
        assert!(made(&["--sslargs1", "SSL_cipher_list=ALL"]).unwrap_err().contains("SSL_cipher_list"));
    }

    #[test]
    fn the_rest() {
        let account = made(&[
            "--timeout",
            "60",
            "--timeout1=0",
            "--authmech1",
            "xoauth2",
            "--nokeepalive1",
            "--noid",
            "--ipv4",
            "--reconnectretry1",
            "9",
            "--host1",
            " imap.example.org/ ",
        ])
        .unwrap();
        assert_eq!(account.host, "imap.example.org");
        assert_eq!(account.timeouts.idle, Duration::ZERO);
        assert_eq!(account.mechanism, Some(Mechanism::XOAuth2));
        assert!(!account.keepalive && !account.send_id);
        assert_eq!((account.family, account.reconnect_tries), (AddressFamily::V4, 9));
        assert!(made(&["--authmech1", "NTLM"]).unwrap_err().contains("NTLM"));
        assert!(made(&["--host1", " "]).unwrap_err().contains("--host1 is missing"));
        assert!(made(&["--user1", ""]).unwrap_err().contains("--user1 is missing"));
    }
}
