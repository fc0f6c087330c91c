//! `// ANCHOR: name` … `// ANCHOR_END: name`: the parts of the code that the book shows.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;

use regex::Regex;

use crate::includes::Include;
use crate::none;
use crate::page::pattern;
use crate::repository::{files, read};

// mdBook's own patterns.
static BEGIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"ANCHOR:\s*([\w_-]+)"));
static END: LazyLock<Regex> = LazyLock::new(|| pattern(r"ANCHOR_END:\s*([\w_-]+)"));

/// The lines of a file, each with what it means for the anchors.
pub struct Anchors<'a>(Vec<(Mark<'a>, &'a str)>);

#[derive(PartialEq)]
enum Mark<'a> {
    Begin(&'a str),
    End(&'a str),
    Text,
}

impl<'a> Anchors<'a> {
    pub fn of(text: &'a str) -> Self {
        let name = |pattern: &Regex, line: &'a str| {
            Some(pattern.captures(line)?.get(1)?.as_str()).filter(|name| !name.is_empty())
        };
        let mark = |line| match (name(&BEGIN, line), name(&END, line)) {
            (Some(name), _) => Mark::Begin(name),
            (_, Some(name)) => Mark::End(name),
            _ => Mark::Text,
        };
        Self(text.lines().map(|line| (mark(line), line)).collect())
    }

    pub fn names(&self) -> BTreeSet<&'a str> {
        let names = self.0.iter().filter_map(|(mark, _)| match mark {
            Mark::Begin(name) | Mark::End(name) => Some(*name),
            Mark::Text => None,
        });
        names.collect()
    }

    /// The lines that are no marks.
    pub fn text(&self) -> String {
        let lines = self.0.iter().filter(|(mark, _)| *mark == Mark::Text);
        lines.flat_map(|(_, line)| [*line, "\n"]).collect()
    }

    /// Opened once, closed once, in that order, and not empty.
    pub fn problem_with(&self, name: &str) -> Option<String> {
        let places = |wanted: Mark| -> Vec<usize> {
            let lines = self.0.iter().enumerate();
            lines
                .filter(|(_, (mark, _))| *mark == wanted)
                .map(|(n, _)| n)
                .collect()
        };
        match (&places(Mark::Begin(name))[..], &places(Mark::End(name))[..]) {
            ([], []) => Some(format!("the file has no anchor {name:?}")),
            ([begin], [end]) if begin < end => self.0[begin + 1..*end]
                .iter()
                .all(|(mark, line)| *mark != Mark::Text || line.trim().is_empty())
                .then(|| format!("the anchor {name:?} is empty")),
            ([_], [_]) => Some(format!("the anchor {name:?} is closed before it is opened")),
            (begins, ends) => Some(format!(
                "the anchor {name:?} is opened {} times and closed {} times",
                begins.len(),
                ends.len()
            )),
        }
    }
}

/// Where anchors may stand: all but the book itself, this test, and the
/// exercises, whose grader reads and drops the anchors of chapters.
fn code() -> impl Iterator<Item = PathBuf> {
    let kinds = ["rs", "toml", "sh", "yml", "yaml", "json", "c", "run"];
    files("").into_iter().filter(move |path| {
        let kind = path.extension().unwrap_or(path.as_os_str());
        let apart = ["tests/workbook", "exercises"]
            .iter()
            .any(|apart| path.starts_with(apart));
        !apart && kinds.iter().any(|known| kind == *known)
    })
}

#[test]
fn every_anchor_in_the_code_is_shown_in_the_book() {
    let includes = Include::of_book();
    let shown: BTreeSet<_> = includes
        .iter()
        .filter_map(|include| Some((include.path.as_ref()?, include.anchor()?)))
        .collect();
    let mut problems = Vec::new();
    for path in code() {
        let text = read(&path);
        for name in Anchors::of(&text).names() {
            if !shown.contains(&(&path, name)) {
                problems.push(format!("{}: {name}", path.display()));
            }
        }
    }
    none(problems);
}

#[test]
fn a_broken_anchor_is_noticed() {
    let problem = |text: &str| Anchors::of(text).problem_with("x");
    assert_eq!(problem("// ANCHOR: x\ncode\n// ANCHOR_END: x\n"), None);
    let nested = "// ANCHOR: x\n// ANCHOR: y\n// ANCHOR_END: y\n\n// ANCHOR_END: x\n";
    assert!(problem(nested).is_some_and(|problem| problem.contains("empty")));
    for bad in [
        "code\n",
        "// ANCHOR: x\ncode\n",
        "code\n// ANCHOR_END: x\n",
        "// ANCHOR_END: x\ncode\n// ANCHOR: x\n",
        "// ANCHOR: x\ncode\n// ANCHOR_END: x\n// ANCHOR: x\ncode\n// ANCHOR_END: x\n",
    ] {
        assert!(problem(bad).is_some(), "{bad}");
    }
}
