//! The calls that nix has no safe wrapper for: all of this program's `unsafe`.

use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::Result;
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{ForkResult, Pid, fork};
use process::SysResult;

/// Forks this process.
///
/// # Errors
/// fork(2)'s: EAGAIN at a limit on processes.
///
/// # Safety
/// The process must have one thread, and the child must end in `execve` or `_exit`.
pub unsafe fn fork_once() -> Result<ForkResult> {
    // SAFETY: the caller's promise is what fork(2) needs.
    let side = unsafe { fork() };
    Ok(side.syscall("fork", String::new)?)
}

/// What a tracee is at: ptrace(2), PTRACE_GET_SYSCALL_INFO.
pub enum At {
    /// The beginning of a call, with its number and arguments.
    Entry { nr: u64, args: [u64; 6] },
    /// The end of a call, with its result, or its errno.
    Exit(Result<i64, i32>),
    /// Neither.
    Elsewhere,
}

/// Asks where in a call the stopped `tid` is, and of which architecture that call is.
/// Not the registers: these differ from one architecture to the next.
///
/// # Errors
/// ESRCH for a tracee that was killed meanwhile.
pub fn at(tid: Pid) -> nix::Result<(At, u32)> {
    let info = ptrace::syscall_info(tid)?;
    let at = match info.op {
        libc::PTRACE_SYSCALL_INFO_ENTRY => {
            // SAFETY: `op` says that the kernel filled this member of the union.
            let entry = unsafe { info.u.entry };
            At::Entry {
                nr: entry.nr,
                args: entry.args,
            }
        }
        libc::PTRACE_SYSCALL_INFO_SECCOMP => {
            // SAFETY: as above.
            let entry = unsafe { info.u.seccomp };
            At::Entry {
                nr: entry.nr,
                args: entry.args,
            }
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => {
            // SAFETY: as above.
            let exit = unsafe { info.u.exit };
            At::Exit(match exit.is_error {
                0 => Ok(exit.sval),
                _ => Err(-exit.sval as i32),
            })
        }
        _ => At::Elsewhere,
    };
    Ok((at, info.arch))
}

/// How a stopped tracee goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// To the next event.
    Freely,
    /// To the next event, beginning or end of a call.
    ToNextCall,
    /// It stays stopped, as SIGSTOP wants it, and tells when SIGCONT comes.
    Stopped,
}

/// Lets the stopped `tid` go on, and delivers `signal` if that is not 0.
/// Not nix's: its signals have no real-time ones.
///
/// # Errors
/// ESRCH for a tracee that was killed meanwhile.
pub fn resume(tid: Pid, how: Resume, signal: i32) -> nix::Result<()> {
    let request = match how {
        Resume::Freely => libc::PTRACE_CONT,
        Resume::ToNextCall => libc::PTRACE_SYSCALL,
        Resume::Stopped => libc::PTRACE_LISTEN,
    };
    // SAFETY: none of these three requests takes a pointer.
    let result = unsafe {
        libc::ptrace(
            request,
            tid.as_raw(),
            std::ptr::null_mut::<libc::c_void>(),
            libc::c_long::from(signal),
        )
    };
    Errno::result(result).map(drop)
}

/// Waits for the next change of any tracee. None when there is none left.
///
/// # Errors
/// waitpid(2)'s.
pub fn wait() -> Result<Option<(Pid, i32)>> {
    let mut raw = 0;
    loop {
        // SAFETY: `raw` is an int of ours for the kernel to write to.
        match Errno::result(unsafe { libc::waitpid(-1, &mut raw, libc::__WALL) }) {
            Ok(tid) => return Ok(Some((Pid::from_raw(tid), raw))),
            Err(Errno::ECHILD) => return Ok(None),
            Err(Errno::EINTR) => continue,
            result => result.syscall("waitpid", || "-1, __WALL".into())?,
        };
    }
}

/// Puts a filter on this process and on all that it starts. It keeps the
/// processor's speculation as it is (SECCOMP_FILTER_FLAG_SPEC_ALLOW), which
/// older kernels would slow down.
///
/// # Errors
/// EACCES without CAP_SYS_ADMIN and without no_new_privs.
pub fn set_filter(filter: &[libc::sock_filter]) -> nix::Result<()> {
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: seccomp(2) reads `len` instructions, which live through the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW,
            &raw const program,
        )
    };
    Errno::result(result).map(drop)
}

/// Whom signals are passed on to; 0 before there is anybody.
static PROGRAM: AtomicI32 = AtomicI32::new(0);

/// From now on `signals` go to `program`.
pub fn pass_on_to(program: Pid) {
    PROGRAM.store(program.as_raw(), Ordering::Relaxed);
}

/// Catches a signal, to pass it on. Returns what was to be done with it before.
///
/// # Errors
/// sigaction(2)'s.
pub fn catch(signal: Signal) -> Result<SigAction> {
    // waitpid(2) goes on after it. So nothing is lost between a look and a wait.
    let flags = SaFlags::SA_RESTART;
    let action = SigAction::new(SigHandler::SigAction(pass_on), flags, SigSet::all());
    set_action(signal, &action)
}

/// Does with a signal what `action` says. Returns what was to be done before.
///
/// # Errors
/// sigaction(2)'s.
pub fn set_action(signal: Signal, action: &SigAction) -> Result<SigAction> {
    // SAFETY: the one handler there is, `pass_on`, makes async-signal-safe calls alone.
    let before = unsafe { sigaction(signal, action) };
    Ok(before.syscall("sigaction", || signal.to_string())?)
}

/// The terminal's signals went to the whole foreground group, so the program
/// has them already. A hang-up alone may have gone to the session's leader only.
extern "C" fn pass_on(signal: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: SA_SIGINFO was asked for, so the kernel gives a siginfo_t.
    let from_terminal = unsafe { (*info).si_code } == libc::SI_KERNEL;
    let program = PROGRAM.load(Ordering::Relaxed);
    if program > 0 && (!from_terminal || signal == libc::SIGHUP) {
        let before = Errno::last_raw();
        // SAFETY: signal-safety(7) lists kill, and it touches no memory.
        unsafe { libc::kill(program, signal) };
        Errno::set_raw(before);
    }
}

/// Who sent a signal that kill(2), or a relative of it, sent.
pub fn sender(info: &libc::siginfo_t) -> Option<i32> {
    // sigaction(2): SI_USER and all that is below it comes from a process, and tells which.
    let from_a_process = matches!(
        info.si_code,
        libc::SI_USER | libc::SI_TKILL | libc::SI_QUEUE
    );
    // SAFETY: for these codes the kernel filled si_pid.
    from_a_process.then(|| unsafe { info.si_pid() })
}
