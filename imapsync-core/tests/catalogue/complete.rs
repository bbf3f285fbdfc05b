//! Every case of the catalogue has a test, or a reason why it has none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// How many cases the catalogue has.
const CASES: u16 = 116;

/// Cases that this program cannot come to.
const NOT_APPLICABLE: &[(u16, &str)] =
    &[(114, "there is no JSON report: what a program is to read is `Report`, and the exit status")];

/// The numbers of the functions `case_NNN_…` under a directory, and where each stands.
fn cases(directory: &Path, found: &mut BTreeMap<u16, Vec<String>>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            cases(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for (_, rest) in text.split("fn case_").skip(1).map(|rest| rest.split_at(0)) {
                if let Some(number) = rest.get(..3).and_then(|digits| digits.parse().ok()) {
                    found.entry(number).or_default().push(path.display().to_string());
                }
            }
        }
    }
}

#[test]
fn every_case_has_a_test_or_a_reason() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    for tests in [core.join("tests"), core.join("../imapsync-cli/tests")] {
        cases(&tests, &mut found);
    }
    let reasons: BTreeSet<u16> = NOT_APPLICABLE.iter().map(|(number, _)| *number).collect();
    let missing: Vec<u16> =
        (1..=CASES).filter(|number| !found.contains_key(number) && !reasons.contains(number)).collect();
    assert_eq!(missing, Vec::<u16>::new(), "cases with neither a test nor a reason");
    let both: Vec<&u16> = reasons.iter().filter(|number| found.contains_key(number)).collect();
    assert!(both.is_empty(), "cases with a test and a reason for none: {both:?}");
    assert!(
        found.keys().all(|number| (1..=CASES).contains(number)),
        "cases that the catalogue does not have"
    );
}
