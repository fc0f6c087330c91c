//! Signals that this process gets, to be passed on to the command.

use anyhow::Result;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::error::SysResult;
use crate::sys::default_disposition;

/// What is passed on: what asks a process to do something. Left alone are the
/// signals of job control (Ctrl-Z stops both), of faults, and of pipes.
const FORWARDED: [Signal; 9] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGCONT,
    Signal::SIGWINCH,
];

/// A signal that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Which one.
    pub signal: Signal,
    /// The terminal sent it, and so it went to the whole foreground process
    /// group: the command has it already.
    pub from_terminal: bool,
}

/// Signals blocked, and read from a descriptor in place of a handler.
pub(crate) struct Signals {
    incoming: SignalFd,
    mask_before: SigSet,
}

impl Signals {
    pub(crate) fn block() -> Result<Self> {
        // A caller that ignores SIGCHLD hands that on to us: the kernel would
        // then reap the child itself, and its status would be lost. wait(2)
        default_disposition(Signal::SIGCHLD)?;

        let mut mask = SigSet::from_iter(FORWARDED);
        mask.add(Signal::SIGCHLD);
        let mut mask_before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&mask), Some(&mut mask_before))
            .syscall("sigprocmask", || "SIG_BLOCK".into())?;
        let incoming =
            SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC).syscall("signalfd", String::new)?;
        Ok(Self {
            incoming,
            mask_before,
        })
    }

    /// In the child: signals as they were before this program. A blocked
    /// signal stays blocked across exec, and so does an ignored one: Rust's
    /// start-up code ignores SIGPIPE, and `yes | head` would never end.
    // ANCHOR: restore
    pub(crate) fn restore_for_command(&self) -> Result<()> {
        default_disposition(Signal::SIGPIPE)?;
        self.unblock()
    }
    // ANCHOR_END: restore

    /// Waits for the next signal.
    pub(crate) fn next(&self) -> Result<Received> {
        loop {
            match self.incoming.read_signal() {
                Ok(Some(info)) => {
                    let signal = Signal::try_from(info.ssi_signo as i32)
                        .syscall("read", || "signalfd".into())?;
                    // ANCHOR: from_terminal
                    // sigaction(2): SI_KERNEL, where kill(2) would say SI_USER.
                    let from_terminal = info.ssi_code == libc::SI_KERNEL;
                    // ANCHOR_END: from_terminal
                    return Ok(Received {
                        signal,
                        from_terminal,
                    });
                }
                Ok(None) | Err(Errno::EINTR) => continue,
                Err(errno) => Err(errno).syscall("read", || "signalfd".into())?,
            }
        }
    }

    fn unblock(&self) -> Result<()> {
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.mask_before), None)
            .syscall("sigprocmask", || "SIG_SETMASK".into())?;
        Ok(())
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        let _ = self.unblock();
    }
}
