//! What is measured: each scenario is a corpus, two servers and the line to them.

use crate::corpus::Corpus;
use crate::servers::Kind;
use std::time::Duration;

/// What a program is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Everything, to an empty account.
    FirstCopy,
    /// Once more, when nothing has changed.
    Nothing,
    /// After one percent of new messages and other flags on two percent.
    Increment,
}

impl Phase {
    pub(crate) const ALL: [Phase; 3] = [Phase::FirstCopy, Phase::Nothing, Phase::Increment];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::FirstCopy => "first-copy",
            Phase::Nothing => "nothing",
            Phase::Increment => "increment",
        }
    }
}

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// All programs and the zero-cost client.
    All,
    /// Ours with its default and with `--connections 1`, and mbsync.
    Connections,
}

/// One table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) corpus: Corpus,
    pub(crate) source: Kind,
    pub(crate) destination: Kind,
    /// Added to both lines; None: straight to the servers, nothing is counted.
    pub(crate) round_trip: Option<Duration>,
    pub(crate) tls: bool,
    pub(crate) phases: &'static [Phase],
    pub(crate) field: Field,
}

const LOOPBACK: Scenario = Scenario {
    name: "",
    about: "",
    corpus: Corpus::Tiny,
    source: Kind::Dovecot,
    destination: Kind::Dovecot,
    round_trip: None,
    tls: false,
    phases: &Phase::ALL,
    field: Field::All,
};
const COPY: &[Phase] = &[Phase::FirstCopy];

/// All scenarios between real servers.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "tiny", about: "20,000 messages of 2 KiB in 5 folders, loopback", ..LOOPBACK },
    Scenario {
        name: "small",
        about: "10,000 messages in 20 folders, sizes lognormal, loopback",
        corpus: Corpus::Small,
        ..LOOPBACK
    },
    Scenario {
        name: "big",
        about: "60 messages of 5-20 MiB in 4 folders, loopback",
        corpus: Corpus::Big,
        phases: COPY,
        ..LOOPBACK
    },
    Scenario { name: "tiny-tls", about: "tiny, TLS on both sides", tls: true, phases: COPY, ..LOOPBACK },
    Scenario {
        name: "small-tls",
        about: "small, TLS on both sides",
        corpus: Corpus::Small,
        tls: true,
        phases: COPY,
        ..LOOPBACK
    },
    Scenario {
        name: "k1-20ms",
        about: "1,000 messages of 2 KiB in 5 folders, 20 ms to each server",
        corpus: Corpus::K1,
        round_trip: Some(Duration::from_millis(20)),
        ..LOOPBACK
    },
    Scenario {
        name: "tiny-20ms",
        about: "20,000 messages of 2 KiB in 5 folders, 20 ms to each server",
        round_trip: Some(Duration::from_millis(20)),
        ..LOOPBACK
    },
    Scenario {
        name: "k1-100ms",
        about: "1,000 messages of 2 KiB in 5 folders, 100 ms to each server",
        corpus: Corpus::K1,
        round_trip: Some(Duration::from_millis(100)),
        ..LOOPBACK
    },
    Scenario {
        name: "tiny-bytes",
        about: "tiny through a line without delay that counts turns and bytes",
        round_trip: Some(Duration::ZERO),
        ..LOOPBACK
    },
    Scenario {
        name: "no-multiappend",
        about: "tiny, to a Dovecot that does not offer MULTIAPPEND, loopback",
        destination: Kind::DovecotWithoutMultiappend,
        phases: COPY,
        ..LOOPBACK
    },
    Scenario {
        name: "courier-20ms",
        about: "k1, to Courier (no LITERAL+), 20 ms to each server",
        corpus: Corpus::K1,
        destination: Kind::Courier,
        round_trip: Some(Duration::from_millis(20)),
        phases: COPY,
        field: Field::Connections,
        ..LOOPBACK
    },
    Scenario {
        name: "cyrus",
        about: "small, to Cyrus, loopback",
        corpus: Corpus::Small,
        destination: Kind::Cyrus,
        phases: COPY,
        ..LOOPBACK
    },
];
