//! SUMMARY.md, the book's table of contents.

use std::collections::BTreeSet;

use crate::none;
use crate::page::Page;
use crate::repository::{files_ending, resolve};

const SUMMARY: &str = "book/src/SUMMARY.md";

#[test]
fn every_page_of_the_book_is_in_its_table_of_contents_once() {
    let summary = Page::read(SUMMARY);
    let pages: BTreeSet<_> = files_ending("book/src", ".md")
        .into_iter()
        .filter(|page| *page != summary.path)
        .collect();
    let mut listed = BTreeSet::new();
    let mut problems = Vec::new();
    for link in summary.links() {
        let problem = match resolve(&summary.path, &link.target) {
            None => "leads out of the book",
            Some(page) if !pages.contains(&page) => "is no page",
            Some(page) if listed.contains(&page) => "is listed twice",
            Some(page) => {
                listed.insert(page);
                continue;
            }
        };
        problems.push(format!("{:?} {problem}", link.target));
    }
    let missing = pages.difference(&listed);
    problems.extend(missing.map(|page| format!("{} is not listed", page.display())));
    none(problems);
}
