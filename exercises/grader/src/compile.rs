//! Cargo's answer to a build: the test programs, or why there are none.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::manifest::Exercise;
use crate::scratch::Scratch;

/// What became of a build.
#[derive(Debug)]
pub enum Build {
    /// The test programs, and the compiler's warnings about the exercise's package.
    Done {
        tests: Vec<PathBuf>,
        warnings: Vec<String>,
    },
    /// It does not compile. The first error.
    Refused(String),
}

/// One line of `--message-format=json`: the Cargo Book, External Tools.
#[derive(Deserialize)]
struct Line {
    reason: String,
    #[serde(default)]
    package_id: String,
    message: Option<Message>,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Message {
    level: String,
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

/// Builds an exercise's programs and tests in the scratch copy, and runs nothing.
pub fn compile(scratch: &Scratch, exercise: &Exercise) -> Result<Build> {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let output = Command::new(cargo)
        .args(["test", "--no-run", "--quiet", "--locked"])
        .args(["--message-format=json", "-p", &exercise.id])
        .arg("--manifest-path")
        .arg(scratch.cargo_toml())
        .arg("--target-dir")
        .arg(scratch.build())
        .stdin(Stdio::null())
        .output()
        .context("starting cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());

    let (mut tests, mut warnings, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        let Line {
            reason,
            package_id,
            message,
            target,
            executable,
        } = line;
        let own = package_id.contains(&format!("/{}#", exercise.id));
        if let Some(message) = message.filter(|_| reason == "compiler-message") {
            let rendered = message.rendered.unwrap_or_default();
            match message.level.as_str() {
                "error" => errors.push(rendered),
                "warning" if own => warnings.push(rendered),
                _ => {}
            }
        }
        let is_test = target.is_some_and(|target| target.kind == ["test"]);
        tests.extend(executable.filter(|_| own && is_test));
    }
    if !output.status.success() {
        let cargo_says = String::from_utf8_lossy(&output.stderr).into_owned();
        return Ok(Build::Refused(
            errors.into_iter().next().unwrap_or(cargo_says),
        ));
    }
    Ok(Build::Done { tests, warnings })
}
