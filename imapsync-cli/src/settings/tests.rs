//! Tests of what the options mean to the engine.

use super::*;
use crate::options::parse;

fn made(arguments: &[&str]) -> Result<SyncOptions, String> {
    let arguments: Vec<_> = arguments.iter().map(|a| (*a).to_owned()).collect();
    options(&parse(&arguments).unwrap()).map_err(|refusal| refusal.text)
}

#[test]
fn what_is_deleted() {
    for (arguments, delete1, expunge1, delete2) in [
        (&[][..], Delete1::No, false, false),
        (&["--delete"], Delete1::Expunge, false, false),
        (&["--delete1"], Delete1::Expunge, false, false),
        (&["--delete1", "--noexpunge1"], Delete1::Mark, false, false),
        (&["--delete", "--expunge"], Delete1::Expunge, true, false),
        (&["--expunge1"], Delete1::No, true, false),
        (&["--noexpunge"], Delete1::No, false, false),
        (&["--delete2"], Delete1::No, false, true),
        (&["--delete1", "--delete2", "--nodelete1"], Delete1::No, false, true),
    ] {
        let options = made(arguments).unwrap();
        assert_eq!(
            (options.delete1, options.expunge1, options.delete2),
            (delete1, expunge1, delete2),
            "{arguments:?}"
        );
    }
    assert!(made(&["--delete", "--delete2"]).err().unwrap().contains("exclude each other"));
}

#[test]
fn switches_and_their_defaults() {
    let default = made(&[]).unwrap();
    let expected = SyncOptions::default();
    for (ours, theirs) in [
        (default.sync_duplicates, expected.sync_duplicates),
        (default.internal_dates, expected.internal_dates),
        (default.resync_flags, expected.resync_flags),
        (default.subscribe, expected.subscribe),
        (default.dry, expected.dry),
    ] {
        assert_eq!(ours, theirs);
    }
    let turned =
        made(&["--syncduplicates", "--nosyncinternaldate", "--noresyncflags", "--nosubscribe", "--dry"])
            .unwrap();
    assert!(turned.sync_duplicates && turned.dry);
    assert!(!turned.internal_dates && !turned.resync_flags && !turned.subscribe);
}
