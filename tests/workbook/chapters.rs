//! Each chapter is a crate, a program and a page.

use crate::none;
use crate::repository::{at, chapters, read};

#[test]
fn every_chapter_has_a_page_and_a_program() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("Cargo.toml");
    let programs = manifest["bin"].as_array().expect("the programs");
    let mut problems = Vec::new();
    for (number, chapter) in chapters() {
        let page = format!("book/src/ch{chapter}.md");
        if !at(&page).is_file() {
            problems.push(format!("{page} is not there"));
        }
        // Most are named as their chapter is. hull-oci has the name that its callers know.
        let feature = toml::Value::from(vec![format!("ch{number:02}")]);
        let has_program = programs
            .iter()
            .any(|program| program.get("required-features") == Some(&feature));
        if !has_program {
            problems.push(format!("no program requires the feature ch{number:02}"));
        }
    }
    none(problems);
}
