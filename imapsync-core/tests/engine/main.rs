//! Holds the engine to its promises (nothing lost, nothing doubled, nothing wrongly deleted, no hang) against servers
//! that misbehave. Time is virtual: a test that waits for minutes takes none.
#![allow(missing_docs, unreachable_pub)]
#![cfg(feature = "client")]

mod appending;
mod breaking;
mod compressing;
mod connecting;
mod damaged;
mod deleting;
mod doubting;
mod ending;
mod folders;
mod grouping;
mod intending;
mod opening;
mod pacing;
mod reading;
mod remembering;
mod repeating;
mod simulated;
mod transforming;
mod waiting;
mod world;
