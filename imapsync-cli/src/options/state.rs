//! The options of `imapsync state`.

use super::Format::{Port, Text};
use super::Group::{Accounts, Running};
use super::Kind::{Negatable, One, Switch};
use super::{Manual, Spec};

/// What earlier runs have remembered: `state` as the first argument, which a sync never has.
pub(crate) static STATE: Manual = Manual {
    introduction: "\
Shows or removes what earlier runs have remembered of two accounts. No server is asked, no password needed.

Usage: imapsync state show      for all files, and the accounts that they belong to
       imapsync state show --host1 HOST --user1 USER --host2 HOST --user2 USER
       imapsync state forget --host1 HOST --user1 USER --host2 HOST --user2 USER

What is removed is found out anew from the servers by the next run, which takes longer and ends alike. A file
that a run is using is left alone.
",
    table: &[
        Spec::new(
            "host",
            One(Text, "HOST"),
            Accounts,
            "The server copied from (1) and the server copied to (2).",
        )
        .sided(),
        Spec::new("user", One(Text, "USER"), Accounts, "The login name.").sided(),
        Spec::new("port", One(Port, "N"), Accounts, "The port, where the sync was given one.").sided(),
        Spec::new("ssl", Negatable, Accounts, "As the sync was given it: it may have decided the port.")
            .sided(),
        Spec::new("tls", Negatable, Accounts, "The same for STARTTLS.").sided(),
        Spec::new(
            "statedir",
            One(Text, "DIRECTORY"),
            Running,
            "Where it is kept. Default: imapsync in $XDG_STATE_HOME or ~/.local/state.",
        ),
        Spec::new("help", Switch, Running, "Print this text and end.").aliases(&["h"]),
    ],
    conclusion: "\
Exit status: 0 if it was done; 66 if the file cannot be read or removed, or if there is nothing to remove.
",
};
