//! Parent and child meet on a pipe.

use std::os::fd::OwnedFd;

use anyhow::{Result, ensure};
use nix::fcntl::OFlag;
use nix::unistd::{pipe2, read, write};
use process::SysResult;

/// Makes the two ends: the child waits at one, the parent gives the word at the other.
///
/// Some of a child's world only its parent can build, from outside and after
/// the child exists: its id map, its place in a cgroup, its end of a network
/// link. Until all that stands, the child must not run on.
///
/// # Errors
/// When pipe2(2) fails.
pub fn handshake() -> Result<(Go, WaitForGo)> {
    todo!()
}

/// The parent's end.
#[must_use = "the child waits for it"]
pub struct Go(OwnedFd);

impl Go {
    /// Lets the child run on.
    ///
    /// # Errors
    /// When write(2) fails.
    pub fn go(self) -> Result<()> {
        todo!()
    }
}

/// The child's end.
#[must_use = "the parent gives the word"]
pub struct WaitForGo(OwnedFd);

impl WaitForGo {
    /// Waits for the parent's word.
    ///
    /// # Errors
    /// When read(2) fails.
    pub fn wait(self) -> Result<()> {
        todo!()
    }
}
