//! The options of `imapsync demo`.

use super::Format::Count;
use super::Group::Running;
use super::Kind::{One, Switch};
use super::{Manual, Spec};

/// The demonstration: `demo` as the first argument, which a sync never has.
pub(crate) static DEMO: Manual = Manual {
    introduction: "\
Shows a sync between two mail servers that run inside of this program, with made-up mail: nothing is needed,
nothing leaves this machine, nothing stays on it.

Usage: imapsync demo [--serve] [--messages N]

The servers listen on ports of 127.0.0.1, with TLS and certificates made on the spot, which the sync verifies.
Host1 behaves like Courier (INBOX.Sent), host2 like Dovecot. There are twenty years of mail in several languages
with threads, flags, attachments and a few oddities; part of it is on host2 already. The sync is made twice, and
then the two servers are compared message by message.
",
    table: &[
        Spec::new(
            "serve",
            Switch,
            Running,
            "Only start the servers and keep them up until Ctrl-C; tell how to reach them, with a command line that is \
             ready to be copied to another terminal and changed at will, and what each run changed.",
        ),
        Spec::new("messages", One(Count, "N"), Running, "About how many messages there are. Default: 3000."),
        Spec::new("help", Switch, Running, "Print this text and end.").aliases(&["h"]),
    ],
    conclusion: "\
Exit status: 0 if and only if the servers agree in the end.
",
};
