//! An init of two threads: one takes signals, the other waits for children.

use std::convert::Infallible;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitStatus, wait};
use process::{CloneFlags, Parent, Program};

/// Stays as PID 1.
pub fn run_init(parent: &Parent, program: &Program) -> Result<Infallible> {
    let mut command = process::spawn(CloneFlags::empty(), |_init| program.exec())?;
    command.started()?;
    parent.started();
    let pid = command.pid();
    // spawn has blocked the signals in this thread, and a new thread inherits that.
    let mut passed = SigSet::all();
    passed.remove(Signal::SIGCHLD);
    std::thread::Builder::new()
        .spawn(move || {
            while let Ok(signal) = passed.wait() {
                let _ = kill(pid, signal);
            }
        })
        .context("a thread for signals")?;
    loop {
        match wait() {
            Ok(WaitStatus::Exited(ended, code)) if ended == pid => {
                process::exit_now(u8::try_from(code).unwrap_or(u8::MAX))
            }
            Ok(WaitStatus::Signaled(ended, signal, _)) if ended == pid => {
                process::exit_now(128 + signal as u8)
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => bail!("wait: {errno}"),
        }
    }
}
