//! What keeps a machine from being made.

use std::fs::{self, File};
use std::path::Path;
use std::process::Output;

use libtest_mimic::Trial;

use crate::support::{DONE, Outcome, lab_vm};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::ignorable_test("a_second_lab_at_once_is_refused", second),
        Trial::ignorable_test("a_missing_qemu_is_named_with_its_package", no_qemu),
        Trial::ignorable_test("a_missing_kernel_is_said_with_what_to_do", no_kernel),
    ]
}

fn second() -> Outcome {
    let directory = tempfile::tempdir()?;
    fs::create_dir(directory.path().join("lab-vm"))?;
    let lock = File::create(directory.path().join("lab-vm/lock"))?;
    lock.lock()?;
    let output = lab_vm(directory.path())
        .args(["run", "--", "true"])
        .output()?;
    assert_refused(&output, &["another lab-vm uses", &name(directory.path())]);
    DONE
}

fn no_qemu() -> Outcome {
    let directory = tempfile::tempdir()?;
    let output = lab_vm(directory.path())
        .args(["run", "--", "true"])
        .env("PATH", directory.path())
        .output()?;
    assert_refused(
        &output,
        &["is not installed", "apt-get install", "qemu-system-"],
    );
    DONE
}

fn no_kernel() -> Outcome {
    let directory = tempfile::tempdir()?;
    let nothing = directory.path().join("vmlinuz");
    let mut command = lab_vm(directory.path());
    if let Err(error) = lab_vm::machine::check().and_then(|()| lab_vm::disk::check()) {
        return Ok(libtest_mimic::Completion::ignored_with(error.to_string()));
    }
    let output = command
        .arg("--kernel")
        .arg(&nothing)
        .args(["--modules", "/", "run", "--", "true"])
        .output()?;
    assert_refused(&output, &["opening the kernel", "No such file"]);
    DONE
}

fn assert_refused(output: &Output, words: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
}

fn name(directory: &Path) -> String {
    directory.to_string_lossy().into_owned()
}
