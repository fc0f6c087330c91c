//! The system call that no crate wraps.

use std::ptr;

use anyhow::Result;
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use process::{SysError, SysResult};

/// Counts the instructions of the filters of a process, the newest filter first.
///
/// ptrace(2): a filter is handed out only of a process that is stopped, and
/// only to one with CAP_SYS_ADMIN on the host that has no filter itself.
/// The process goes on as soon as they are counted.
///
/// # Errors
/// EPERM without these rights, and where another tracer is at work; EACCES where this process is filtered.
pub fn filter_lengths(pid: i32, filters: u32) -> Result<Vec<usize>> {
    let tracee = Pid::from_raw(pid);
    ptrace::seize(tracee, ptrace::Options::empty())
        .syscall("ptrace", || format!("PTRACE_SEIZE, {pid}"))?;
    ptrace::interrupt(tracee).syscall("ptrace", || format!("PTRACE_INTERRUPT, {pid}"))?;
    let stopped = waitpid(tracee, Some(WaitPidFlag::__WALL))
        .syscall("waitpid", || format!("{pid}, __WALL"))?;
    let lengths: Result<Vec<_>, _> = (0..filters).map(|index| length(tracee, index)).collect();
    // A signal that came at this moment is still to be delivered.
    let signal = match stopped {
        WaitStatus::Stopped(_, signal) => Some(signal),
        _ => None,
    };
    ptrace::detach(tracee, signal).syscall("ptrace", || format!("PTRACE_DETACH, {pid}"))?;
    Ok(lengths?)
}

/// linux/ptrace.h; libc has no name for it.
const PTRACE_SECCOMP_GET_FILTER: libc::c_uint = 0x420c;

/// nix has no wrapper for this request.
fn length(tracee: Pid, index: u32) -> Result<usize, SysError> {
    // SAFETY: with a null pointer for the program the kernel writes nothing to our memory, and
    // only returns its length: PTRACE_SECCOMP_GET_FILTER in ptrace(2).
    let length = unsafe {
        libc::ptrace(
            PTRACE_SECCOMP_GET_FILTER,
            tracee.as_raw(),
            index as usize,
            ptr::null_mut::<libc::c_void>(),
        )
    };
    Errno::result(length)
        .map(|length| length as usize)
        .syscall("ptrace", || {
            format!("PTRACE_SECCOMP_GET_FILTER, {tracee}, {index}, NULL")
        })
}
