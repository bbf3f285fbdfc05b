//! The scenarios.

use crate::scenario::Scenario;
use imapsync_core::{Connections, Delete1, SyncOptions};
use std::num::NonZeroUsize;

const MODERN: &str = "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+";
const NO_UIDPLUS: &str = "IMAP4rev1 NAMESPACE LITERAL+";
const NO_LITERAL: &str = "IMAP4rev1 NAMESPACE UIDPLUS";
const PLAIN: &str = "IMAP4rev1";
const GROUPS: &str = "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+ MULTIAPPEND";
const GROUPS_NO_LITERAL: &str = "IMAP4rev1 NAMESPACE MULTIAPPEND";

/// Small memory: 24 KB stream.
fn usual() -> SyncOptions {
    SyncOptions { memory: 128 * 1024, ..SyncOptions::default() }
}

fn expunging() -> SyncOptions {
    SyncOptions { delete1: Delete1::Expunge, ..usual() }
}

fn marking() -> SyncOptions {
    SyncOptions { delete1: Delete1::Mark, ..usual() }
}

fn mirroring() -> SyncOptions {
    SyncOptions { delete2: true, ..usual() }
}

fn duplicating() -> SyncOptions {
    SyncOptions { sync_duplicates: true, ..usual() }
}

/// Memory for little more than a message for each.
fn two_connections() -> SyncOptions {
    let connections = Connections::Fixed(NonZeroUsize::new(2).unwrap());
    SyncOptions { connections, memory: 48 * 1024, ..expunging() }
}

/// Whether all of the source goes.
pub fn expunges(scenario: &Scenario) -> bool {
    (scenario.options)().delete1 == Delete1::Expunge
}

/// Messages of every kind in two folders.
const MIXED: &str = "INBOX: a b/S c/SFk h1 t1 t2 d L1 e; Work: f g/A h2 i";
/// Some of them.
const SOME: &str = "INBOX: b/S t2 x/S; Work: g/A";

/// Folders enough for two connections.
const SHARED: &str = "INBOX: a L1 c L2 t1 t2; One: b L3 d; Two: L4 h1 e; Three: L5 f/S g";

pub const ALL: &[Scenario] = &[
    Scenario {
        name: "first copy",
        capabilities: MODERN,
        source: MIXED,
        destination: "",
        options: usual,
        source_after: MIXED,
        destination_after: MIXED,
    },
    Scenario {
        name: "incremental",
        capabilities: MODERN,
        source: MIXED,
        destination: SOME,
        options: usual,
        source_after: MIXED,
        destination_after: "INBOX: a b/S c/SFk h1 t1 t2 d L1 e x/S; Work: f g/A h2 i",
    },
    Scenario {
        name: "flags",
        capabilities: MODERN,
        source: "INBOX: a/S b/F c d/SA e/k f/D; Work: g/S",
        destination: "INBOX: a b/S c/A d/SA e f; Work: g",
        options: usual,
        source_after: "INBOX: a/S b/F c d/SA e/k f/D; Work: g/S",
        destination_after: "INBOX: a/S b/F c d/SA e/k f/D; Work: g/S",
    },
    Scenario {
        name: "delete1",
        capabilities: MODERN,
        source: MIXED,
        destination: SOME,
        options: expunging,
        source_after: "",
        destination_after: "INBOX: a b/S c/SFk h1 t1 t2 d L1 e x/S; Work: f g/A h2 i",
    },
    Scenario {
        name: "noexpunge1",
        capabilities: MODERN,
        source: "INBOX: a b/S c/F h1 d; Work: e",
        destination: "INBOX: b/S",
        options: marking,
        source_after: "INBOX: a/D b/SD c/FD h1/D d/D; Work: e/D",
        destination_after: "INBOX: a b/S c/F h1 d; Work: e",
    },
    Scenario {
        name: "delete2",
        capabilities: MODERN,
        source: "INBOX: a b/S c h1 t1 t2 d; Work: e f",
        destination: "INBOX: x b/S y t2 z h2; Work: w e",
        options: mirroring,
        source_after: "INBOX: a b/S c h1 t1 t2 d; Work: e f",
        destination_after: "INBOX: a b/S c h1 t1 t2 d; Work: e f",
    },
    // Which of them is the copy is in their text alone.
    Scenario {
        name: "delete2 among twins",
        capabilities: MODERN,
        source: "INBOX: t3 a t4/S",
        destination: "INBOX: t1 t2 t4 t3 a",
        options: mirroring,
        source_after: "INBOX: t3 a t4/S",
        destination_after: "INBOX: t3 a t4/S",
    },
    Scenario {
        name: "flags of twins",
        capabilities: MODERN,
        source: "INBOX: t1/S t2/F t3 t4/D a",
        destination: "INBOX: t4 t3 t2 t1",
        options: usual,
        source_after: "INBOX: t1/S t2/F t3 t4/D a",
        destination_after: "INBOX: t1/S t2/F t3 t4/D a",
    },
    Scenario {
        name: "syncduplicates",
        capabilities: MODERN,
        source: "INBOX: a a b b b h1 h1 t1 t2 c",
        destination: "INBOX: b b c",
        options: duplicating,
        source_after: "INBOX: a a b b b h1 h1 t1 t2 c",
        destination_after: "INBOX: a a b b b h1 h1 t1 t2 c",
    },
    Scenario {
        name: "headerless",
        capabilities: MODERN,
        source: "INBOX: h1 h2/S h3 h4/F h5 a; Work: h1 h6",
        destination: "INBOX: h3 a",
        options: usual,
        source_after: "INBOX: h1 h2/S h3 h4/F h5 a; Work: h1 h6",
        destination_after: "INBOX: h1 h2/S h3 h4/F h5 a; Work: h1 h6",
    },
    Scenario {
        name: "large messages",
        capabilities: MODERN,
        source: "INBOX: L1 a L2/S b L3 c L4",
        destination: "INBOX: L3 b",
        options: expunging,
        source_after: "",
        destination_after: "INBOX: L1 a L2/S b L3 c L4",
    },
    Scenario {
        name: "folder creation",
        capabilities: MODERN,
        source: "INBOX: a; Work: b c; Work/Old: d; Deep/Er/Est: e f/S; Work/New: g",
        destination: "INBOX: a; Work: c",
        options: usual,
        source_after: "INBOX: a; Work: b c; Work/Old: d; Deep/Er/Est: e f/S; Work/New: g",
        destination_after: "INBOX: a; Work: b c; Work/Old: d; Deep/Er/Est: e f/S; Work/New: g",
    },
    Scenario {
        name: "no UIDPLUS, delete1",
        capabilities: NO_UIDPLUS,
        source: MIXED,
        destination: SOME,
        options: expunging,
        source_after: "",
        destination_after: "INBOX: a b/S c/SFk h1 t1 t2 d L1 e x/S; Work: f g/A h2 i",
    },
    Scenario {
        name: "no LITERAL+, delete1",
        capabilities: NO_LITERAL,
        source: MIXED,
        destination: SOME,
        options: expunging,
        source_after: "",
        destination_after: "INBOX: a b/S c/SFk h1 t1 t2 d L1 e x/S; Work: f g/A h2 i",
    },
    Scenario {
        name: "nothing but IMAP4rev1",
        capabilities: PLAIN,
        source: MIXED,
        destination: SOME,
        options: mirroring,
        source_after: MIXED,
        destination_after: MIXED,
    },
    Scenario {
        name: "groups, delete1",
        capabilities: GROUPS,
        source: MIXED,
        destination: SOME,
        options: expunging,
        source_after: "",
        destination_after: "INBOX: a b/S c/SFk h1 t1 t2 d L1 e x/S; Work: f g/A h2 i",
    },
    Scenario {
        name: "groups without UIDPLUS and LITERAL+",
        capabilities: GROUPS_NO_LITERAL,
        source: MIXED,
        destination: SOME,
        options: usual,
        source_after: MIXED,
        destination_after: "INBOX: a b/S c/SFk h1 t1 t2 d L1 e x/S; Work: f g/A h2 i",
    },
    Scenario {
        name: "two connections, delete1",
        capabilities: MODERN,
        source: SHARED,
        destination: "One: b",
        options: two_connections,
        source_after: "",
        destination_after: SHARED,
    },
    Scenario {
        name: "two connections and groups, delete1",
        capabilities: GROUPS,
        source: SHARED,
        destination: "One: b",
        options: two_connections,
        source_after: "",
        destination_after: SHARED,
    },
];
