//! What a check needs of the machine. Found out by trying, and not with the
//! program under test: a broken program must fail its checks, not skip them.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::OnceLock;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::geteuid;

use crate::program::{NOBODY, copy_for_all};

/// Met, or why not.
pub type Need = Result<(), String>;

const PROBE: &str = "HULL_EXERCISE_PROBE";

/// Namespaces can be made by this user: directly, or in a user namespace.
///
/// # Errors
/// Why not.
pub fn namespaces() -> Need {
    static FOUND: OnceLock<Need> = OnceLock::new();
    FOUND.get_or_init(|| probe(None)).clone()
}

/// This user is root, and may make namespaces.
///
/// # Errors
/// Why not.
pub fn root() -> Need {
    if !geteuid().is_root() {
        return Err("needs root".into());
    }
    namespaces()
}

/// A user without privileges may make a user namespace here.
///
/// # Errors
/// Why not.
pub fn unprivileged() -> Need {
    if !geteuid().is_root() {
        return namespaces();
    }
    static FOUND: OnceLock<Need> = OnceLock::new();
    FOUND.get_or_init(|| probe(Some(NOBODY))).clone()
}

/// unshare(2) must not happen in this process, which has threads and other
/// checks. So the test program starts itself, and [`answer`] tries.
fn probe(user: Option<u32>) -> Need {
    let test = env::current_exe().expect("the path of the test program");
    let mut command = match user {
        Some(id) => {
            let mut command = Command::new(copy_for_all(&test));
            command.uid(id).gid(id).current_dir("/");
            command
        }
        None => Command::new(test),
    };
    // A probe that cannot start says nothing of the machine: a failure, and no skip.
    let output = command
        .env(PROBE, "namespaces")
        .output()
        .expect("a probe that starts");
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// Whether this process is a probe, and its answer.
pub(crate) fn answer() -> Option<ExitCode> {
    env::var_os(PROBE)?;
    let mut flags = CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC;
    if !geteuid().is_root() {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    Some(match unshare(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(errno) => {
            eprintln!("needs namespaces: unshare({flags:?}): {errno}");
            ExitCode::FAILURE
        }
    })
}

/// A broken program, started by root, may set the name of the host in place of
/// its container's. So root's tests live on a host name of their own.
pub(crate) fn host_name_of_our_own() {
    // Without the right to it nothing can be set by accident either.
    let _ = unshare(CloneFlags::CLONE_NEWUTS);
}
