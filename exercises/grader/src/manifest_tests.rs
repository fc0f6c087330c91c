use super::*;
use crate::mirror::write_changed;

const TEST: &str = "fn main() {}";

const GOOD: &str = r#"
[[exercise]]
id = "ch01-build-it"
chapter = "01-first"
title = "It"
points = 3
minutes = 10
kind = "build"
needs = ["namespaces"]
write = ["it"]
[exercise.checks]
one = 1
two = 2
"#;

/// A workspace with one chapter and one exercise, and what loading it says.
fn load(text: &str) -> Result<Manifest> {
    load_with(text, TEST)
}

fn load_with(text: &str, test: &str) -> Result<Manifest> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("exercises");
    for (path, content) in [
        ("exercises/exercises.toml", text),
        (
            "exercises/ch01-build-it/Cargo.toml",
            "[lib]\nname = \"first\"\n",
        ),
        ("exercises/ch01-build-it/tests/it.rs", test),
        (
            "chapters/01-first/src/lib.rs",
            "pub const N: u32 = 1;\npub fn it() {}\n",
        ),
    ] {
        write_changed(&folder.path().join(path), content.as_bytes()).unwrap();
    }
    Manifest::load(&root)
}

fn refused(from: &str, to: &str) -> String {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "{from} is not there");
    format!("{:#}", load(&text).err().expect("an error"))
}

#[test]
fn a_right_manifest_is_loaded() {
    let manifest = load(GOOD).unwrap();
    assert_eq!(manifest.select(&[]).unwrap().len(), 1);
}

#[test]
fn an_unknown_chapter_is_named_with_those_there_are() {
    let error = refused("01-first", "99-last");
    assert!(error.contains("ch01-build-it"), "{error}");
    assert!(
        error.contains("\"99-last\"; there are: 01-first"),
        "{error}"
    );
}

#[test]
fn a_missing_function_is_named_with_those_there_are() {
    let error = refused("[\"it\"]", "[\"that\"]");
    assert!(
        error.contains("there is no that; there are: N, it"),
        "{error}"
    );
}

#[test]
fn a_constant_cannot_say_todo() {
    let error = refused("[\"it\"]", "[\"N\"]");
    assert!(error.contains("N is a constant"), "{error}");
}

#[test]
fn points_are_the_sum_of_the_checks() {
    let error = refused("points = 3", "points = 4");
    assert!(error.contains("4 points, but its checks give 3"), "{error}");
}

#[test]
fn an_exercise_without_a_package_is_an_error() {
    let error = refused("ch01-build-it", "ch01-build-that");
    assert!(error.contains("there is no package"), "{error}");
}

#[test]
fn an_id_is_no_path() {
    let error = refused("ch01-build-it", "ch01/../../etc");
    assert!(error.contains("an id is"), "{error}");
}

#[test]
fn an_unknown_field_is_an_error() {
    let error = refused("minutes", "minuets");
    assert!(error.contains("minuets"), "{error}");
}

#[test]
fn an_id_that_is_there_twice_is_an_error() {
    let error = load(&GOOD.repeat(2)).err().expect("an error").to_string();
    assert!(error.contains("there twice"), "{error}");
}

#[test]
fn an_unknown_exercise_is_named_with_those_there_are() {
    let error = load(GOOD).unwrap().select(&["ch09".into()]).unwrap_err();
    assert!(error.to_string().contains("there are: ch01-build-it"));
}

#[test]
fn a_test_must_not_link_the_crate_that_it_judges() {
    for test in ["use first::it;\nfn main() {}", "fn main() { first::it() }"] {
        let error = load_with(GOOD, test).err().expect("an error");
        let text = format!("{error:#}");
        assert!(text.contains("which it judges"), "{text}");
    }
}
