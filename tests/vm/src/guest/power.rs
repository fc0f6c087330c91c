//! The end of the machine.

use anyhow::{Context, Result};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, pause, sync};

/// `poweroff`, `reboot`, `halt`: asks the first process to end the machine.
///
/// # Errors
///
/// When this user may not.
pub fn off() -> Result<()> {
    kill(Pid::from_raw(1), Signal::SIGTERM).context("kill(1, SIGTERM)")?;
    // The first process kills this one.
    loop {
        pause();
    }
}

/// Powers off at once. Whatever is on the disk is what was written until now.
pub fn cut() {
    sync();
    let Err(errno) = reboot(RebootMode::RB_POWER_OFF);
    eprintln!("lab-init: reboot(RB_POWER_OFF): {errno}");
}
