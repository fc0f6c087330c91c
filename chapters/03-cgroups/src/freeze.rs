//! Stop a whole group, let it go on, end it.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use process::SysResult;

use crate::cgroup::Cgroup;
use crate::file::{read, write};

/// A process that waits for a disk is frozen when the disk has answered.
const PATIENCE: Duration = Duration::from_secs(10);

impl Cgroup {
    /// Stops every process of the group, and returns when all have stopped.
    ///
    /// # Errors
    /// When this machine has no freezer for the group, and when a process does
    /// not stop within ten seconds.
    pub fn freeze(&self) -> Result<()> {
        self.set_frozen(true)
    }

    /// Lets every process of the group go on.
    ///
    /// # Errors
    /// As [`Self::freeze`].
    pub fn thaw(&self) -> Result<()> {
        self.set_frozen(false)
    }

    fn set_frozen(&self, frozen: bool) -> Result<()> {
        for group in self.paths() {
            if group.join("cgroup.freeze").exists() {
                return in_version_2(group, frozen);
            }
            if group.join("freezer.state").exists() {
                return in_version_1(group, frozen);
            }
        }
        bail!(
            "nothing can freeze this group: neither version 2 nor the freezer of version 1 is there"
        )
    }

    /// Ends every process of the group with SIGKILL, the frozen ones too. They
    /// are gone a moment later.
    ///
    /// # Errors
    /// When a file of the group cannot be written.
    pub fn kill(&self) -> Result<()> {
        for group in self.paths() {
            kill_all(group)?;
        }
        Ok(())
    }
}

// ANCHOR: freeze
/// The kernel says in cgroup.events when the last process has stopped, and
/// wakes who polls the file.
fn in_version_2(group: &Path, frozen: bool) -> Result<()> {
    let path = group.join("cgroup.events");
    let mut events = File::open(&path).syscall("open", || format!("{path:?}"))?;
    let state = u8::from(frozen).to_string();
    write(group, "cgroup.freeze", &state)?;
    loop {
        let mut text = String::new();
        events.rewind()?;
        events.read_to_string(&mut text)?;
        if text
            .lines()
            .any(|line| line.strip_prefix("frozen ") == Some(&state))
        {
            return Ok(());
        }
        let changed = PollFd::new(events.as_fd(), PollFlags::POLLPRI);
        match poll(&mut [changed], PATIENCE.as_millis() as u16) {
            Ok(0) => bail!("a process of {group:?} does not stop"),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).syscall("poll", || format!("{path:?}"))?,
        }
    }
}
// ANCHOR_END: freeze

/// Version 1 tells nobody. Each look makes the kernel try again.
fn in_version_1(group: &Path, frozen: bool) -> Result<()> {
    let state = if frozen { "FROZEN" } else { "THAWED" };
    let end = Instant::now() + PATIENCE;
    write(group, "freezer.state", state)?;
    while read(group, "freezer.state")? != state {
        ensure!(Instant::now() < end, "a process of {group:?} does not stop");
        std::thread::yield_now();
    }
    Ok(())
}

/// Version 2 kills a group whole; in version 1 every process is sent SIGKILL.
// ANCHOR: kill
pub(crate) fn kill_all(group: &Path) -> Result<()> {
    if group.join("cgroup.kill").exists() {
        write(group, "cgroup.kill", "1")?;
    } else {
        for pid in read(group, "cgroup.procs")?.lines() {
            let _ = kill(Pid::from_raw(pid.parse()?), Signal::SIGKILL);
        }
        // Older kernels do not let a frozen process of version 1 die.
        if group.join("freezer.state").exists() {
            write(group, "freezer.state", "THAWED")?;
        }
    }
    Ok(())
}
// ANCHOR_END: kill
