//! A copy of the workspace in which an exercise's library can be exchanged.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::manifest::{Exercise, Manifest};
use crate::mirror;
use crate::rewrite::Files;

/// What an exercise can reach outside its own folder.
const FROM_ROOT: [&str; 4] = ["chapters", "rootfs-fetch", "src", "tests"];

/// Below `exercises/target`, and always the same: the next build is a small one.
pub struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// Brings the copy up to date with the workspace.
    pub fn of(manifest: &Manifest) -> Result<Self> {
        let folder = manifest.root.join("target/matrix");
        let tree = folder.join("tree");
        let root = manifest.root.join("..");
        for name in FROM_ROOT {
            if root.join(name).is_dir() {
                mirror::directory(&root.join(name), &tree.join(name))?;
            }
        }
        copy(&root, &tree, "Cargo.toml")?;
        for name in ["Cargo.toml", "Cargo.lock", "exercises.toml"] {
            copy(&manifest.root, &tree.join("exercises"), name)?;
        }
        for name in ["grader", "witness"] {
            mirror::directory(
                &manifest.root.join(name),
                &tree.join("exercises").join(name),
            )?;
        }
        let this = Self { folder };
        for exercise in manifest.select(&[])? {
            this.copy_exercise(manifest, exercise)?;
        }
        Ok(this)
    }

    /// The manifest of the copied workspace.
    pub fn cargo_toml(&self) -> PathBuf {
        self.folder.join("tree/exercises/Cargo.toml")
    }

    /// The copy of an exercise's folder.
    pub fn exercise(&self, exercise: &Exercise) -> PathBuf {
        self.folder.join("tree/exercises").join(&exercise.id)
    }

    /// Not the learner's: a build here must not change the programs there.
    pub fn build(&self) -> PathBuf {
        self.folder.join("build")
    }

    /// The place for a file of the run.
    pub fn run(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Puts a library in the place of the exercise's.
    pub fn set_library(&self, exercise: &Exercise, files: &Files) -> Result<()> {
        mirror::texts(files, &self.exercise(exercise).join("src"))
    }

    /// All but the library, which is what the run decides on.
    fn copy_exercise(&self, manifest: &Manifest, exercise: &Exercise) -> Result<()> {
        let (from, to) = (manifest.folder(exercise), self.exercise(exercise));
        copy(&from, &to, "Cargo.toml")?;
        for name in ["tests", "probes"] {
            if from.join(name).is_dir() {
                mirror::directory(&from.join(name), &to.join(name))?;
            }
        }
        // The workspace is not whole without a library in each of its packages.
        let lib = to.join("src/lib.rs");
        if !lib.exists() {
            mirror::write_changed(&lib, b"")?;
        }
        Ok(())
    }
}

fn copy(from: &Path, to: &Path, name: &str) -> Result<()> {
    let content = std::fs::read(from.join(name))
        .map_err(|error| anyhow::anyhow!("reading {}: {error}", from.join(name).display()))?;
    mirror::write_changed(&to.join(name), &content)
}
