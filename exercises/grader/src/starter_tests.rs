use super::*;
use crate::mirror::write_changed;

const TEST: &str = "fn main() {}";

const TOML: &str = r#"
[[exercise]]
id = "ch01-build-it"
chapter = "01-first"
title = "It"
points = 1
minutes = 10
kind = "build"
write = ["it"]
[exercise.checks]
one = 1
"#;

struct Workspace {
    folder: tempfile::TempDir,
    manifest: Manifest,
}

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("exercises/exercises.toml", TOML),
            (
                "exercises/ch01-build-it/Cargo.toml",
                "[lib]\nname = \"first\"\n",
            ),
            ("exercises/ch01-build-it/tests/it.rs", TEST),
            ("chapters/01-first/src/lib.rs", "pub fn it() {\n    1;\n}\n"),
        ] {
            write_changed(&folder.path().join(path), text.as_bytes()).unwrap();
        }
        let manifest = Manifest::load(&folder.path().join("exercises")).unwrap();
        Self { folder, manifest }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join("exercises").join(below)
    }

    fn write(&self, force: bool) -> bool {
        write(&self.manifest, &[], force).unwrap()
    }

    fn check(&self) -> bool {
        check(&self.manifest, &[]).unwrap()
    }
}

const LIB: &str = "ch01-build-it/src/lib.rs";

#[test]
fn a_starter_is_written_and_then_up_to_date() {
    let workspace = Workspace::new();
    assert!(!workspace.check());
    assert!(workspace.write(false));
    assert!(workspace.check());
    let text = fs::read_to_string(workspace.path(LIB)).unwrap();
    assert!(text.contains("pub fn it() {\n    todo!()\n}"), "{text}");
}

#[test]
fn what_a_learner_wrote_is_refused_and_stays() {
    let workspace = Workspace::new();
    workspace.write(false);
    fs::write(workspace.path(LIB), "mine").unwrap();
    assert!(!workspace.write(false));
    assert!(!workspace.check());
    assert_eq!(fs::read_to_string(workspace.path(LIB)).unwrap(), "mine");
}

#[test]
fn by_force_the_starter_is_written_and_every_earlier_work_kept() {
    let workspace = Workspace::new();
    workspace.write(false);
    for (kept, text) in [("1", "mine"), ("2", "mine again")] {
        fs::write(workspace.path(LIB), text).unwrap();
        assert!(workspace.write(true));
        assert!(workspace.check());
        let kept = workspace.path(&format!("kept/ch01-build-it/{kept}/lib.rs"));
        assert_eq!(fs::read_to_string(kept).unwrap(), text);
    }
}

#[test]
fn a_file_of_the_learners_own_is_a_difference() {
    let workspace = Workspace::new();
    workspace.write(false);
    fs::write(workspace.path("ch01-build-it/src/own.rs"), "").unwrap();
    assert!(!workspace.check());
    assert!(!workspace.write(false));
    assert!(workspace.write(true));
    assert!(workspace.path("kept/ch01-build-it/1/own.rs").exists());
    assert!(!workspace.path("ch01-build-it/src/own.rs").exists());
}

#[test]
fn a_difference_is_shown_line_by_line() {
    let workspace = Workspace::new();
    workspace.write(false);
    let src = workspace.path("ch01-build-it/src");
    let exercise = workspace.manifest.select(&[]).unwrap()[0];
    let files = files(&workspace.manifest, exercise).unwrap();
    let text = fs::read_to_string(src.join("lib.rs")).unwrap();
    fs::write(src.join("lib.rs"), text.replace("todo!()", "2")).unwrap();
    let difference = difference(&files, &src).unwrap();
    assert!(
        difference.contains("\n-    2\n+    todo!()\n"),
        "{difference}"
    );
}
