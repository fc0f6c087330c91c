use super::*;

const LIB: &str = r#"//! A crate.

mod a;

/// How many.
// ANCHOR: many
pub const MANY: Flags = Flags::A
    .union(Flags::B);
// ANCHOR_END: many

// A comment that stays.
pub fn free<T: Into<String>>(of: T) -> Result<()>
where
    T: Clone,
{
    let text: String = of.into(); // a brace in a comment: }
    drop("and in a string: {");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_is_free() {}
}
"#;

const A: &str = r#"//! A module.

/// A generic type.
pub struct Pair<'a, T>(&'a T, T);

impl<'a, T: Clone> Pair<'a, T> {
    /// Its documentation.
    ///
    /// # Errors
    /// Never.
    // ANCHOR: first
    pub fn first(&self) -> &T {
        self.0
    }
    // ANCHOR_END: first

    fn second(&self) -> &T {
        &self.1
    }
}

impl<T> Drop for Pair<'_, T> {
    fn drop(&mut self) {
        println!("dropped");
    }
}

mod inner {
    pub(super) fn deep() -> u32 {
        7
    }
}

trait Provides {
    fn asked(&self);
    fn provided(&self) -> u32 {
        1
    }
}
"#;

fn sample() -> Crate {
    Crate::of(Files::from([
        ("lib.rs".into(), LIB.to_owned()),
        ("a.rs".into(), A.to_owned()),
    ]))
    .unwrap()
}

fn bodies(list: &[(&str, &str)]) -> Bodies {
    let pairs = list.iter();
    pairs
        .map(|(path, body)| (path.to_string(), body.to_string()))
        .collect()
}

/// The file `name` of the starter in which these are to be written.
fn starter(name: &str, paths: &[&str]) -> String {
    let todo: Vec<_> = paths.iter().map(|path| (*path, TODO)).collect();
    sample().starter(&bodies(&todo)).unwrap()[Path::new(name)].clone()
}

#[test]
fn a_free_function_keeps_its_signature_and_loses_its_body() {
    let text = starter("lib.rs", &["free"]);
    let expected = "// A comment that stays.\npub fn free<T: Into<String>>(of: T) -> Result<()>\nwhere\n    T: Clone,\n{\n    todo!()\n}\n";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn a_method_is_found_behind_generics_and_keeps_its_documentation() {
    let text = starter("a.rs", &["a::Pair::first"]);
    let expected = "    /// Its documentation.\n    ///\n    /// # Errors\n    /// Never.\n    pub fn first(&self) -> &T {\n        todo!()\n    }\n\n    fn second(&self) -> &T {\n        &self.1\n    }\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn methods_of_a_trait_are_named_with_it() {
    let text = starter("a.rs", &["a::<Pair as Drop>::drop"]);
    assert!(text.contains("fn drop(&mut self) {\n        todo!()\n    }"));
    let text = starter("a.rs", &["a::Provides::provided"]);
    assert!(text.contains("fn provided(&self) -> u32 {\n        todo!()\n    }"));
}

#[test]
fn a_function_in_a_nested_module_is_found() {
    let text = starter("a.rs", &["a::inner::deep"]);
    assert!(text.contains("pub(super) fn deep() -> u32 {\n        todo!()\n    }"));
}

#[test]
fn modules_follow_their_files() {
    let file = |path: &str, name: &str| {
        let text = "fn f() {}".to_owned();
        Crate::of(Files::from([(path.into(), text)]))
            .unwrap()
            .find(name)
            .map(|_| ())
    };
    assert!(file("b/mod.rs", "b::f").is_ok());
    assert!(file("b/c.rs", "b::c::f").is_ok());
    assert!(file("b/c.rs", "c::f").is_err());
}

#[test]
fn anchors_and_tests_are_dropped_and_other_comments_kept() {
    let text = starter("lib.rs", &["free"]);
    assert!(!text.contains("ANCHOR"));
    assert!(!text.contains("cfg(test)") && !text.contains("free_is_free"));
    assert!(text.contains("// A comment that stays."));
}

#[test]
fn a_constant_gets_its_stand_in() {
    let files = sample().starter(&bodies(&[("MANY", "Flags::empty()")]));
    let text = &files.unwrap()[Path::new("lib.rs")];
    assert!(text.contains("/// How many.\npub const MANY: Flags = Flags::empty();\n"));
}

#[test]
fn only_the_root_of_a_starter_allows_what_is_unused() {
    assert!(starter("lib.rs", &["free"]).starts_with("//! A crate.\n\n// For the starter"));
    assert!(!starter("a.rs", &["free"]).contains("allow(unused)"));
    let reference = sample().with(&Bodies::new()).unwrap();
    assert!(!reference[Path::new("lib.rs")].contains("allow(unused)"));
}

#[test]
fn a_body_of_several_lines_is_indented() {
    let files = sample().with(&bodies(&[("a::Pair::first", "let x = 1;\n\nx")]));
    let text = &files.unwrap()[Path::new("a.rs")];
    assert!(
        text.contains("first(&self) -> &T {\n        let x = 1;\n\n        x\n    }"),
        "{text}"
    );
}

#[test]
fn a_missing_function_is_an_error_that_says_what_there_is() {
    let error = sample()
        .starter(&bodies(&[("a::Pair::third", TODO)]))
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("there is no a::Pair::third"), "{text}");
    assert!(text.contains("a::Pair::first"), "{text}");
}

#[test]
fn a_name_that_is_there_twice_is_an_error() {
    let text = "#[cfg(unix)]\nfn f() {}\n#[cfg(windows)]\nfn f() {}\n".to_owned();
    assert!(Crate::of(Files::from([("lib.rs".into(), text)])).is_err());
}

#[test]
fn a_body_that_does_not_parse_is_an_error() {
    assert!(sample().with(&bodies(&[("free", "let x = ;")])).is_err());
}

#[test]
fn a_solution_takes_the_place_of_the_files_of_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let (src, solution) = (folder.path().join("src"), folder.path().join("solution"));
    for (path, text) in [
        (src.join("lib.rs"), "fn old() {}"),
        (src.join("a.rs"), "fn stays() {}"),
        (solution.join("lib.rs"), "fn new() {}"),
        (solution.join("b.rs"), "fn added() {}"),
    ] {
        crate::mirror::write_changed(&path, text.as_bytes()).unwrap();
    }
    let both = Crate::read(&src, Some(&solution)).unwrap();
    for name in ["new", "a::stays", "b::added"] {
        assert!(both.find(name).is_ok(), "{name}");
    }
    assert!(both.find("old").is_err());
}
