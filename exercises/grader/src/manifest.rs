//! `exercises.toml`, and each exercise's `matrix.toml`: read, and held to what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::mirror::files_below;
use crate::rewrite::{Bodies, Crate, TODO};
use crate::source::Body;

/// All exercises.
pub struct Manifest {
    /// The folder of the exercises.
    pub root: PathBuf,
    exercises: Vec<Exercise>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExercisesToml {
    exercise: Vec<Exercise>,
}

/// One exercise. Its `id` is its package and its folder, too.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Exercise {
    pub id: String,
    /// The folder of the chapter below `chapters`.
    pub chapter: String,
    pub title: String,
    pub points: u32,
    pub minutes: u32,
    pub kind: Kind,
    #[serde(default)]
    pub needs: Vec<Need>,
    /// What the learner writes: functions, by their path in the crate.
    #[serde(default)]
    pub write: Vec<String>,
    /// Bodies of the starter that are not `todo!()`: a constant cannot be, and
    /// a planted fault is one of these.
    #[serde(default)]
    pub stand_in: Bodies,
    /// The points of each check. The tests must run these checks, and no others.
    pub checks: BTreeMap<String, u32>,
}

#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Build,
    Extend,
    BreakAndFix,
}

/// Without these the checks cannot tell.
#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    Namespaces,
    Root,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Need::Namespaces => "namespaces",
            Need::Root => "root",
        })
    }
}

impl Manifest {
    /// Reads and checks it, in the folder of the exercises.
    pub fn load(root: &Path) -> Result<Self> {
        let ExercisesToml { exercise } = toml_file(&root.join("exercises.toml"))?;
        let this = Self {
            root: root.to_owned(),
            exercises: exercise,
        };
        let mut ids = BTreeSet::new();
        for exercise in &this.exercises {
            ensure!(ids.insert(&exercise.id), "{}: there twice", exercise.id);
            this.validate(exercise)
                .with_context(|| format!("exercises.toml: {}", exercise.id))?;
        }
        Ok(this)
    }

    /// The exercises of these names; all of them for none.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Exercise>> {
        if names.is_empty() {
            return Ok(self.exercises.iter().collect());
        }
        let find = |name: &String| {
            let found = self.exercises.iter().find(|exercise| exercise.id == *name);
            found.with_context(|| {
                let known: Vec<_> = self.exercises.iter().map(|e| e.id.as_str()).collect();
                format!(
                    "there is no exercise {name}; there are: {}",
                    known.join(", ")
                )
            })
        };
        names.iter().map(find).collect()
    }

    pub fn folder(&self, exercise: &Exercise) -> PathBuf {
        self.root.join(&exercise.id)
    }

    /// What the starter is made from, and what must pass: the chapter's crate,
    /// with the files of the exercise's own `solution` over it, if it has one.
    pub fn reference(&self, exercise: &Exercise) -> Result<Crate> {
        let chapter = self.chapters().join(&exercise.chapter).join("src");
        let solution = self.folder(exercise).join("solution");
        Crate::read(&chapter, solution.is_dir().then_some(&solution))
    }

    /// The bodies of the starter.
    pub fn starter_bodies(exercise: &Exercise) -> Bodies {
        let todo = exercise.write.iter();
        let mut bodies: Bodies = todo.map(|path| (path.clone(), TODO.into())).collect();
        bodies.extend(exercise.stand_in.clone());
        bodies
    }

    /// Other right answers: a folder each, whose files go over the reference's.
    pub fn alternatives(&self, exercise: &Exercise) -> Result<Vec<PathBuf>> {
        let folder = self.folder(exercise).join("alternatives");
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))?;
        let mut paths = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }

    pub fn alternative(&self, exercise: &Exercise, folder: &Path) -> Result<Crate> {
        let chapter = self.chapters().join(&exercise.chapter).join("src");
        Crate::read(&chapter, Some(folder))
    }

    /// A test that links the crate it judges runs the learner's code in the
    /// judge, which could then say what it likes. So it only starts programs.
    fn judges_from_outside(&self, exercise: &Exercise) -> Result<()> {
        #[derive(Deserialize)]
        struct Package {
            lib: Lib,
        }
        #[derive(Deserialize)]
        struct Lib {
            name: String,
        }
        let folder = self.folder(exercise);
        let package: Package = toml_file(&folder.join("Cargo.toml"))?;
        let name = package.lib.name;
        let tests = folder.join("tests");
        for path in files_below(&tests)? {
            let text = fs::read_to_string(tests.join(&path))
                .with_context(|| format!("reading {}", path.display()))?;
            let links = [format!("use {name}"), format!(" {name}::")];
            ensure!(
                !links.iter().any(|link| text.contains(link.as_str())),
                "tests/{} uses the crate {name}, which it judges: start a program of it",
                path.display()
            );
        }
        Ok(())
    }

    fn chapters(&self) -> PathBuf {
        self.root.join("../chapters")
    }

    fn validate(&self, exercise: &Exercise) -> Result<()> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ensure!(
            exercise.id.starts_with("ch") && exercise.id.chars().all(plain),
            "an id is ch, a number, and words in lower case, joined by hyphens"
        );
        ensure!(
            self.folder(exercise).join("Cargo.toml").is_file(),
            "there is no package in {}",
            self.folder(exercise).display()
        );
        let chapters = names_in(&self.chapters())?;
        ensure!(
            chapters.contains(&exercise.chapter),
            "there is no chapter {:?}; there are: {}",
            exercise.chapter,
            chapters.into_iter().collect::<Vec<_>>().join(", ")
        );
        let sum: u32 = exercise.checks.values().sum();
        ensure!(
            sum == exercise.points && sum > 0,
            "{} points, but its checks give {sum}",
            exercise.points
        );
        ensure!(
            exercise.minutes > 0 && !exercise.title.is_empty(),
            "no minutes, or no title"
        );
        ensure!(
            exercise.kind != Kind::Build || !exercise.write.is_empty(),
            "nothing to write in an exercise that is to be built"
        );
        self.judges_from_outside(exercise)?;
        let reference = self.reference(exercise)?;
        for path in Self::starter_bodies(exercise).keys() {
            let body = reference.find(path).context("write, stand_in")?;
            ensure!(
                matches!(body, Body::Function { .. }) || exercise.stand_in.contains_key(path),
                "{path} is a constant, which cannot say todo!(): give it a stand_in"
            );
        }
        Ok(())
    }
}

pub fn toml_file<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{}", path.display()))
}

fn names_in(folder: &Path) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    Ok(entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect())
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
