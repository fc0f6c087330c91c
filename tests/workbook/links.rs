//! Links lead somewhere. Those to other machines are not followed: where they may lead is a list.

use std::path::Path;

use crate::none;
use crate::page::Page;
use crate::repository::{at, resolve};

/// What the book may lean on: manuals and specifications.
const ELSEWHERE: [&str; 6] = [
    "https://man7.org/",
    "https://docs.kernel.org/",
    "https://doc.rust-lang.org/",
    "https://github.com/opencontainers/runtime-spec",
    "https://github.com/opencontainers/image-spec",
    "https://github.com/opencontainers/distribution-spec",
];

const BOOK: &str = "book/src";

fn problem(page: &Page, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        let known = ELSEWHERE.iter().any(|start| {
            let rest = target.strip_prefix(start);
            rest.is_some_and(|rest| {
                start.ends_with('/') || rest.is_empty() || rest.starts_with('/')
            })
        });
        return (!known).then(|| "leads to a place that is not on the list".into());
    }
    let (path, fragment) = match target.split_once('#') {
        Some((path, fragment)) => (path, Some(fragment)),
        None => (target, None),
    };
    let Some(file) = (if path.is_empty() {
        Some(page.path.clone())
    } else {
        resolve(&page.path, path)
    }) else {
        return Some("leads out of the repository".into());
    };
    if !at(&file).exists() {
        return Some("leads to nothing".into());
    }
    // mdBook copies what is below its src, and that alone.
    if page.path.starts_with(BOOK) && !(file.starts_with(BOOK) && at(&file).is_file()) {
        return Some("leads out of the book".into());
    }
    fragment.and_then(|fragment| fragment_problem(&file, fragment))
}

fn fragment_problem(file: &Path, fragment: &str) -> Option<String> {
    if file.extension().is_none_or(|kind| kind != "md") {
        return Some("a file that is no page has no fragments".into());
    }
    let known = Page::read(file).ids().iter().any(|id| id == fragment);
    (!known).then(|| "leads to a heading that is not there".into())
}

fn problems(pages: &[Page]) -> Vec<String> {
    let mut problems = Vec::new();
    for page in pages {
        problems.extend(page.undefined_labels());
        for link in page.links() {
            if let Some(problem) = problem(page, &link.target) {
                problems.push(format!(
                    "{}: {}: {problem}",
                    page.place(link.line),
                    link.target
                ));
            }
        }
    }
    problems
}

#[test]
fn every_link_in_the_book_leads_somewhere() {
    none(problems(&Page::of_book()));
}

#[test]
fn every_link_beside_the_code_leads_somewhere() {
    none(problems(&Page::of_repository()));
}

#[test]
fn a_link_to_nowhere_is_noticed() {
    let page = |text: &str| Page {
        path: "README.md".into(),
        text: text.into(),
    };
    for good in [
        "[x](Cargo.toml) ![x](src/bin) [x](#here)",
        "<https://man7.org/linux/man-pages/man2/mount.2.html>",
        "[x](https://github.com/opencontainers/runtime-spec/blob/main/config.md)",
        "[x]: not a link, and [y] is none either",
    ] {
        let page = page(good);
        let found: Vec<_> = page
            .links()
            .iter()
            .map(|link| link.target.clone())
            .collect();
        let own = found.iter().filter(|target| *target != "#here");
        assert!(
            own.filter_map(|target| problem(&page, target))
                .next()
                .is_none(),
            "{good}"
        );
        assert!(page.undefined_labels().is_empty(), "{good}");
    }
    for bad in [
        "[x](nope.md)",
        "![x](nope.svg)",
        "[x](../outside)",
        "[x](Cargo.toml#here)",
        "<img src=\"nope.png\">",
        "[x](http://man7.org/)",
        "[x](https://example.com/)",
        "[x](https://github.com/opencontainers/runtime-spec-of-mine)",
        "[x][nope]",
    ] {
        assert!(!problems(&[page(bad)]).is_empty(), "{bad}");
    }
}
