//! The pictures, which are drawn into the page.

use crate::none;
use crate::repository::{files_ending, read};

#[test]
fn every_picture_says_in_words_what_it_shows() {
    let mut problems = Vec::new();
    for picture in files_ending("book/src", ".svg") {
        let text = read(&picture);
        for element in ["title", "desc"] {
            let words = text
                .split_once(&format!("<{element}>"))
                .and_then(|(_, rest)| rest.split_once(&format!("</{element}>")));
            if words.is_none_or(|(words, _)| words.trim().is_empty()) {
                problems.push(format!("{} has no <{element}>", picture.display()));
            }
        }
    }
    none(problems);
}

/// CommonMark: an empty line ends a block of HTML, and what follows is prose.
#[test]
fn no_picture_has_an_empty_line() {
    let mut problems = Vec::new();
    for picture in files_ending("book/src", ".svg") {
        let text = read(&picture);
        if !text.starts_with("<svg") || text.trim_end().lines().any(|line| line.trim().is_empty()) {
            problems.push(picture.display().to_string());
        }
    }
    none(problems);
}

#[test]
fn every_picture_is_in_the_book() {
    let pages: Vec<_> = files_ending("book/src", ".md").iter().map(read).collect();
    let mut problems = Vec::new();
    for picture in files_ending("book/src", ".svg") {
        let name = picture.file_name().unwrap_or_default().to_string_lossy();
        if !pages.iter().any(|page| page.contains(&*name)) {
            problems.push(picture.display().to_string());
        }
    }
    none(problems);
}
