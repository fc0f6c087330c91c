//! An exercise's `matrix.toml`: wrong answers, and the checks that catch them.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use serde::Deserialize;

use crate::manifest::{Exercise, toml_file};
use crate::rewrite::Bodies;

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct MatrixToml {
    mutant: Vec<Mutant>,
}

/// A plausible wrong answer: the reference with other bodies.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    pub name: String,
    pub bodies: Bodies,
    /// The checks that catch it.
    pub fails: BTreeSet<String>,
    /// What one of them says: the reason intended.
    pub says: String,
    #[serde(default)]
    pub others: Others,
}

/// What the checks do that a mutant does not name.
#[derive(Deserialize, Debug, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Others {
    /// The mistake is in one place, and so is what comes of it.
    #[default]
    Pass,
    /// The mistake is in the way of everything.
    MayFail,
    /// It is in the way of everything where the tests do not run as root.
    MayFailUnprivileged,
}

/// Reads the mutants of an exercise, which has this folder.
pub fn mutants(exercise: &Exercise, folder: &Path) -> Result<Vec<Mutant>> {
    let path = folder.join("matrix.toml");
    let MatrixToml { mutant: mutants } = toml_file(&path)?;
    for mutant in &mutants {
        let known = |check: &String| exercise.checks.contains_key(check);
        let unknown = mutant.fails.iter().find(|check| !known(check));
        if let Some(check) = unknown {
            bail!(
                "{}: {}: there is no check {check}",
                path.display(),
                mutant.name
            );
        }
        ensure!(
            !mutant.fails.is_empty() && !mutant.says.is_empty(),
            "{}: {}: names no check that catches it, or no reason",
            path.display(),
            mutant.name
        );
    }
    Ok(mutants)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_names_checks_that_there_are() {
        let exercise = "id = 'ch01'\nchapter = '01'\ntitle = 'x'\npoints = 1\nminutes = 1\nkind = 'build'\nchecks = { one = 1 }";
        let exercise: Exercise = toml::from_str(exercise).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let read = |fails: &str, says: &str| {
            let text = format!(
                "[[mutant]]\nname = 'm'\nfails = {fails}\nsays = '{says}'\n[mutant.bodies]\n"
            );
            std::fs::write(folder.path().join("matrix.toml"), text).unwrap();
            mutants(&exercise, folder.path()).map_err(|error| error.to_string())
        };
        assert_eq!(read("['one']", "x").unwrap().len(), 1);
        assert!(
            read("['two']", "x")
                .unwrap_err()
                .contains("there is no check two")
        );
        assert!(read("[]", "x").is_err());
        assert!(read("['one']", "").is_err());
    }
}
