//! Each promise of docs/trust.md has a test.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The names of the functions in all Rust files below `folder`.
fn functions(folder: &Path, names: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let starts = text.lines().filter_map(|line| line.trim_start().strip_prefix("fn "));
            names.extend(starts.filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
        }
    }
}

#[test]
fn every_promise_names_a_test_that_is_there() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut names = HashSet::new();
    functions(&root.join("crates"), &mut names);
    let text = fs::read_to_string(root.join("docs/trust.md")).unwrap();
    let mut named = 0;
    // Tests stand in the last column, in backticks.
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let column = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in column.split('`').skip(1).step_by(2) {
            assert!(names.contains(name), "docs/trust.md names the test {name}, which is not there");
            named += 1;
        }
    }
    assert!(named > 30, "only {named} tests are named");
}
