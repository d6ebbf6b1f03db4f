//! Every test that `docs/open-cluster-management.md` names is there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

/// Where the tests that are named may be.
const FOLDERS: [&str; 8] = [
    "adit",
    "api",
    "apiserver",
    "registration",
    "store",
    "tests",
    "work",
    "gateway",
];

/// What the rows above rules begin with.
const HEADS: [&str; 2] = ["| Rule |", "| --- |"];
/// What is said of a rule.
const SAID: [&str; 3] = ["same", "better", "not yet"];

#[test]
fn each_rule_of_open_cluster_management_has_tests_that_are_there() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let table = fs::read_to_string(top.join("docs/open-cluster-management.md")).unwrap();
    let mut tests = BTreeSet::new();
    for folder in FOLDERS {
        for part in ["src", "tests"] {
            collect(&top.join(folder).join(part), &mut tests);
        }
    }
    let name = Regex::new("`([a-z0-9]+(?:_[a-z0-9]+){3,})`").unwrap();
    let named = name.captures_iter(&table).map(|found| found[1].to_owned());
    let missing: Vec<String> = named.filter(|name| !tests.contains(name)).collect();
    assert_eq!(missing, [""; 0], "the table names what is no test");

    let rows = table.lines().filter(|line| line.starts_with("| "));
    for row in rows.filter(|row| !HEADS.iter().any(|head| row.starts_with(head))) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, adit, tests] = *cells else {
            panic!("a row has three cells: {row}");
        };
        assert!(SAID.iter().any(|said| adit.starts_with(said)), "{row}");
        let known = name.is_match(tests) || adit.starts_with("not yet");
        assert!(known, "without a test it is not known: {row}");
    }
}

/// Adds the names of all tests in the files below a folder.
fn collect(folder: &Path, tests: &mut BTreeSet<String>) {
    let test = Regex::new(
        r"(?m)^\s*#\[(?:tokio::)?test\b[^\n]*\n(?:\s*#\[[^\n]*\n)*\s*(?:async )?fn ([a-z0-9_]+)",
    )
    .unwrap();
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, tests);
        } else if path.extension().is_some_and(|of| of == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            tests.extend(test.captures_iter(&text).map(|found| found[1].to_owned()));
        }
    }
}
