//! What each program adds to the one before it. That difference is the lesson.

use similar::TextDiff;

use crate::anchors::Anchors;
use crate::includes::Include;
use crate::none;
use crate::repository::{programs, read};
use crate::snapshot::snapshot;

/// One for each program but the first.
const DIFFERENCES: [&str; 4] = [
    "ch01-difference",
    "ch02-difference",
    "ch03-difference",
    "ch04-difference",
];

fn pairs() -> Vec<(&'static str, String, String)> {
    let programs = programs();
    let names: Vec<_> = programs[1..]
        .iter()
        .map(|program| format!("{}-difference", &program[..4]))
        .collect();
    assert_eq!(names, DIFFERENCES, "a difference for each program");
    let before = programs.iter().cloned();
    let after = programs[1..].iter().cloned();
    let pairs = before.zip(after).zip(DIFFERENCES);
    pairs
        .map(|((before, after), name)| (name, before, after))
        .collect()
}

/// A program as the book shows it: without the marks that are there for the book.
fn program(name: &str) -> String {
    let text = read(format!("src/bin/{name}.rs"));
    Anchors::of(&text).text()
}

#[test]
fn the_differences_in_the_book_are_those_between_the_programs() {
    for (name, before, after) in pairs() {
        let (old, new) = (program(&before), program(&after));
        let difference = TextDiff::from_lines(&old, &new)
            .unified_diff()
            .context_radius(3)
            .header(
                &format!("src/bin/{before}.rs"),
                &format!("src/bin/{after}.rs"),
            )
            .to_string();
        snapshot(name, &difference);
    }
}

#[test]
fn every_difference_has_its_page() {
    let includes = Include::of_book();
    let mut problems = Vec::new();
    for (name, ..) in pairs() {
        let page = format!("book/src/{name}.md:");
        let wanted = format!("tests/snapshots/{name}.snap");
        let shown = includes.iter().any(|include| {
            include.place.starts_with(&page)
                && include
                    .path
                    .as_ref()
                    .is_some_and(|path| path.ends_with(&wanted))
        });
        if !shown {
            problems.push(format!("{page} it does not include {wanted}"));
        }
    }
    none(problems);
}
