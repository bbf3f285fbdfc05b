//! The limits that the user sets: bytes and messages in a second, bytes in all.

use crate::world::*;
use imapsync_core::{ErrorKind, Pace, SyncOptions};
use std::num::NonZeroU64;

#[tokio::test(start_paused = true)]
async fn the_limits_of_speed_hold_for_all_connections_together() {
    for connections in [1, 4] {
        let world = shared_world(GROUPS, 200);
        world.source.mail().folder("INBOX").add(large(1, 3_000_000), &[]);
        let bytes: usize =
            FOLDERS.iter().flat_map(|folder| world.source.bodies(folder)).map(|body| body.len()).sum();
        let pace = Pace { bytes_per_second: NonZeroU64::new(100_000), ..Pace::default() };
        let started = tokio::time::Instant::now();
        let report = world.run(SyncOptions { pace, ..with(connections) }).await;
        assert!(report.is_success(), "{:?}", report.errors);
        let (took, due) = (started.elapsed().as_secs_f64(), bytes as f64 / 100_000.0);
        assert!((due - 0.3..due * 1.02 + 0.2).contains(&took), "{took} s for {due} s");

        let world = shared_world(MODERN, 40);
        let pace = Pace { messages_per_second: Some(10.0), ..Pace::default() };
        let started = tokio::time::Instant::now();
        assert!(world.run(SyncOptions { pace, ..with(connections) }).await.is_success());
        let took = started.elapsed().as_secs_f64();
        assert!((19.5..20.8).contains(&took), "{took} s for 200 messages, 10 a second");
    }
}

#[tokio::test(start_paused = true)]
async fn the_run_stops_before_more_bytes_are_copied_than_allowed_and_the_next_goes_on() {
    for connections in [1, 3] {
        let world = shared_world(GROUPS, 200);
        let size: usize =
            FOLDERS.iter().flat_map(|folder| world.source.bodies(folder)).map(|body| body.len()).sum();
        let most = size as u64 / 2;
        let mut copied = 0;
        for run in 0..2 {
            let pace = Pace { stop_over: Some(most + 500), ..Pace::default() };
            let report = world.run(SyncOptions { pace, ..with(connections) }).await;
            assert!(report.tally.bytes.copied <= most + 500, "{}", report.tally.bytes.copied);
            copied += report.tally.bytes.copied;
            if run == 0 {
                assert_eq!(report.stopped.map(|error| error.kind()), Some(ErrorKind::TransferLimit));
                assert!(copied + 600 > most, "{copied} of {most}");
            } else {
                assert!(report.is_success(), "{:?} {:?}", report.errors, report.stopped);
            }
        }
        assert_eq!(copied, size as u64);
    }
}
