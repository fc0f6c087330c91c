//! The program under test, ready to start as this user or as another.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

/// The user and the group that root's checks drop to.
pub const NOBODY: u32 = 65534;

/// A program, by the path that Cargo gives to the test: `env!("CARGO_BIN_EXE_…")`.
#[derive(Debug, Clone, Copy)]
pub struct Program(pub &'static str);

impl Program {
    /// Ready to start as this user.
    pub fn command(self) -> Command {
        plain(Path::new(self.0))
    }

    /// Ready to start as a user without privileges: as this one, or as
    /// [`NOBODY`] when this one is root. `need::unprivileged` tells whether it can.
    pub fn command_unprivileged(self) -> Command {
        if !nix::unistd::geteuid().is_root() {
            return self.command();
        }
        let mut command = plain(&copy_for_all(Path::new(self.0)));
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        command
    }
}

fn plain(path: &Path) -> Command {
    let mut command = Command::new(path);
    // What a terminal, a language or a debugging reader would change in the output.
    command.env("LC_ALL", "C").env("NO_COLOR", "1");
    command.env_remove("RUST_BACKTRACE");
    command
}

static COPIES: Mutex<Option<TempDir>> = Mutex::new(None);

/// A home directory may be closed to other users. A temporary one need not be.
pub(crate) fn copy_for_all(program: &Path) -> PathBuf {
    let mut copies = COPIES.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = copies.get_or_insert_with(|| {
        let directory = tempfile::Builder::new()
            .prefix("hull-exercise-")
            .tempdir()
            .expect("a temporary directory");
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755))
            .expect("a directory open to all");
        directory
    });
    let copy = directory
        .path()
        .join(program.file_name().expect("a program has a name"));
    // execve(2): ETXTBSY for a file that someone has open for writing. Were it
    // this process, then for a moment also every child that another check
    // forks. So a process of its own writes it, once.
    if !copy.exists() {
        let status = Command::new("cp").arg(program).arg(&copy).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "no copy of {} in {}",
            program.display(),
            copy.display()
        );
    }
    copy
}

/// A static is never dropped.
pub(crate) fn remove_copies() {
    COPIES.lock().unwrap_or_else(PoisonError::into_inner).take();
}
