//! `{{#include …}}`: mdBook prints nothing for one that leads nowhere, and does not warn.

use std::path::PathBuf;
use std::sync::LazyLock;

use regex::Regex;

use crate::anchors::Anchors;
use crate::none;
use crate::page::{Page, pattern};
use crate::repository::{at, read, resolve};

pub struct Include {
    /// Where it stands, for a message.
    pub place: String,
    /// From the root of the repository; none where it leads out of it.
    pub path: Option<PathBuf>,
    /// What follows the path after a colon: an anchor's name, or lines as `4:` or `2:9`.
    pub part: Option<String>,
}

/// A line that is an include and nothing else.
pub static INCLUDE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\{\{#include ([^:{}\s]+)(?::([^{}\s]*))?\}\}$"));

/// A snapshot's header has three lines.
const AFTER_HEADER: &str = "4:";

impl Include {
    pub fn of(page: &Page) -> Vec<Self> {
        let lines = page.text.lines().enumerate();
        lines
            .filter_map(|(n, line)| Some((n, INCLUDE.captures(line.trim())?)))
            .map(|(n, found)| Self {
                place: page.place(n + 1),
                path: resolve(&page.path, &found[1]),
                part: found.get(2).map(|part| part.as_str().to_owned()),
            })
            .collect()
    }

    pub fn of_book() -> Vec<Self> {
        let includes: Vec<_> = Page::of_book().iter().flat_map(Self::of).collect();
        assert!(!includes.is_empty(), "the book includes something");
        includes
    }

    /// Whether the part is the name of an anchor.
    pub fn anchor(&self) -> Option<&str> {
        self.part
            .as_deref()
            .filter(|part| !part.starts_with(|c: char| c.is_ascii_digit() || c == ':'))
    }

    fn problem(&self) -> Option<String> {
        let Some(path) = &self.path else {
            return Some("leads out of the repository".into());
        };
        if !at(path).is_file() {
            return Some(format!("{} is no file", path.display()));
        }
        let text = read(path);
        if path.extension().is_some_and(|end| end == "snap") {
            return snapshot_problem(self.part.as_deref(), &text);
        }
        match (&self.part, self.anchor()) {
            (None, _) => text.trim().is_empty().then(|| "the file is empty".into()),
            (_, Some(anchor)) => Anchors::of(&text).problem_with(anchor),
            (Some(lines), _) => lines_problem(lines, &text),
        }
    }
}

fn snapshot_problem(part: Option<&str>, text: &str) -> Option<String> {
    let Some(part) = part.filter(|part| part.starts_with(AFTER_HEADER)) else {
        return Some("a snapshot is included from its line 4 on: `:4:`".into());
    };
    let lines: Vec<_> = text.lines().collect();
    let header = matches!(lines[..], ["---", source, "---", ..] if source.starts_with("source: "));
    if !header {
        return Some("the snapshot's header is not its first three lines".into());
    }
    lines_problem(part, text)
}

/// Lines as mdBook counts them: `5`, `2:9`, `4:`, `:9`.
fn lines_problem(part: &str, text: &str) -> Option<String> {
    let (first, last) = part.split_once(':').unwrap_or((part, part));
    let parse = |number: &str, missing| match number {
        "" => Some(missing),
        _ => number.parse().ok(),
    };
    let count = text.lines().count();
    let (Some(first), Some(last)) = (parse(first, 1), parse(last, count)) else {
        return Some(format!("{part:?} names no lines"));
    };
    if first < 1 || first > last || last > count {
        return Some(format!("the file has {count} lines, not lines {part}"));
    }
    let mut lines = text.lines().skip(first - 1).take(last + 1 - first);
    lines
        .all(|line| line.trim().is_empty())
        .then(|| format!("lines {part} are empty"))
}

#[test]
fn every_include_leads_to_something() {
    none(
        Include::of_book()
            .iter()
            .filter_map(|include| Some(format!("{}: {}", include.place, include.problem()?)))
            .collect(),
    );
}

/// The other commands of mdBook's would go unchecked: `rustdoc_include`, `playground`, `title`.
#[test]
fn every_command_of_mdbooks_is_an_include_on_a_line_of_its_own() {
    let mut problems = Vec::new();
    for page in Page::of_book() {
        for (n, line) in page.text.lines().enumerate() {
            if line.contains("{{") && !INCLUDE.is_match(line.trim()) {
                problems.push(format!("{}: {line}", page.place(n + 1)));
            }
        }
    }
    none(problems);
}

#[test]
fn lines_that_are_not_there_are_noticed() {
    let text = "one\n\n\nfour\n";
    for good in ["1", "4", "1:4", "2:", ":1", "3:4"] {
        assert_eq!(lines_problem(good, text), None, "{good}");
    }
    for bad in ["0", "5", "2", "2:3", "4:3", "1:5", "x:", "9:"] {
        assert!(lines_problem(bad, text).is_some(), "{bad}");
    }
}
