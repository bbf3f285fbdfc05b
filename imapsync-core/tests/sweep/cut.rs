//! Where a run is disturbed, and how.

use imapsync_core::Side;
use imapsync_core::testing::Stage;

/// One disturbance of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub what: What,
    /// The rerun is dropped after so many bytes.
    pub again: Option<u64>,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The run is dropped, as by SIGKILL, once so many bytes have moved.
    Drop { bytes: u64 },
    /// Something happens at this step of this server.
    At { side: Side, step: u64, act: Kind },
}

/// What can happen at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The connection is dropped.
    Close,
    /// The connection is dropped; the command, which is complete, is applied so many milliseconds later.
    Late(u64),
    /// The command is answered with NO.
    No,
    /// The command is answered with BAD.
    Bad,
    /// The answer to a FETCH lacks its first row, and ends with OK.
    Short,
    /// The answer to a FETCH has nothing in its literals.
    Empty,
    /// The flags in the answer to a FETCH cannot be read.
    Garbled,
    /// INBOX gets another UIDVALIDITY and its messages other UIDs; the connection is dropped.
    Renumbered,
    /// Another client delivers a message that bears `\Deleted`.
    Delivery,
}

/// How long an undisturbed run is.
#[derive(Debug, Clone, Default)]
pub struct Length {
    /// The steps of the source's server and of the destination's: where, and the first line of the command.
    pub steps: [Vec<(u64, Stage, String)>; 2],
    /// Bytes over both wires.
    pub bytes: u64,
}

/// All disturbances of a run: at every step, at many bytes, some of them twice.
pub fn all(length: &Length, delivers: bool, full: bool) -> Vec<Cut> {
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides.max(1)
    };
    let once = single(length, delivers);
    let mut cuts = Vec::new();
    // The first round is cut once; then every third point (in full: every one, nine times) is cut again as it recovers.
    for round in 0..if full { 10 } else { 2 } {
        for (n, what) in once.iter().enumerate() {
            if round == 0 || full || n % 3 == 0 {
                cuts.push(Cut { what: *what, again: (round > 0).then(|| roll(length.bytes) + 1) });
            }
        }
        let drops = if full { 300 } else { 80 };
        for n in 0..drops {
            // Evenly spread, each round at other bytes.
            let bytes = (length.bytes * n + roll(length.bytes)) / drops + 1;
            cuts.push(Cut { what: What::Drop { bytes }, again: (round > 0).then(|| roll(length.bytes) + 1) });
        }
    }
    cuts
}

/// Everything that can happen at each step.
fn single(length: &Length, delivers: bool) -> Vec<What> {
    let mut all = Vec::new();
    for (side, steps) in [Side::Source, Side::Destination].into_iter().zip(&length.steps) {
        for (step, stage, line) in steps {
            let mut kinds = vec![Kind::Close];
            if *stage == Stage::Literal {
                kinds.extend([Kind::Late(40), Kind::Late(300), Kind::Late(700)]);
            }
            if *stage == Stage::Line {
                kinds.extend([Kind::No, Kind::Bad, Kind::Renumbered]);
                if line.starts_with("UID FETCH") {
                    kinds.extend([Kind::Short, Kind::Empty, Kind::Garbled]);
                }
                // Nobody can tell marks apart that come between the last look and a plain EXPUNGE.
                if delivers && side == Side::Source && !line.starts_with("EXPUNGE") {
                    kinds.push(Kind::Delivery);
                }
            }
            all.extend(kinds.into_iter().map(|act| What::At { side, step: *step, act }));
        }
    }
    all
}
