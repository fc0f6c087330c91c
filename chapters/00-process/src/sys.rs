//! The system calls that nix has no safe wrapper for: all of this crate's `unsafe`.

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
pub use nix::sched::CloneFlags;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal};
use nix::unistd::Pid;

use crate::error::{SysError, SysResult};
use crate::status::Status;

/// clone(2). libc's own constant is too narrow for it, and cut off.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Which of the two processes this is.
pub(crate) enum Side {
    Child,
    Parent { child: Pid, in_cgroup: bool },
}

/// Forks this process; the child is put into the new namespaces that `flags`
/// name, and into `cgroup`, where the kernel has a call for that.
///
/// # Safety
/// The process must have one thread. In a copy of a threaded process only the
/// caller's thread exists, and every lock another thread held stays locked.
/// The child must end in `execve` or `_exit`: it holds copies of all that the
/// parent owns, and must run none of the parent's destructors.
// ANCHOR: clone3
pub(crate) unsafe fn clone3(flags: CloneFlags, cgroup: Option<BorrowedFd>) -> nix::Result<Side> {
    // SAFETY: clone_args is plain integers, and zero means "not used" for each.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = u64::from(flags.bits() as u32);
    args.exit_signal = libc::SIGCHLD as u64;
    if let Some(cgroup) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
    }

    // clone(2): with no new stack and no CLONE_VM, clone3 returns twice, as
    // fork does. Neither libc nor nix wraps it.
    // SAFETY: `args` is a whole clone_args, and lives through the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw const args,
            size_of::<libc::clone_args>(),
        )
    };
    match Errno::result(result) {
        Ok(0) => Ok(Side::Child),
        Ok(pid) => Ok(Side::Parent {
            child: Pid::from_raw(pid as libc::pid_t),
            in_cgroup: cgroup.is_some(),
        }),
        // SAFETY: the caller's promise is the same.
        Err(Errno::ENOSYS) => unsafe { clone(flags) },
        Err(errno) => Err(errno),
    }
}
// ANCHOR_END: clone3

/// clone(2), for where a container's filter answers ENOSYS to `clone3`: it
/// cannot look through the pointer to its flags, so it refuses the whole call.
unsafe fn clone(flags: CloneFlags) -> nix::Result<Side> {
    let flags = libc::c_long::from(flags.bits() | libc::SIGCHLD);
    // s390x and cris take the stack first; the rest of the arguments are zero
    // on every architecture, so their order does not matter.
    #[cfg(target_arch = "s390x")]
    let (first, second) = (0, flags);
    #[cfg(not(target_arch = "s390x"))]
    let (first, second) = (flags, 0 as libc::c_long);

    // SAFETY: no stack, no CLONE_VM: the child goes on with a copy of this one.
    let result = unsafe { libc::syscall(libc::SYS_clone, first, second, 0, 0, 0) };
    Errno::result(result).map(|pid| match pid {
        0 => Side::Child,
        pid => Side::Parent {
            child: Pid::from_raw(pid as libc::pid_t),
            in_cgroup: false,
        },
    })
}

/// Leaves the child at once: no destructor, no `atexit` handler, no buffer flushed twice.
pub fn exit_now(code: u8) -> ! {
    // SAFETY: _exit(2) does not return and touches no memory of this process.
    unsafe { libc::_exit(code.into()) }
}

/// Gives a signal its default action again.
pub(crate) fn default_disposition(signal: Signal) -> Result<(), SysError> {
    let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: SIG_DFL installs no handler, so no code of ours can run in one.
    unsafe { nix::sys::signal::sigaction(signal, &action) }
        .syscall("sigaction", || format!("{signal}, SIG_DFL"))?;
    Ok(())
}

/// Reaps the child `pid` if it has ended.
pub(crate) fn wait(pid: Pid, options: i32) -> Result<Option<Status>, SysError> {
    Ok(waitpid(pid, options)?.map(|(_, status)| status))
}

/// Reaps any child that has ended.
pub(crate) fn wait_any() -> Result<Option<(Pid, Status)>, SysError> {
    waitpid(Pid::from_raw(-1), libc::WNOHANG)
}

/// waitpid(2). Not nix's: that one fails for a child that a real-time signal killed.
fn waitpid(pid: Pid, options: i32) -> Result<Option<(Pid, Status)>, SysError> {
    let mut raw = 0;
    let ended = loop {
        // SAFETY: `raw` is an int of ours for the kernel to write to.
        match Errno::result(unsafe { libc::waitpid(pid.as_raw(), &mut raw, options) }) {
            Err(Errno::EINTR) => continue,
            result => break result.syscall("waitpid", || format!("{pid}"))?,
        }
    };
    let status = if libc::WIFSIGNALED(raw) {
        Status::Killed(libc::WTERMSIG(raw))
    } else {
        Status::Exited(libc::WEXITSTATUS(raw) as u8)
    };
    Ok((ended != 0).then_some((Pid::from_raw(ended), status)))
}

/// Marks every descriptor but standard input, output and error to be closed by
/// the exec. What the caller of this program had open is none of the command's business.
// ANCHOR: close_range
pub(crate) fn keep_only_standard_descriptors() -> Result<(), SysError> {
    let flags = libc::CLOSE_RANGE_CLOEXEC as libc::c_int;
    // SAFETY: close_range(2) marks descriptors and closes none here.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, flags) };
    Errno::result(result).syscall("close_range", || "3, ~0U, CLOSE_RANGE_CLOEXEC".into())?;
    Ok(())
}
// ANCHOR_END: close_range

/// Closes every descriptor but standard input, output and error, and `kept`.
///
/// # Safety
/// No value that owns one of the others is used again in this process.
pub(crate) unsafe fn close_all_but(kept: BorrowedFd) -> Result<(), SysError> {
    let kept = kept.as_raw_fd() as libc::c_uint;
    for (first, last) in [(3, kept - 1), (kept + 1, libc::c_uint::MAX)] {
        if first > last {
            continue;
        }
        // SAFETY: the caller vouches that nobody uses them again.
        let result =
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0 as libc::c_uint) };
        Errno::result(result).syscall("close_range", || format!("{first}, {last}, 0"))?;
    }
    Ok(())
}
