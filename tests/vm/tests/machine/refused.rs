//! What keeps a machine from being made.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

use libtest_mimic::{Completion, Trial};

use crate::support::{DONE, Outcome, lab_vm, maker};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::ignorable_test("a_second_lab_at_once_is_refused", second),
        Trial::ignorable_test("a_missing_qemu_is_named_with_its_package", no_qemu),
        Trial::ignorable_test("a_full_disk_is_said", full_disk),
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
        return Ok(Completion::ignored_with(error.to_string()));
    }
    let output = command
        .arg("--kernel")
        .arg(&nothing)
        .args(["--modules", "/", "run", "--", "true"])
        .output()?;
    assert_refused(&output, &["opening the kernel", "No such file"]);
    DONE
}

fn full_disk() -> Outcome {
    if let Err(error) = lab_vm::disk::check() {
        return Ok(Completion::ignored_with(error.to_string()));
    }
    let possible = Command::new("unshare").args(["-rm", "true"]).status();
    if !possible.is_ok_and(|status| status.success()) {
        return Ok(Completion::ignored_with("needs a mount namespace"));
    }
    let directory = tempfile::tempdir()?;
    for staging in ["full/root", "root"] {
        let output = maker(directory.path(), &directory.path().join(staging)).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{staging}: {said}{error}");
        assert!(
            said.contains("No space left on device"),
            "{staging}: {said}{error}"
        );
    }
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
