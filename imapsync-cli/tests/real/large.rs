//! Acceptance 4: memory does not grow with the message or the folder.

use crate::run::Sync;
use crate::server::Server;
use crate::{account, full, sized};

/// Servers of their own: the mail is large and goes with them.
fn servers() -> (Server, Server) {
    (Server::start("dovecot", &[("LAYOUT", "maildir")]), Server::start("dovecot", &[("LAYOUT", "maildir")]))
}

#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_giant_message_streams_through() {
    let (source, target) = servers();
    let (from, to) = (source.account(), target.account());
    let size: u64 = sized(128 << 20, 1 << 30);
    account::write_maildir(&source.maildir(&from), 20, 2000, size);
    let run = Sync::new(&from, &to).run().expect(0);
    println!("{} MiB message: {:.1} MiB resident, {:.1?}", size >> 20, run.peak_kib as f64 / 1024., run.took);
    from.dump().assert_same(&to.dump(), &[]);
    assert!(run.peak_kib <= 64 << 10, "{} KiB resident", run.peak_kib);
}

#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_crowded_folder_fits() {
    let (source, target) = servers();
    let (from, to) = (source.account(), target.account());
    let count = sized(5_000, 100_000);
    account::write_maildir(&source.maildir(&from), count, 500, 0);
    let run = Sync::new(&from, &to).run().expect(0);
    println!("{count} messages: {:.1} MiB resident, {:.1?}", run.peak_kib as f64 / 1024., run.took);
    assert_eq!(run.statistic("Messages transferred"), count as u64);
    from.dump().assert_same(&to.dump(), &[]);
    assert!(run.peak_kib <= 100 << 10, "{} KiB resident", run.peak_kib);
    let again = Sync::new(&from, &to).run().expect(0);
    println!(
        "{count} messages, nothing to do: {:.1} MiB resident, {:.1?}",
        again.peak_kib as f64 / 1024.,
        again.took
    );
    assert_eq!(again.statistic("Messages transferred"), 0);
    assert!(!full() || again.peak_kib <= 100 << 10, "{} KiB resident", again.peak_kib);
}
