//! What cargo builds for the machine: the programs, and the tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A program that cargo built.
#[derive(Debug, PartialEq, Eq)]
pub struct Executable {
    /// The name of the target in its Cargo.toml.
    pub name: String,
    /// `bin`, `test`, `example` …
    pub kind: String,
    /// The directory of the package that it is of.
    pub package: PathBuf,
    /// Whether it holds tests: a program has a second one, with its unit tests.
    pub is_test: bool,
    /// The file.
    pub path: PathBuf,
}

/// What cargo is to build.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// All programs, as `cargo build` does.
    Programs,
    /// The tests that meet the kernel, and the programs that they run.
    Tests,
    /// What the tests need and cargo does not build for them: the machine's first process, and the
    /// programs of the chapters' examples.
    Init,
}

/// With a profile of their own: an emulated processor takes its time for what is not optimised,
/// and programs of twenty megabytes take theirs to be copied.
const TESTS: [&str; 11] = [
    "test",
    "--no-run",
    "--profile",
    "lab",
    "--workspace",
    "--exclude",
    "lab-vm",
    "--lib",
    "--test",
    "programs",
    "--test=host",
];

const INIT: [&str; 11] = [
    "build",
    "--profile",
    "lab",
    "--workspace",
    "--exclude",
    "hull",
    "--exclude",
    "rootfs-fetch",
    "--bin",
    "lab-init",
    "--examples",
];

impl What {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Programs => &["build"],
            Self::Tests => &TESTS,
            Self::Init => &INIT,
        }
    }
}

/// Builds, and gives back the programs that came of it.
///
/// # Errors
///
/// When cargo is not there, or the build fails. Cargo itself says how.
pub fn build(workspace: &Path, what: What) -> Result<Vec<Executable>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let what = what.arguments();
    let mut command = Command::new(cargo);
    command
        .args(what)
        .args(["--quiet", "--message-format=json-render-diagnostics"])
        .current_dir(workspace)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = command.output().context("starting cargo")?;
    if !output.status.success() {
        bail!("`cargo {}` failed ({})", what.join(" "), output.status);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    Ok(messages.lines().filter_map(executable).collect())
}

/// The program in one of cargo's messages, if it is of one.
fn executable(message: &str) -> Option<Executable> {
    if !message.starts_with(r#"{"reason":"compiler-artifact""#) {
        return None;
    }
    Some(Executable {
        name: text(message, r#""name":"#)?,
        kind: text(message, r#""kind":["#)?,
        package: Path::new(&text(message, r#""manifest_path":"#)?)
            .parent()?
            .into(),
        is_test: message.contains(r#""test":true},"features""#),
        path: text(message, r#""executable":"#)?.into(),
    })
}

/// The string that follows `before` in `json`. Of what is looked for here, paths alone could hold
/// a character that JSON escapes; such a path is not found.
fn text(json: &str, before: &str) -> Option<String> {
    let start = json.find(before)? + before.len();
    let text = json[start..].strip_prefix('"')?;
    let text = &text[..text.find('"')?];
    (!text.contains('\\')).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: &str, is_test: bool, executable: &str) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"path+file:///w/x#y@0.1.0","manifest_path":"/w/x/Cargo.toml","target":{{"kind":["{kind}"],"crate_types":["bin"],"name":"programs","src_path":"/w/x/a.rs","test":true}},"profile":{{"opt_level":"0","test":{is_test}}},"features":["default"],"filenames":["/t/a"],"executable":{executable},"fresh":true}}"#
        )
    }

    #[test]
    fn a_test_and_a_program_are_told_apart() {
        let found = executable(&message("test", true, r#""/t/programs-1""#)).unwrap();
        let expected = Executable {
            name: "programs".into(),
            kind: "test".into(),
            package: "/w/x".into(),
            is_test: true,
            path: "/t/programs-1".into(),
        };
        assert_eq!(found, expected);
        let program = executable(&message("bin", false, r#""/t/programs""#)).unwrap();
        assert_eq!((&*program.kind, program.is_test), ("bin", false));
    }

    #[test]
    fn a_library_and_other_messages_are_passed_over() {
        assert_eq!(executable(&message("lib", false, "null")), None);
        assert_eq!(
            executable(r#"{"reason":"build-finished","success":true}"#),
            None
        );
    }
}
