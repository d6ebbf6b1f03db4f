//! The workspace's versions are this crate's too.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What only the programs need, and this crate itself.
const OWN: [&str; 3] = ["arbitrary", "fuzz", "libfuzzer-sys"];

/// Names and versions in a lock file.
fn packages(path: &str) -> BTreeSet<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(path).unwrap();
    let packages = text.split("[[package]]").skip(1);
    let packages = packages.map(|package| (value(package, "name"), value(package, "version")));
    packages.collect()
}

fn value(package: &str, key: &str) -> String {
    let start = format!("{key} = \"");
    let line = package.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap().trim_end_matches('"').to_owned()
}

#[test]
fn what_is_fuzzed_is_what_is_built() {
    let (ours, workspace) = (packages("Cargo.lock"), packages("../Cargo.lock"));
    let others = ours.difference(&workspace);
    let others: Vec<_> = others
        .filter(|(name, _)| !OWN.contains(&name.as_str()))
        .collect();
    assert!(
        others.is_empty(),
        "not in the workspace's Cargo.lock: {others:?}; see README.md"
    );
}
