//! Start a child, and hear from it when it could not become the command.

use std::convert::Infallible;
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context, Result, anyhow, ensure};

use crate::error::SysResult;
use crate::report::{self, Parent};
use crate::signals::Signals;
use crate::status::Status;
use crate::sys::{CloneFlags, Side, clone3, exit_now};
use crate::wait::Child;

/// Starts a child process in the new namespaces that `flags` name. The child
/// takes the steps of `steps`, the last of which becomes the command
/// ([`Program::exec`](crate::Program::exec)) and so does not return.
///
/// The child dies with its parent, however the parent dies. An error among the
/// steps is not printed there: it comes back from [`Child::started`] and
/// [`Child::wait`].
///
/// # Errors
/// When this process has more than one thread, and when clone3(2) fails:
/// EPERM without the right to make such a namespace, ENOSPC beyond the limit
/// on their number, EINVAL where the kernel lacks one.
pub fn spawn<F>(flags: CloneFlags, steps: F) -> Result<Child>
where
    F: FnOnce(&Parent) -> Result<Infallible>,
{
    spawn_into(flags, None, steps)
}

/// As [`spawn`], and the child is born in the control group `cgroup`, a
/// directory of a cgroup2 file system: chapter 3.
///
/// # Errors
/// As [`spawn`].
// ANCHOR: spawn
pub fn spawn_into<F>(flags: CloneFlags, cgroup: Option<BorrowedFd>, steps: F) -> Result<Child>
where
    F: FnOnce(&Parent) -> Result<Infallible>,
{
    ensure_single_thread()?;
    // Before the fork: a signal that comes in between is kept, not lost.
    let signals = Signals::block()?;
    let (report, parent) = report::pipe()?;

    // SAFETY: one thread, as was just checked, and `run` does not return.
    let side = unsafe { clone3(flags, cgroup) }.syscall("clone3", || clone_args(flags))?;
    match side {
        Side::Child => {
            drop(report);
            run(signals, parent, steps)
        }
        Side::Parent { child, in_cgroup } => {
            drop(parent);
            Ok(Child::new(child, in_cgroup, report, signals))
        }
    }
}

/// The child's whole life until the command takes its place.
fn run<F>(signals: Signals, parent: Parent, steps: F) -> !
where
    F: FnOnce(&Parent) -> Result<Infallible>,
{
    // A panic must not unwind into the copy of the parent's stack above.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        signals.restore_for_command()?;
        parent.die_with_it()?;
        steps(&parent)
    }));
    let error = match outcome {
        Ok(Err(error)) => error,
        Ok(Ok(never)) => match never {},
        Err(_) => anyhow!("the child panicked"),
    };
    parent.tell(&error);
    exit_now(Status::RUNTIME_FAILED)
}
// ANCHOR_END: spawn

// ANCHOR: single_thread
/// fork(2): in a copy of a threaded process only one thread goes on, and the
/// locks of the others stay locked for ever.
fn ensure_single_thread() -> Result<()> {
    // proc_pid_task(5): a directory a thread, so two links more than threads.
    let task =
        std::fs::metadata("/proc/self/task").context("counting threads in /proc/self/task")?;
    let threads = std::os::unix::fs::MetadataExt::nlink(&task).saturating_sub(2);
    ensure!(
        threads == 1,
        "a process with {threads} threads cannot be forked safely"
    );
    Ok(())
}
// ANCHOR_END: single_thread

fn clone_args(flags: CloneFlags) -> String {
    let names: Vec<_> = flags.iter_names().map(|(name, _)| name).collect();
    if names.is_empty() {
        return "{exit_signal=SIGCHLD}".into();
    }
    format!("{{flags={}, exit_signal=SIGCHLD}}", names.join("|"))
}
