//! The options of a sync.

use super::Format::{Count, Number, Port, Rate, Seconds, Text};
use super::Group::{Accounts, Connection, Deleting, Folders, Ignored, Messages, Names, Running};
use super::Kind::{Many, Negatable, One, Switch};
use super::{Manual, Spec};

/// A sync: what the program does unless its first argument says otherwise.
pub(crate) static IMAPSYNC: Manual = Manual {
    introduction: "\
Copies mailboxes from one IMAP account (host1) to another (host2): one way, incrementally, without duplicates.
Nothing is removed unless asked for. It can be stopped at any instant and started again.

Usage: imapsync --host1 HOST --user1 USER --passfile1 FILE --host2 HOST --user2 USER --passfile2 FILE [options]
       imapsync demo [--serve]    to see it work, or to try options, on two servers of its own
       imapsync state show|forget to see or remove what earlier runs have remembered

Options may be shortened as far as they stay unique, written with one dash or two and in any case; a value
follows after a blank or an equals sign. What reads --[no]x is turned off with --nox.
",
    table: OPTIONS,
    conclusion: "\
Exit status: 0 if and only if everything was done. So a bad line is dealt with by

  while ! imapsync ... ; do echo not complete; sleep 60; done
",
};

const OPTIONS: &[Spec] = &[
    Spec::new("host", One(Text, "HOST"), Accounts, "The server to copy from (1) and the server to copy to (2).")
        .sided(),
    Spec::new("port", One(Port, "N"), Accounts, "The port. Without it 993 is tried with TLS, then 143 with STARTTLS.")
        .sided(),
    Spec::new("user", One(Text, "USER"), Accounts, "The login name.").sided(),
    Spec::new(
        "passfile",
        One(Text, "FILE"),
        Accounts,
        "The file that holds the password in its first line; `-` is the standard input. Best kept with mode 600.",
    )
    .sided(),
    Spec::new(
        "password",
        One(Text, "PASSWORD"),
        Accounts,
        "The password. Everybody on this machine can read it in the list of processes: --passfile1 or the \
         environment's IMAPSYNC_PASSWORD1 is better. When no password is given at all you are asked on the terminal.",
    )
    .sided()
    .secret(),
    Spec::new(
        "authuser",
        One(Text, "ADMIN"),
        Accounts,
        "The administrator whose password is given and who logs in for the user.",
    )
    .sided(),
    Spec::new(
        "authmech",
        One(Text, "MECHANISM"),
        Accounts,
        "How to log in: PLAIN, LOGIN, or XOAUTH2 with an access token in place of the password. \
         Default: what the server offers.",
    )
    .sided(),
    Spec::new("ssl", Negatable, Connection, "TLS from the first byte, as on port 993; the certificate must be good.")
        .sided(),
    Spec::new(
        "tls",
        Negatable,
        Connection,
        "TLS through STARTTLS, as on port 143; the certificate must be good. \
         --nossl1 --notls1 together send passwords and mail in clear.",
    )
    .sided(),
    Spec::new(
        "cafile",
        Many(Text, "FILE"),
        Connection,
        "Trust also the certificate authorities of this PEM file. May be repeated.",
    )
    .sided(),
    Spec::new(
        "platformroots",
        Negatable,
        Connection,
        "Trust also the certificate authorities that this machine trusts.",
    )
    .sided(),
    Spec::new(
        "pin",
        Many(Text, "SHA256"),
        Connection,
        "Accept the certificate with this SHA-256 fingerprint (64 hexadecimal digits, colons allowed), and no other \
         that fails verification. May be repeated.",
    )
    .sided(),
    Spec::new(
        "insecure",
        Negatable,
        Connection,
        "Accept any certificate: nothing then protects against a server that only pretends.",
    )
    .sided(),
    Spec::new(
        "sslargs",
        Many(Text, "KEY=VALUE"),
        Connection,
        "SSL_verify_mode=0 (as --insecure1), SSL_verify_mode=1 (the default), SSL_ca_file=FILE (as --cafile1). \
         May be repeated.",
    )
    .sided(),
    Spec::new(
        "timeout",
        One(Seconds, "SECONDS"),
        Connection,
        "How long a silent server is waited for, on both sides; 0: for ever. Default: 120.",
    ),
    Spec::new("timeout", One(Seconds, "SECONDS"), Connection, "The same for one side.").sided(),
    Spec::new(
        "reconnectretry",
        One(Count, "N"),
        Connection,
        "How many times in a row a lost connection is opened again without progress in between. Default: 3.",
    )
    .sided(),
    Spec::new(
        "compress",
        Negatable,
        Connection,
        "Compress what travels, where the server offers it (COMPRESS=DEFLATE); --nocompress1 never does. Default: on \
         connections that are opened once the line has proved slow.",
    )
    .sided(),
    Spec::new(
        "connections",
        One(Count, "N"),
        Connection,
        "How many connections to each server copy at a time, 1 to 16. Default: as many as pay; a server that takes \
         fewer gets fewer.",
    ),
    Spec::new(
        "maxbytespersecond",
        One(Number, "N"),
        Connection,
        "Bytes of messages in a second, on the average of the whole run and all connections together.",
    ),
    Spec::new(
        "maxbytesafter",
        One(Number, "N"),
        Connection,
        "With --maxbytespersecond: so many bytes pass before the limit begins.",
    ),
    Spec::new(
        "maxmessagespersecond",
        One(Rate, "X"),
        Connection,
        "Messages in a second, on the average; fractions allowed.",
    ),
    Spec::new(
        "maxsleep",
        One(Seconds, "SECONDS"),
        Connection,
        "No pause for the sake of these limits is longer, even if they are not kept then; 0: no limits. Default: as \
         long as they need.",
    ),
    Spec::new(
        "exitwhenover",
        One(Number, "N"),
        Connection,
        "Stop before more than so many bytes are copied; the next run goes on from there. Exit status 118.",
    ),
    Spec::new("keepalive", Negatable, Connection, "TCP keepalive probes; on unless turned off.").sided(),
    Spec::new("inet4", Switch, Connection, "Use IPv4 only.").aliases(&["ipv4"]),
    Spec::new("inet6", Switch, Connection, "Use IPv6 only.").aliases(&["ipv6"]),
    Spec::new(
        "id",
        Negatable,
        Connection,
        "Tell the servers who is calling (the ID command); on unless turned off.",
    ),
    Spec::new(
        "folder",
        Many(Text, "FOLDER"),
        Folders,
        "Copy this folder of host1, and only such. May be repeated. Default: all folders.",
    ),
    Spec::new("folderrec", Many(Text, "FOLDER"), Folders, "The same with everything beneath it. May be repeated."),
    Spec::new("subscribed", Switch, Folders, "Copy the folders that host1 has subscribed."),
    Spec::new(
        "include",
        Many(Text, "REGEX"),
        Folders,
        "Copy the folders whose host1 name matches, besides those named otherwise. May be repeated.",
    ),
    Spec::new(
        "exclude",
        Many(Text, "REGEX"),
        Folders,
        "Leave out the folders whose host1 name matches, whatever else names them. May be repeated.",
    ),
    Spec::new("folderfirst", Many(Text, "FOLDER"), Folders, "Copy this folder before the others. May be repeated."),
    Spec::new("folderlast", Many(Text, "FOLDER"), Folders, "Copy this folder after the others. May be repeated."),
    Spec::new(
        "subscribe",
        Negatable,
        Folders,
        "Subscribe on host2 what is subscribed on host1; on unless turned off.",
    ),
    Spec::new(
        "automap",
        Negatable,
        Names,
        "Pair the folders for sent mail, drafts, junk, trash and so on, whatever each side calls them.",
    ),
    Spec::new(
        "f1f2",
        Many(Text, "FOLDER1=FOLDER2"),
        Names,
        "FOLDER1 of host1 goes to FOLDER2 of host2, before any other rule. May be repeated.",
    ),
    Spec::new(
        "subfolder",
        One(Text, "FOLDER"),
        Names,
        "Copy only what lies under this folder of host1 (1); put everything under this folder of host2 (2). \
         Either turns --automap off.",
    )
    .sided(),
    Spec::new(
        "prefix",
        One(Text, "PREFIX"),
        Names,
        "What stands before every folder name but INBOX, such as INBOX. with the dot. Default: what the server says.",
    )
    .sided(),
    Spec::new(
        "sep",
        One(Text, "CHARACTER"),
        Names,
        "The character between a folder and its subfolder. Default: what the server says.",
    )
    .sided(),
    Spec::new(
        "regextrans2",
        Many(Text, "s/REGEX/TEXT/"),
        Names,
        "A substitution for the host2 name, in the manner of Perl: s/old/new/, any delimiter, flags g i x s m, or \
         tr/abc/xyz/. May be repeated; they apply in order.",
    ),
    Spec::new(
        "fixslash2",
        Negatable,
        Names,
        "Turn a `/` that would be left in a host2 name into `_` where `/` is the separator of host1 only; on unless \
         turned off.",
    ),
    Spec::new(
        "fixinboxinbox",
        Negatable,
        Names,
        "Write INBOX in front of a host2 name as host2 writes it (Inbox, INBOX); on unless turned off.",
    ),
    Spec::new(
        "mixfolders",
        Negatable,
        Names,
        "Put a folder into the one that host2 has under the same name in another case; on unless turned off: such a \
         folder is then left out.",
    ),
    Spec::new(
        "useheader",
        Many(Text, "HEADER"),
        Messages,
        "A header that tells one message from another, in place of Message-Id and Received. May be repeated; \
         ALL stands for the whole header.",
    ),
    Spec::new(
        "syncduplicates",
        Negatable,
        Messages,
        "Copy also the second and further copies of one message that a folder of host1 holds.",
    ),
    Spec::new(
        "syncinternaldates",
        Negatable,
        Messages,
        "Keep the dates of arrival; on unless turned off.",
    )
    .aliases(&["syncinternaldate"]),
    Spec::new(
        "resyncflags",
        Negatable,
        Messages,
        "Bring the flags of messages that are already on host2 up to date; on unless turned off.",
    ),
    Spec::new(
        "mergeflags",
        Negatable,
        Messages,
        "Change on host2 only the flags that have changed on host1 since the last run; the others stay as they are there.",
    ),
    Spec::new(
        "delete1",
        Negatable,
        Deleting,
        "Remove each message from host1 once host2 has it: marked as deleted and expunged.",
    )
    .aliases(&["delete"]),
    Spec::new(
        "expunge1",
        Negatable,
        Deleting,
        "Expunge on host1 the messages that are marked as deleted and known to be on host2. \
         With --delete1, --noexpunge1 only marks.",
    )
    .aliases(&["expunge"]),
    Spec::new(
        "delete2",
        Negatable,
        Deleting,
        "Remove from the folders of host2 what the folder of host1 does not have. Not together with --delete1.",
    ),
    Spec::new(
        "state",
        Negatable,
        Running,
        "Remember what was done, so that the next run asks only for what has changed since; on unless turned off. With and \
         without it runs end alike.",
    )
    .aliases(&["usecache"]),
    Spec::new(
        "statedir",
        One(Text, "DIRECTORY"),
        Running,
        "Where that is kept, in one file for each pair of accounts. Default: imapsync in $XDG_STATE_HOME or ~/.local/state.",
    ),
    Spec::new("dry", Negatable, Running, "Change nothing on either side; tell what would be done."),
    Spec::new(
        "errorsdump",
        Negatable,
        Running,
        "List the errors once more at the end; on unless turned off.",
    ),
    Spec::new("debug", Negatable, Running, "Tell on the standard error what goes on inside."),
    Spec::new(
        "debugimap",
        Negatable,
        Running,
        "Tell also every line to and from the servers, secrets masked.",
    ),
    Spec::new("version", Switch, Running, "Print the version and end."),
    Spec::new("help", Switch, Running, "Print this text and end.").aliases(&["h"]),
    Spec::new("releasecheck", Negatable, Ignored, "No newer release is ever looked for."),
    Spec::new("modulesversion", Negatable, Ignored, "There are no Perl modules.").aliases(&["modules_version"]),
    Spec::new("fastio", Negatable, Ignored, "Reading is fast anyway.").sided(),
    Spec::new("buffersize", One(Count, "N"), Ignored, "Buffers size themselves."),
    Spec::new("split", One(Count, "N"), Ignored, "Commands are kept short enough for any server.").sided(),
    Spec::new("foldersizes", Negatable, Ignored, "Sizes come with the listing."),
    Spec::new("foldersizesatend", Negatable, Ignored, "Sizes are in the statistics."),
    Spec::new("allowsizemismatch", Negatable, Ignored, "Servers that misreport sizes are coped with."),
    Spec::new("checkmessageexists", Negatable, Ignored, "A message that vanished is told as such."),
    Spec::new("create_folder_old", Negatable, Ignored, "Folders are created in one way."),
    Spec::new("fixcolonbug", Negatable, Ignored, "There are no cache files with names."),
    Spec::new("debugssl", One(Count, "N"), Ignored, "--debug tells about TLS too."),
    Spec::new("log", Negatable, Ignored, "Everything goes to the standard output, no log file is written."),
    Spec::new("pidfile", One(Text, "FILE"), Ignored, "No such file is written."),
    Spec::new("tmpdir", One(Text, "DIRECTORY"), Ignored, "TMPDIR of the environment is used where a file is needed."),
    Spec::new("tail", Negatable, Ignored, "There is no log file to follow."),
    Spec::new("debugcgi", Negatable, Ignored, "There is no web form."),
];
