//! Snapshots: each is held by a test, and none is waiting to be accepted.

use crate::none;
use crate::repository::{files, files_ending, read};

#[test]
fn every_snapshot_is_held_by_a_test() {
    let tests: Vec<_> = files_ending("tests", ".rs").iter().map(read).collect();
    let mut problems = Vec::new();
    for snapshot in files("tests/snapshots") {
        let name = snapshot.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = name.strip_suffix(".snap") else {
            problems.push(format!("{} is no accepted snapshot", snapshot.display()));
            continue;
        };
        let literal = format!("\"{name}\"");
        if !tests.iter().any(|test| test.contains(&literal)) {
            problems.push(format!("no test names {literal}"));
        }
    }
    none(problems);
}

#[test]
fn no_snapshot_waits_to_be_accepted() {
    let mut waiting = files_ending("", ".snap.new");
    waiting.extend(files_ending("", ".pending-snap"));
    none(
        waiting
            .iter()
            .map(|file| file.display().to_string())
            .collect(),
    );
}
