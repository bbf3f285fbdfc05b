//! Opens an account: connect, greeting, STARTTLS, login. Nothing learnt before TLS survives it.

use super::connection::Connection;
use crate::account::{Account, Compression};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::backoff;
use crate::imap::capability::{Capabilities, Capability};
use crate::imap::command::{Command, encode_base64};
use crate::imap::flow::FlowEvent;
use crate::imap::frame::Limits;
use crate::imap::response::{Code, Status, StatusKind};
use crate::imap::sasl::{Exchange, Mechanism};
use crate::net::{Attempt, Connected, Connector, Policy, Security, TlsInfo, policy, try_next};
use std::time::Duration;
use tokio::time::timeout;

/// An account that is open: logged in, its capabilities known.
#[derive(Debug)]
pub struct Opened {
    /// The connection.
    pub connection: Connection,
    /// The server's greeting, escaped.
    pub greeting: String,
    /// What encrypts the connection; None in clear.
    pub tls: Option<TlsInfo>,
    /// What the user should know (an unverified certificate on loopback, a password in clear).
    pub notices: Vec<String>,
}

/// Connects and logs in, as the account says. One try; the caller repeats it where the error is retryable.
///
/// # Errors
///
/// [`ErrorKind::Connect`], [`ErrorKind::Tls`], [`ErrorKind::Authentication`], [`ErrorKind::Unavailable`] and those of a
/// connection, each naming the side, what the server said and what can be done.
pub async fn open(
    side: Side,
    account: &Account,
    connector: &dyn Connector,
    limits: &Limits,
) -> Result<Opened, Error> {
    let policy = policy(account).map_err(|e| e.on(side))?;
    let mut first_error = None;
    for attempt in &policy.attempts {
        match greet(side, account, connector, limits, &policy, *attempt).await {
            Ok(mut opened) => {
                login(account, &mut opened.connection).await?;
                return compress(account, opened).await;
            }
            // Only an unreachable port leads to the next one; a server that answers has the last word.
            Err(error) if try_next(&error) => {
                first_error.get_or_insert(error);
            }
            Err(error) => return Err(error.on(side)),
        }
    }
    Err(first_error.unwrap_or_else(|| Error::new(ErrorKind::Connect, "no port to try")).on(side))
}

/// Connects, reads the greeting, and encrypts.
async fn greet(
    side: Side,
    account: &Account,
    connector: &dyn Connector,
    limits: &Limits,
    policy: &Policy,
    attempt: Attempt,
) -> Result<Opened, Error> {
    let Connected { stream, mut tls, mut notices } = connector.connect(side, account, attempt).await?;
    let mut connection = Connection::new(side, stream, *limits, account.timeouts).hiding(secrets(account));
    let status = greeting(&mut connection, account.timeouts.connect).await?;
    let greeting = connection.masked(&status.text);
    match status.kind {
        StatusKind::Ok => {}
        StatusKind::Bye => {
            return Err(refusal(&connection, &status, "the server turned the connection away"));
        }
        StatusKind::No | StatusKind::Bad => {
            return Err(Error::new(ErrorKind::Protocol, "no IMAP greeting but a refusal")
                .on(side)
                .server_said(connection.said(&status)));
        }
        StatusKind::PreAuth => {
            return Err(Error::new(
                ErrorKind::Authentication,
                "the server greets as if somebody were logged in already (PREAUTH); its mail may be anybody's",
            )
            .on(side));
        }
    }
    if attempt.security == Security::StartTls {
        if !connection.capabilities().has(Capability::STARTTLS) {
            // Whatever the greeting says may have been cut by somebody in between.
            connection.call(Command::Capability, |_| {}).await?;
        }
        if connection.capabilities().has(Capability::STARTTLS) {
            let status = connection.call(Command::StartTls, |_| {}).await?;
            if status.kind != StatusKind::Ok {
                return Err(Error::new(ErrorKind::Tls, "the server offers STARTTLS but refused it")
                    .on(side)
                    .server_said(connection.said(&status)));
            }
            let upgraded = connector.upgrade(side, account, connection.into_stream()?).await?;
            connection = Connection::after_starttls(side, upgraded.stream, *limits, account.timeouts)
                .hiding(secrets(account));
            tls = upgraded.tls;
            notices.extend(upgraded.notices);
        } else if policy.allow_plaintext_fallback {
            notices.push(format!(
                "{side}: the server on this machine offers no TLS; the connection is not encrypted"
            ));
        } else {
            let n = side.number();
            return Err(Error::new(
                ErrorKind::Tls,
                "the server does not offer STARTTLS, so the password would travel in clear",
            )
            .on(side)
            .hint(format!(
                "--ssl{n} for TLS from the start, or --nossl{n} --notls{n} to send the password in clear"
            )));
        }
    } else if attempt.security == Security::Plaintext {
        notices.push(format!("{side}: the connection is not encrypted; password and mail travel in clear"));
    }
    Ok(Opened { connection, greeting, tls, notices })
}

async fn greeting(connection: &mut Connection, limit: Duration) -> Result<Status, Error> {
    let read = async {
        loop {
            if let FlowEvent::Greeting(status) = connection.next().await? {
                return Ok(status);
            }
        }
    };
    if limit.is_zero() {
        return read.await;
    }
    timeout(limit, read).await.unwrap_or_else(|_| {
        let seconds = limit.as_secs();
        Err(Error::new(
            ErrorKind::Timeout,
            format!("the server accepted the connection but sent no greeting in {seconds} seconds"),
        ))
    })
}

async fn learn_capabilities(connection: &mut Connection) -> Result<(), Error> {
    if *connection.capabilities() == Capabilities::default() {
        connection.call(Command::Capability, |_| {}).await?;
    }
    Ok(())
}

/// Logs in with the mechanism asked for, or the best the server offers.
async fn login(account: &Account, connection: &mut Connection) -> Result<(), Error> {
    learn_capabilities(connection).await?;
    let side = connection.side();
    let mechanism = choose(account, connection.capabilities()).map_err(|e| e.on(side))?;
    let secret = if mechanism == Mechanism::XOAuth2 { "token" } else { "password" };
    let command = match mechanism {
        Mechanism::LoginCommand => {
            Command::Login { user: account.user.clone(), password: account.secret.clone() }
        }
        mechanism => Command::Authenticate(
            Exchange::new(mechanism, &account.user, account.auth_user.as_deref(), &account.secret)
                .map_err(|why| Error::new(ErrorKind::Authentication, why).on(side))?,
        ),
    };
    let mut told = false;
    let status = connection
        .call(command, |data| told |= matches!(data, crate::imap::response::Untagged::Capability(_)))
        .await?;
    if status.kind != StatusKind::Ok {
        let n = side.number();
        let user = crate::imap::text::escape(account.user.as_bytes(), 200);
        // Wrong credentials are never tried again: accounts lock.
        return Err(match backoff::wait(&status) {
            Some(_) => refusal(connection, &status, "the server cannot log anybody in at present"),
            None => Error::new(ErrorKind::Authentication, format!("login of user {user} failed"))
                .on(side)
                .server_said(connection.said(&status))
                .hint(format!("check --user{n} and the {secret}")),
        });
    }
    told |= matches!(status.code, Some(Code::Capability(_)));
    if !told {
        connection.call(Command::Capability, |_| {}).await?;
    }
    Ok(())
}

/// Compresses, where that was asked for and the server offers it. One that refuses after all is read uncompressed.
async fn compress(account: &Account, mut opened: Opened) -> Result<Opened, Error> {
    let offered = opened.connection.capabilities().has(Capability::COMPRESS_DEFLATE);
    if account.compression != Compression::Always || !offered {
        return Ok(opened);
    }
    let status = opened.connection.call(Command::Compress, |_| {}).await?;
    if status.kind == StatusKind::Ok {
        opened.connection = opened.connection.compressed()?;
    } else {
        let said = opened.connection.said(&status);
        opened
            .notices
            .push(format!("{}: the server does not compress after all: {said}", opened.connection.side()));
    }
    Ok(opened)
}

/// Which mechanism: the one asked for; PLAIN where an administrator logs in for the user; else LOGIN, as the original
/// does, or what the server offers where it has disabled that.
fn choose(account: &Account, capabilities: &Capabilities) -> Result<Mechanism, Error> {
    let disabled = capabilities.has(Capability::LOGINDISABLED);
    let refuse = |text: &str| {
        Err(Error::new(ErrorKind::Authentication, text)
            .hint("the server wants encryption first, or another mechanism (--authmech1, --authmech2)"))
    };
    match account.mechanism {
        Some(Mechanism::LoginCommand) if disabled => {
            refuse("the server has disabled LOGIN on this connection")
        }
        Some(mechanism) => Ok(mechanism),
        None if account.auth_user.is_some() => Ok(Mechanism::Plain),
        None if !disabled => Ok(Mechanism::LoginCommand),
        None if capabilities.has_auth("PLAIN") => Ok(Mechanism::Plain),
        None if capabilities.has_auth("LOGIN") => Ok(Mechanism::Login),
        None => refuse("the server has disabled LOGIN and offers no mechanism for a password"),
    }
}

fn refusal(connection: &Connection, status: &Status, text: &str) -> Error {
    Error::new(ErrorKind::Unavailable, text)
        .on(connection.side())
        .server_said(connection.said(status))
        .after(backoff::wait(status))
}

/// The secret in every form that may come back in a server's text.
fn secrets(account: &Account) -> Vec<String> {
    let secret = account.secret.reveal();
    let admin = account.auth_user.as_deref();
    let plain = match admin {
        Some(admin) => format!("{}\0{admin}\0{secret}", account.user),
        None => format!("\0{}\0{secret}", account.user),
    };
    vec![secret.to_owned(), encode_base64(plain.as_bytes())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mechanism_follows_the_account_and_the_server() {
        let capabilities = |text: &str| Capabilities::parse(text.split(' ').map(str::as_bytes));
        let account = Account::new("h", "u", "p");
        let admin = Account { auth_user: Some("root".into()), ..account.clone() };
        let table = [
            (&account, "IMAP4rev1 AUTH=PLAIN", Some(Mechanism::LoginCommand)),
            (&account, "IMAP4rev1 LOGINDISABLED AUTH=PLAIN", Some(Mechanism::Plain)),
            (&account, "IMAP4rev1 LOGINDISABLED AUTH=LOGIN", Some(Mechanism::Login)),
            (&account, "IMAP4rev1 LOGINDISABLED", None),
            (&admin, "IMAP4rev1", Some(Mechanism::Plain)),
        ];
        for (account, text, wanted) in table {
            assert_eq!(choose(account, &capabilities(text)).ok(), wanted, "{text}");
        }
    }
}
