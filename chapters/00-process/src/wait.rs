//! Wait for the child, and pass on to it what comes for it meanwhile.

use anyhow::Result;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::SysResult;
use crate::report::Report;
use crate::signals::{Received, Signals};
use crate::status::Status;
use crate::sys;

/// A child process. Dropped before its end was seen, it is killed and reaped:
/// so a step of the parent that fails leaves no child behind.
#[must_use = "a child that is dropped is killed"]
pub struct Child {
    pid: Pid,
    in_cgroup: bool,
    report: Option<Report>,
    signals: Signals,
    reaped: bool,
}

impl Child {
    pub(crate) fn new(pid: Pid, in_cgroup: bool, report: Report, signals: Signals) -> Self {
        Self {
            pid,
            in_cgroup,
            report: Some(report),
            signals,
            reaped: false,
        }
    }

    /// Its PID, as this process sees it.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether it was born in the cgroup that [`spawn_into`](crate::spawn_into) was given.
    pub fn in_cgroup(&self) -> bool {
        self.in_cgroup
    }

    /// Waits until the child has become the command.
    ///
    /// # Errors
    /// What the child failed at instead.
    pub fn started(&mut self) -> Result<()> {
        match self.report.take() {
            Some(report) => report.read(),
            None => Ok(()),
        }
    }

    /// Waits until the command ends, and passes signals on to it until then.
    ///
    /// # Errors
    /// What the child failed at before it became the command.
    pub fn wait(self) -> Result<Status> {
        self.wait_with(|_, _| Ok(()))
    }

    /// As [`wait`](Child::wait), and calls `passed_on` after each signal.
    ///
    /// # Errors
    /// As [`wait`](Child::wait), and what `passed_on` returns.
    // ANCHOR: wait
    pub fn wait_with(
        mut self,
        mut passed_on: impl FnMut(&Child, Received) -> Result<()>,
    ) -> Result<Status> {
        self.started()?;
        loop {
            let received = self.signals.next()?;
            match received.signal {
                // Standard signals do not queue: one SIGCHLD may stand for
                // several children, or for one of the caller's. So ask.
                Signal::SIGCHLD => {
                    if let Some(status) = self.try_reap()? {
                        return Ok(status);
                    }
                }
                _ => {
                    self.pass_on(received)?;
                    passed_on(&self, received)?;
                }
            }
        }
    }
    // ANCHOR_END: wait

    /// As [`wait`](Child::wait), for a process that is PID 1: reaps also every
    /// process that the kernel hands to it.
    ///
    /// # Errors
    /// As [`wait`](Child::wait).
    // ANCHOR: reap
    pub fn wait_as_init(mut self) -> Result<Status> {
        self.started()?;
        loop {
            let received = self.signals.next()?;
            if received.signal == Signal::SIGCHLD {
                while let Some((pid, status)) = sys::wait_any()? {
                    if pid == self.pid {
                        self.reaped = true;
                        return Ok(status);
                    }
                }
            } else {
                self.pass_on(received)?;
            }
        }
    }
    // ANCHOR_END: reap

    /// Sends a signal. A child that has just ended is no error: until it is
    /// reaped its PID belongs to nobody else.
    ///
    /// # Errors
    /// When kill(2) fails.
    pub fn kill(&self, signal: Signal) -> Result<()> {
        kill(self.pid, signal).syscall("kill", || format!("{}, {signal}", self.pid))?;
        Ok(())
    }

    // ANCHOR: pass_on
    /// The terminal's signals went to the whole foreground group, the command
    /// included. Its hang-up alone may have gone to this process only: to the
    /// leader of the session.
    fn pass_on(&self, received: Received) -> Result<()> {
        if received.from_terminal && received.signal != Signal::SIGHUP {
            return Ok(());
        }
        self.kill(received.signal)
    }
    // ANCHOR_END: pass_on

    fn try_reap(&mut self) -> Result<Option<Status>> {
        let status = sys::wait(self.pid, libc::WNOHANG)?;
        self.reaped = status.is_some();
        Ok(status)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        if kill(self.pid, Signal::SIGKILL) != Err(Errno::ESRCH) {
            let _ = sys::wait(self.pid, 0);
        }
    }
}
