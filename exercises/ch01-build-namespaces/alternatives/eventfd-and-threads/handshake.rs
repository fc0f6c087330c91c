//! Parent and child meet on a counter, in place of a pipe.

use std::os::fd::AsFd;

use anyhow::{Context, Result};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::dup;

/// Two descriptors of one eventfd(2).
pub fn handshake() -> Result<(Go, WaitForGo)> {
    let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC).context("eventfd")?;
    let other = dup(event.as_fd()).context("dup")?;
    Ok((Go(event), WaitForGo(other)))
}

/// The parent's end.
#[must_use = "the child waits for it"]
pub struct Go(EventFd);

impl Go {
    /// Adds one.
    pub fn go(self) -> Result<()> {
        self.0.write(1).context("the word to the child")?;
        Ok(())
    }
}

/// The child's end.
#[must_use = "the parent gives the word"]
pub struct WaitForGo(std::os::fd::OwnedFd);

impl WaitForGo {
    /// A read of a counter waits while it is zero.
    pub fn wait(self) -> Result<()> {
        let mut counter = [0; 8];
        nix::unistd::read(&self.0, &mut counter).context("the word of the parent")?;
        Ok(())
    }
}
