//! Tests of what the options mean to the engine.

use super::*;
use crate::options::{IMAPSYNC, parse};

fn made(arguments: &[&str]) -> Result<SyncOptions, String> {
    let arguments: Vec<_> = arguments.iter().map(|a| (*a).to_owned()).collect();
    options(&parse(&IMAPSYNC, &arguments).unwrap()).map_err(|refusal| refusal.text)
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
        (default.merge_flags, expected.merge_flags),
        (default.subscribe, expected.subscribe),
        (default.dry, expected.dry),
    ] {
        assert_eq!(ours, theirs);
    }
    let turned = made(&[
        "--syncduplicates",
        "--nosyncinternaldate",
        "--noresyncflags",
        "--nosubscribe",
        "--dry",
        "--mergeflags",
    ])
    .unwrap();
    assert!(turned.sync_duplicates && turned.dry && turned.merge_flags);
    assert!(!turned.internal_dates && !turned.resync_flags && !turned.subscribe);
}

#[test]
fn connections() {
    assert_eq!(made(&[]).unwrap().connections, Connections::Auto);
    for (given, wanted) in [("1", Some(1)), ("16", Some(16)), ("0", None), ("17", None)] {
        let fixed = wanted.and_then(NonZeroUsize::new).map(Connections::Fixed);
        assert_eq!(made(&["--connections", given]).ok().map(|made| made.connections), fixed, "{given}");
    }
}

#[test]
fn limits_of_speed() {
    assert_eq!(made(&[]).unwrap().pace, Pace::default());
    let given =
        ["--maxbytespersecond=20000", "--maxbytesafter", "1000000000", "--maxmessagespersecond", "2.5"];
    let pace = made(&given).unwrap().pace;
    assert_eq!((pace.bytes_per_second, pace.bytes_after), (NonZeroU64::new(20_000), 1_000_000_000));
    assert_eq!((pace.messages_per_second, pace.longest_sleep, pace.stop_over), (Some(2.5), None, None));
    let none = made(&[&given[..], &["--maxsleep", "0", "--exitwhenover", "7"]].concat()).unwrap().pace;
    assert_eq!(none, Pace { stop_over: Some(7), ..Pace::default() });
    assert_eq!(made(&["--maxbytespersecond", "0"]).unwrap().pace, Pace::default());
    for wrong in ["--maxmessagespersecond=-1", "--maxmessagespersecond=0", "--maxbytespersecond=x"] {
        assert!(parse(&IMAPSYNC, &[wrong.to_owned()]).is_err(), "{wrong}");
    }
}

#[test]
fn folders_names_and_identity() {
    let options = made(&[
        "--folder",
        "A",
        "--folder",
        "B",
        "--folderrec=C",
        "--subscribed",
        "--include",
        "^x",
        "--exclude=(?i)spam",
        "--folderfirst",
        "A",
        "--folderlast=B",
        "--f1f2",
        "a=b=c",
        "--automap",
        "--subfolder1=s",
        "--subfolder2",
        "t",
        "--prefix1=",
        "--prefix2",
        "INBOX.",
        "--sep1=/",
        "--sep2",
        ".",
        "--regextrans2",
        "s,a,b,",
        "--nofixslash2",
        "--nofixInboxINBOX",
        "--nomixfolders",
        "--useheader",
        "Date",
        "--useheader=From",
    ])
    .unwrap();
    let selection = options.folders;
    assert_eq!((selection.folders.len(), selection.subtrees.len(), selection.subscribed), (2, 1, true));
    assert!(selection.include[0].is_match("xy") && selection.exclude[0].is_match("SPAM"));
    assert_eq!((&*selection.first[0], &*selection.last[0]), ("A", "B"));
    let mapping = options.mapping;
    assert_eq!(mapping.f1f2, [("a".to_owned(), "b=c".to_owned())]);
    assert_eq!(mapping.prefix1.as_deref(), Some(""));
    assert_eq!(mapping.prefix2.as_deref(), Some("INBOX."));
    assert_eq!((mapping.sep1.as_deref(), mapping.sep2.as_deref()), (Some("/"), Some(".")));
    assert_eq!((mapping.subfolder1.as_deref(), mapping.subfolder2.as_deref()), (Some("s"), Some("t")));
    assert_eq!(mapping.regextrans2[0].apply("aa"), "ba");
    assert!(mapping.automap && !mapping.fixslash2 && !mapping.fix_inbox && !mapping.mixfolders);
    assert_eq!(options.identity.headers, ["Date", "From"]);
    for (arguments, named) in [
        (&["--sep1", "::"][..], "--sep1"),
        (&["--f1f2", "a="], "--f1f2"),
        (&["--include", "("], "--include"),
        (&["--regextrans2", "s/a/b/e"], "--regextrans2"),
    ] {
        assert!(made(arguments).err().unwrap().contains(named), "{arguments:?}");
    }
}
