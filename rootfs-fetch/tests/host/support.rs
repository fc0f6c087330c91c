//! What the tests share: a data directory each, the program, and ways into a tree.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Completion, Failed, Trial};

/// The result of a test.
pub type Outcome = Result<Completion, Failed>;

/// The answer of a test that ran.
pub const DONE: Outcome = Ok(Completion::Completed);

/// A test with a directory of its own.
pub fn trial(name: &str, test: fn(&Path) -> Outcome) -> Trial {
    Trial::ignorable_test(name, move || {
        let directory = tempfile::tempdir()?;
        test(directory.path())
    })
}

/// The program, with its data below `root`.
pub fn rootfs_fetch(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootfs-fetch"));
    command.env("HULL_ROOT", root);
    command
}

/// Runs `rootfs-fetch host`, which must succeed, and gives the path that it prints.
pub fn fetch(root: &Path, arguments: &[&str]) -> PathBuf {
    let output = rootfs_fetch(root)
        .arg("host")
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let path = printed.strip_suffix('\n').expect("one line");
    assert!(!path.contains('\n'), "{path}");
    PathBuf::from(path)
}

/// The names in the directory of the trees below `root`.
pub fn kept(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root.join("data/rootfs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// The names of [`kept`] that are trees, whole or not.
pub fn trees(root: &Path) -> Vec<String> {
    let name_is_tree = |name: &String| name.contains("host-");
    kept(root).into_iter().filter(name_is_tree).collect()
}

/// Output as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs `script` in `tree` as its root directory, with the host's /proc, or says why that cannot
/// be.
pub fn run_in(tree: &Path, script: &str) -> Result<Output, Completion> {
    let enter = "mount --rbind /proc \"$0/proc\" && \
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot \"$0\" /bin/sh -c \"$1\"";
    let mut command = with_mounts(enter)?;
    Ok(command.arg(tree).arg(script).output().unwrap())
}

/// A run of `script` by the host's shell, in a mount namespace; its arguments are still to be
/// added, `$0` first.
pub fn with_mounts(script: &str) -> Result<Command, Completion> {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.arg(if is_root() { "-m" } else { "-rm" });
        command
    };
    works(
        unshare().args(["mount", "-t", "tmpfs", "none", "/mnt"]),
        "a mount namespace",
    )?;
    let mut command = unshare();
    command.args(["sh", "-c", script]);
    Ok(command)
}

fn works(probe: &mut Command, what: &str) -> Result<(), Completion> {
    let refused = |why: &dyn std::fmt::Display| {
        Completion::ignored_with(format!("{what} is not possible here: {why}"))
    };
    let output = probe.output().map_err(|error| refused(&error))?;
    if !output.status.success() {
        return Err(refused(&text(&output.stderr).trim()));
    }
    Ok(())
}

/// Whether the tests run as root, by the owner of a file that they made.
pub fn is_root() -> bool {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().metadata().unwrap().uid() == 0
}

/// Every path below `directory` that is not a directory, links not followed.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found
}

/// Where the host has `program`.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}

/// A skip, with its reason.
pub fn skip(reason: impl AsRef<OsStr>) -> Outcome {
    Ok(Completion::ignored_with(reason.as_ref().to_string_lossy()))
}
