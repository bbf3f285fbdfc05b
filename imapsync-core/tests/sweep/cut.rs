//! Where a run is cut, and how.

use imapsync_core::Side;

/// One cut of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The connection is dropped at this step of this server.
    Close { side: Side, step: u64, again: Option<u64> },
    /// The same, but where a command is complete there it is applied so many milliseconds later.
    Late { side: Side, step: u64, after: u64, again: Option<u64> },
    /// The run is dropped, as by SIGKILL, once so many bytes have moved.
    Drop { bytes: u64, again: Option<u64> },
}

impl Cut {
    /// After so many bytes the rerun is dropped, too.
    pub fn again(self) -> Option<u64> {
        match self {
            Self::Close { again, .. } | Self::Late { again, .. } | Self::Drop { again, .. } => again,
        }
    }
}

/// How long an undisturbed run is.
#[derive(Debug, Clone)]
pub struct Length {
    /// Steps of the source's server and of the destination's.
    pub steps: [u64; 2],
    /// Bytes over both wires.
    pub bytes: u64,
    /// Steps of the destination's server where an APPEND is complete and not yet applied.
    pub appends: Vec<u64>,
}

/// All cuts of a run: at every step, at many bytes, some of them twice.
pub fn all(length: &Length, full: bool) -> Vec<Cut> {
    let mut cuts = Vec::new();
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides.max(1)
    };
    // Once cut, once cut and cut again; ten times as many second cuts in full.
    let rounds = if full { 12 } else { 2 };
    for round in 0..rounds {
        for (side, steps) in [(Side::Source, length.steps[0]), (Side::Destination, length.steps[1])] {
            for step in 1..=steps {
                // In the short tier every third point is cut again.
                if round == 0 || full || step % 3 == 0 {
                    let again = (round > 0).then(|| roll(length.bytes) + 1);
                    cuts.push(Cut::Close { side, step, again });
                }
            }
        }
        for step in &length.appends {
            for after in [40, 300, 900] {
                let again = (round > 0).then(|| roll(length.bytes) + 1);
                cuts.push(Cut::Late { side: Side::Destination, step: *step, after, again });
            }
        }
        let drops = if full { 400 } else { 90 };
        for n in 0..drops {
            let again = (round > 0).then(|| roll(length.bytes) + 1);
            // Evenly spread, each round at other bytes.
            let bytes = (length.bytes * n + roll(length.bytes)) / drops + 1;
            cuts.push(Cut::Drop { bytes, again });
        }
    }
    cuts
}
