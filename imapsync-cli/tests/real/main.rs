//! Tests of the built program between real IMAP servers: Dovecot, Cyrus and Courier, private and on loopback.
//!
//! They are marked ignored, because they need those servers: `.ci/test` brings the servers, sets
//! `IMAPSYNC_REAL_SERVERS=1` and runs everything with `--include-ignored`. `IMAPSYNC_FULL=1` makes the
//! counts and sizes those of the promise (50 kills, 100,000 messages, 1 GiB) and not a sample of them.
//!
//! What is right is never told by the program under test: `tests/servers/account.py`, a client written
//! with python's imaplib, fills and reads the accounts, and `proxy` sees what crosses the wire.

mod account;
mod proxy;
mod run;
mod server;

mod adoption;
mod chain;
mod crash;
mod failures;
mod identity;
mod in_process;
mod large;
mod smoke;
mod turns;

/// True when the full counts and sizes were asked for.
fn full() -> bool {
    std::env::var_os("IMAPSYNC_FULL").is_some_and(|value| value == "1")
}

/// `complete` when the full size was asked for, else `sample`.
fn sized<T>(sample: T, complete: T) -> T {
    if full() { complete } else { sample }
}
