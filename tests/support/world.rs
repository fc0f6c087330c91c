//! Where the tests' programs and files are: in one temporary directory.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use tempfile::TempDir;

use super::need::NOBODY;

/// One directory for the whole run: `bin/` with the programs, open to every
/// user, and `hull/` for `HULL_ROOT`, so that the built-in root filesystem is made once.
pub struct World {
    directory: PathBuf,
}

static DIRECTORY: Mutex<Option<TempDir>> = Mutex::new(None);

const PROGRAMS: [&str; 8] = [
    env!("CARGO_BIN_EXE_ch00-process"),
    env!("CARGO_BIN_EXE_ch01-namespaces"),
    env!("CARGO_BIN_EXE_ch02-rootfs"),
    env!("CARGO_BIN_EXE_ch03-cgroups"),
    env!("CARGO_BIN_EXE_ch04-overlay"),
    env!("CARGO_BIN_EXE_explain"),
    env!("CARGO_BIN_EXE_hull"),
    env!("CARGO_BIN_EXE_xray"),
];

/// Programs of other packages of the workspace. `cargo build` and `cargo test` make them beside
/// those above; `cargo test --test programs` alone does not.
pub const BESIDE: [(&str, &str); 3] = [
    ("rootfs-fetch", "cargo build -p rootfs-fetch"),
    (
        "examples/chroot_escape",
        "cargo build -p rootfs --example chroot_escape",
    ),
    ("examples/steer", "cargo build -p cgroups --example steer"),
];

impl World {
    pub fn shared() -> &'static World {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(|| {
            let directory = tempfile::Builder::new()
                .prefix(&prefix())
                .tempdir()
                .expect("a temporary directory");
            let path = directory.path().to_owned();
            let bin = path.join("bin");
            fs::create_dir(&bin).expect("a directory for the programs");
            fs::create_dir(path.join("hull")).expect("a directory for HULL_ROOT");
            fs::set_permissions(&path, Permissions::from_mode(0o755))
                .expect("a directory open to all");
            let test = std::env::current_exe().expect("the path of the test program");
            let beside = BESIDE
                .map(|(program, _)| Path::new(PROGRAMS[0]).with_file_name(program))
                .into_iter()
                .filter(|program| program.exists());
            let programs = PROGRAMS.map(PathBuf::from).into_iter().chain([test]);
            for program in programs.chain(beside) {
                let name = program.file_name().expect("a program has a name");
                fs::copy(&program, bin.join(name)).expect("a copy of a program");
            }
            *DIRECTORY.lock().unwrap_or_else(PoisonError::into_inner) = Some(directory);
            World { directory: path }
        })
    }

    /// Removes everything. To be called last in `main`: a static is never dropped.
    pub fn remove() {
        // Tests that kill a runtime leave its cgroup to the next run: this one.
        let _ = World::shared().command("ch04-overlay").arg("true").output();
        DIRECTORY
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        remove_remains();
    }

    /// `HULL_ROOT` of every program started here.
    pub fn hull_root(&self) -> PathBuf {
        self.directory.join("hull")
    }

    pub fn test_program(&self) -> PathBuf {
        let test = std::env::current_exe().expect("the path of the test program");
        self.bin().join(test.file_name().unwrap_or_default())
    }

    pub fn bin(&self) -> PathBuf {
        self.directory.join("bin")
    }

    /// The programs first, then what the caller has.
    pub fn path_variable(&self) -> std::ffi::OsString {
        let mut path = self.bin().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        path
    }

    /// A program of the workbook (or any other), ready to start as this user.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let own = self.bin().join(program.as_ref());
        let mut command = Command::new(if own.exists() {
            own.as_os_str()
        } else {
            program.as_ref()
        });
        command
            .env("PATH", self.path_variable())
            .env("HULL_ROOT", self.hull_root())
            .env_remove("NO_COLOR");
        command
    }

    /// The same, as an unprivileged user with a `HULL_ROOT` of its own. For root's tests.
    pub fn command_as_nobody(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.command(program);
        command
            .env("HULL_ROOT", self.hull_root_of_nobody())
            .uid(NOBODY)
            .gid(NOBODY)
            .current_dir("/");
        command
    }

    /// The unprivileged user's `HULL_ROOT`.
    pub fn hull_root_of_nobody(&self) -> PathBuf {
        let hull_root = self.directory.join("user");
        static MADE: OnceLock<()> = OnceLock::new();
        MADE.get_or_init(|| {
            fs::create_dir(&hull_root).expect("a directory for HULL_ROOT");
            chown(&hull_root, Some(NOBODY), Some(NOBODY)).expect("a directory of nobody's");
        });
        hull_root
    }

    /// The tree of the built-in root filesystem. It is read-only for containers, and so for tests.
    pub fn built_in_rootfs(&self) -> PathBuf {
        let tree = rootfs_fetch::host(&self.hull_root().join("data"))
            .expect("the built-in root filesystem");
        tree.path().to_owned()
    }
}

/// What the names of all temporary directories of this run begin with.
fn prefix() -> String {
    format!("hull-test-{}_", std::process::id())
}

/// An ordinary user cannot remove a directory that may not be searched, such as
/// an overlay's work directory, before it is opened up.
fn remove_remains() {
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten();
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix()) {
            let _ = Command::new("chmod")
                .args(["-R", "u+rwx"])
                .arg(entry.path())
                .stderr(Stdio::null())
                .status();
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A temporary directory of one test, under a path with no symbolic link.
pub fn directory() -> TempDir {
    let base = fs::canonicalize(std::env::temp_dir()).expect("the temporary directory");
    let directory = tempfile::Builder::new()
        .prefix(&prefix())
        .tempdir_in(base)
        .expect("a temporary directory");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755))
        .expect("a directory open to all");
    directory
}

/// Every path below a directory, sorted: to compare before and after.
pub fn listing(directory: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
            paths.push(entry.path());
        }
    }
    paths.sort();
    paths
}
