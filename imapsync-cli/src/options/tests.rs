//! Tests of the option table, of the manners in front of the parser, and of the help.

use super::normalise::Spellings;
use super::*;
use std::collections::BTreeSet;

fn manuals() -> Vec<&'static Manual> {
    vec![
        &IMAPSYNC,
        #[cfg(feature = "demo")]
        &DEMO,
        #[cfg(feature = "state")]
        &STATE,
    ]
}

fn line(arguments: &[&str]) -> Result<Values, UsageError> {
    parse(&IMAPSYNC, &arguments.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>())
}

#[test]
fn names_are_unique_lower_case_and_explained() {
    for manual in manuals() {
        names_of(manual);
    }
}

fn names_of(manual: &Manual) {
    let mut seen = BTreeSet::new();
    for spec in manual.table {
        for stem in std::iter::once(&spec.name).chain(spec.aliases) {
            for name in spec.spell(stem) {
                assert!(
                    name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                    "{name}"
                );
                if spec.kind == Kind::Negatable {
                    for negated in [format!("no{name}"), format!("no-{name}")] {
                        assert!(seen.insert(negated.clone()), "{negated} twice");
                    }
                }
                assert!(seen.insert(name.clone()), "{name} twice");
            }
        }
        assert!(spec.help.ends_with('.') && spec.help.len() > 10, "{}: {}", spec.name, spec.help);
        assert!(!spec.secret || spec.takes_value(), "{}", spec.name);
    }
}

#[test]
fn the_clap_command_is_sound() {
    for manual in manuals() {
        command::command(manual).debug_assert();
    }
}

#[test]
fn the_help_names_every_option() {
    for manual in manuals() {
        let help = help(manual);
        for spec in manual.table {
            for stem in std::iter::once(&spec.name).chain(spec.aliases) {
                for name in spec.spell(stem) {
                    let found = help
                        .split(|c: char| c.is_whitespace() || c == ',')
                        .any(|word| word.trim_start_matches('-').trim_start_matches("[no]") == name);
                    assert!(found, "{name} is not in the help");
                }
            }
        }
        assert!(help.lines().all(|line| line.chars().count() <= 112));
    }
}

#[test]
fn help_reads_well() {
    insta::assert_snapshot!(help(&IMAPSYNC));
}

#[cfg(feature = "demo")]
#[test]
fn the_help_of_the_demo_reads_well() {
    insta::assert_snapshot!(help(&DEMO));
}

#[cfg(feature = "state")]
#[test]
fn the_help_of_the_state_reads_well() {
    insta::assert_snapshot!(help(&STATE));
}

#[test]
fn every_option_parses_in_every_form() {
    for (manual, spec) in
        manuals().into_iter().flat_map(|manual| manual.table.iter().map(move |spec| (manual, spec)))
    {
        for name in spec.names() {
            let sample = match spec.kind {
                Kind::Switch | Kind::Negatable => None,
                Kind::One(Format::Text, _) | Kind::Many(Format::Text, _) => Some("a b"),
                Kind::One(..) | Kind::Many(..) => Some("12"),
            };
            let forms = match sample {
                None => vec![vec![format!("--{name}")], vec![format!("-{}", name.to_uppercase())]],
                Some(v) => vec![
                    vec![format!("--{name}"), v.into()],
                    vec![format!("-{name}={v}")],
                    vec![format!("--{}={v}", name.to_uppercase())],
                ],
            };
            for form in forms {
                let values = parse(manual, &form).unwrap_or_else(|e| panic!("{form:?}: {e:?}"));
                assert!(values.is_given(&name), "{form:?}");
                match spec.kind {
                    Kind::Negatable => assert_eq!(values.toggle(&name), Some(true)),
                    Kind::Switch => assert!(values.switch(&name)),
                    Kind::Many(..) => assert_eq!(values.many(&name), ["a b"]),
                    Kind::One(..) => {}
                }
            }
            if spec.kind == Kind::Negatable {
                for form in [format!("--no{name}"), format!("--no-{name}"), format!("-NO{name}")] {
                    assert_eq!(
                        parse(manual, std::slice::from_ref(&form)).unwrap().toggle(&name),
                        Some(false),
                        "{form}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_unique_beginning_means_its_option() {
    // The reference: a beginning is good when all spellings that share it mean the same thing.
    let spellings = Spellings::new(IMAPSYNC.table);
    let all: Vec<&str> = spellings.all().collect();
    for full in &all {
        for end in 1..full.len() {
            let short = &full[..end];
            let sharing = all.iter().filter(|name| name.starts_with(short)).count();
            let result = spellings.normalise(&[format!("--{short}"), "1".into()]);
            if let Err(UsageError(text)) = &result {
                assert!(!text.contains("unknown"), "--{short}: {text}");
                if sharing == 1 {
                    assert!(text.contains("left over"), "--{short}: {text}");
                }
            }
        }
    }
}

#[test]
fn abbreviations() {
    for (typed, name, wanted) in [
        ("--autom", "automap", Some(true)),
        ("--noautom", "automap", Some(false)),
        ("--no-autom", "automap", Some(false)),
        ("--syncint", "syncinternaldates", Some(true)),
        ("--delete", "delete1", Some(true)),
        ("--nodelete", "delete1", Some(false)),
        ("--noexpunge", "expunge1", Some(false)),
        ("--foldersizesa", "foldersizesatend", Some(true)),
    ] {
        assert_eq!(line(&[typed]).unwrap().toggle(name), wanted, "{typed}");
    }
    let values = line(&["--passf1", "x"]);
    assert!(values.is_err(), "an abbreviation is a beginning, not a selection of letters");
    for (typed, expected) in [
        ("--del", "ambiguous: --delete, --delete2"),
        ("--folders", "ambiguous: --foldersizes, --foldersizesatend"),
        ("--pass", "ambiguous: --passfile1, --passfile2, --password1, --password2"),
    ] {
        let UsageError(text) = line(&[typed]).unwrap_err();
        assert!(text.contains(expected), "{typed}: {text}");
    }
}

#[test]
fn refusals_are_helpful_and_keep_secrets() {
    for (arguments, expected) in [
        (&["--nosuchthing"][..], "unknown option --nosuchthing"),
        (&["--hots1", "a"], "unknown option --hots1 (did you mean --host1?)"),
        (&["--pasword1=hunter2"], "unknown option --pasword1 (did you mean --password1?)"),
        (&["--folder"], "option --folder needs a value"),
        (&["--dry=1"], "option --dry takes no value"),
        (&["--nohost1", "a"], "unknown option --nohost1"),
        (&["stray"], "argument stray is left over"),
        (&["--dry", "two words"], "argument 'two words' is left over"),
        (&["--password1", "my", "hunter2"], "an argument is left over after --password1"),
        (&["--", "--dry"], "argument --dry is left over"),
        (&["-"], "argument - is left over"),
        (&["--="], "unknown option --"),
        (&["--é"], "unknown option --é"),
        (&["--port1", "0"], "'0'"),
        (&["--port1", "70000"], "'70000'"),
        (&["--port1", "imap"], "'imap'"),
        (&["--timeout1", "-1"], "'-1'"),
        (&["--timeout", "NaN"], "'NaN'"),
    ] {
        let UsageError(text) = line(arguments).unwrap_err();
        assert!(text.contains(expected), "{arguments:?}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn values_are_taken_whatever_they_look_like() {
    let values =
        line(&["--password1", "--dry", "--prefix2", "", "--sep1=", "--f1f2", "a=b=c", "", "--"]).unwrap();
    assert_eq!(values.one::<String>("password1").as_deref(), Some("--dry"));
    assert_eq!(values.one::<String>("prefix2").as_deref(), Some(""));
    assert_eq!(values.one::<String>("sep1").as_deref(), Some(""));
    assert_eq!(values.many("f1f2"), ["a=b=c"]);
    assert_eq!(values.toggle("dry"), None);
}

#[test]
fn the_last_of_two_counts_and_lists_grow() {
    let values =
        line(&["--host1", "a", "--HOST1=b", "--dry", "--nodry", "--folder=x", "-folder", "y"]).unwrap();
    assert_eq!(values.one::<String>("host1").as_deref(), Some("b"));
    assert_eq!(values.toggle("dry"), Some(false));
    assert_eq!(values.many("folder"), ["x", "y"]);
}

#[test]
fn secrets_are_masked_in_both_forms() {
    let values = line(&["--host1", "a", "--password1", "hunter2", "--Password2=hunter2", "-passw", "x"]);
    assert!(values.is_err());
    let values =
        line(&["--host1", "a", "--password1", "hunter2", "-PASSWORD2=hunter2", "--exclude", "it's a\nb"])
            .unwrap();
    assert_eq!(values.shown, r"--host1 a --password1 *** -PASSWORD2=*** --exclude 'it'\''s a\nb'");
}

#[test]
fn a_wrapper_s_command_line_is_understood() {
    let values = line(&[
        "--nofoldersizes",
        "--no-modulesversion",
        "--noreleasecheck",
        "--tmpdir",
        "/tmp",
        "--timeout1",
        "600",
        "--exclude",
        "(?i)spam",
        "--subfolder2",
        "External/1",
        "--delete",
        "--automap",
        "--dry",
        "--passfile1",
        "/p",
        "--nofoldersizesatend",
        "--allowsizemismatch",
        "--nolog",
    ])
    .unwrap();
    assert_eq!(values.ignored.len(), 7, "{:?}", values.ignored);
    assert_eq!(values.one::<std::time::Duration>("timeout1"), Some(std::time::Duration::from_secs(600)));
}
