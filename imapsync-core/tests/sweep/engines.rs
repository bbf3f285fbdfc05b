//! Engines that are broken on purpose: the sweep must fail with each of them, or it would prove nothing. (Those that need
//! a server which misbehaves for good are caught by `tests/engine/breaking.rs`.)

use crate::cut::{self, Cut, Kind, What};
use crate::{play, say, table};
use imapsync_core::sync::broken::{self, Broken};

/// An engine, and where its fault shows: in which scenario, under what kind of disturbance.
type Shows = (Broken, &'static str, fn(&What) -> bool);

const SHOWS: [Shows; 14] = [
    (Broken::ResendsWithoutLooking, "first copy", |what| is(what, Kind::Close)),
    (Broken::LooksTooEarly, "first copy", |what| matches!(what, What::At { act: Kind::Late(_), .. })),
    (Broken::CallsLostCopied, "first copy", |what| is(what, Kind::Close)),
    (Broken::DeletesUnacknowledged, "delete1", |what| is(what, Kind::No) || is(what, Kind::Close)),
    (Broken::DeletesDespiteFailures, "delete2", |what| is(what, Kind::No) || is(what, Kind::Bad)),
    (Broken::TrustsShortListing, "delete2", |what| is(what, Kind::Short)),
    (Broken::KeepsUidsOfAnotherFolder, "delete1", |what| is(what, Kind::Renumbered)),
    (Broken::WritesBehindFailedSelect, "delete2", |what| is(what, Kind::No)),
    (Broken::StoresHalfMessage, "large messages", |what| is(what, Kind::Close)),
    (Broken::StoresEmptyMessage, "first copy", |what| is(what, Kind::Empty)),
    (Broken::ExpungesAll, "delete1", |what| is(what, Kind::Delivery)),
    (Broken::MatchesBySize, "incremental", |_| true),
    (Broken::CollapsesTwins, "first copy", |_| true),
    (Broken::CarriesOwnMark, "noexpunge1", |_| true),
];

fn is(what: &What, kind: Kind) -> bool {
    matches!(what, What::At { act, .. } if *act == kind)
}

/// Where an engine that is broken in this way is caught, and how many points were played until then.
fn caught(broken: Broken, scenario: &str, shows: fn(&What) -> bool) -> Result<(usize, String), String> {
    let scenario = table::ALL.iter().find(|one| one.name == scenario).expect("a scenario of the table");
    let length = play::undisturbed(scenario)?;
    let guard = broken::set(broken);
    if let Err(why) = play::undisturbed(scenario) {
        return Ok((0, why));
    }
    let cuts: Vec<Cut> = cut::all(&length, table::expunges(scenario), true);
    let cuts = cuts.into_iter().filter(|cut| cut.again.is_none() && shows(&cut.what));
    for (n, cut) in cuts.enumerate() {
        if let Err(why) = play::guarded(scenario, cut, None) {
            drop(guard);
            // It is the engine that fails there, not the test.
            play::guarded(scenario, cut, None)?;
            return Ok((n + 1, format!("{:?}: {why}", cut.what)));
        }
    }
    Err("it was not caught".to_owned())
}

#[test]
fn every_broken_engine_is_caught() {
    let mut escaped = Vec::new();
    for (broken, scenario, shows) in SHOWS {
        match caught(broken, scenario, shows) {
            Ok((points, why)) => {
                let why: String = why.chars().take(110).collect();
                say(&format!("broken {broken:?}: caught at point {points} of {scenario}: {why}"));
            }
            Err(why) => escaped.push(format!("{broken:?}: {why}")),
        }
    }
    assert!(escaped.is_empty(), "{escaped:?}");
}
