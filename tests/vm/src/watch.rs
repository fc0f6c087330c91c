//! The watch over a machine that runs: whether it starts, ends, and in time.

use std::io::Read;
use std::os::fd::AsFd;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::READY;
use crate::console::Console;

/// How long a kernel may take until its first process runs the command.
const BOOT: Duration = Duration::from_secs(180);

/// A machine that runs.
#[must_use = "the machine is ended when this is dropped"]
pub struct Watch {
    child: Child,
    console: Console,
    started: Instant,
    booted: Option<Duration>,
}

impl Watch {
    /// Watches qemu, whose standard error is the machine's console.
    pub fn new(child: Child, console: Console) -> Self {
        Self {
            child,
            console,
            started: Instant::now(),
            booted: None,
        }
    }

    /// Waits for the machine's end.
    ///
    /// # Errors
    ///
    /// When the kernel does not start the command, when `timeout` is over, or when qemu fails: with
    /// the last lines of the console.
    pub fn until_end(mut self, timeout: Option<Duration>) -> Result<Ended> {
        let booted = self.wait(timeout);
        let last_lines = self.console.last_lines();
        match booted {
            Ok(booted) => Ok(Ended { booted, last_lines }),
            Err(error) => Err(with_last_lines(&error, &last_lines)),
        }
    }

    fn wait(&mut self, timeout: Option<Duration>) -> Result<Duration> {
        let mut pipe = self.child.stderr.take().context("qemu has no console")?;
        let mut buffer = [0; 4096];
        loop {
            let limit = match self.booted {
                None => Some(timeout.map_or(BOOT, |timeout| timeout.min(BOOT))),
                Some(_) => timeout,
            };
            let left = limit.map(|limit| limit.saturating_sub(self.started.elapsed()));
            if !is_readable(&pipe, left)? {
                return Err(self.too_long(limit.unwrap_or_default()));
            }
            let count = pipe.read(&mut buffer).context("reading the console")?;
            if count == 0 {
                break;
            }
            let lines = self
                .console
                .take(&buffer[..count])
                .context("keeping the console's log")?;
            if self.booted.is_none() && lines.iter().any(|line| line.contains(READY)) {
                self.booted = Some(self.started.elapsed());
            }
        }
        // The other end of the pipe was qemu's alone.
        let status = self.child.wait().context("waiting for qemu")?;
        if !status.success() {
            bail!("qemu failed ({status})");
        }
        self.booted
            .context("the machine ended before it started the command")
    }

    fn too_long(&self, limit: Duration) -> anyhow::Error {
        let seconds = limit.as_secs();
        match self.booted {
            Some(_) => {
                anyhow!("the command was not done after {seconds} s, and the machine was ended")
            }
            None => anyhow!("the kernel did not start the command within {seconds} s"),
        }
    }
}

/// A machine that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How long it took until the command was started.
    pub booted: Duration,
    last_lines: String,
}

impl Ended {
    /// The error, with what the kernel wrote last.
    pub fn explain(&self, error: &anyhow::Error) -> anyhow::Error {
        with_last_lines(error, &self.last_lines)
    }
}

fn with_last_lines(error: &anyhow::Error, lines: &str) -> anyhow::Error {
    anyhow!("{error:#}; the last lines on the machine's console:\n{lines}")
}

impl Drop for Watch {
    /// Ends qemu, if it has not ended; it puts the terminal back.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = kill(
                Pid::from_raw(self.child.id().cast_signed()),
                Signal::SIGTERM,
            );
            let _ = self.child.wait();
        }
    }
}

/// Waits until there is something to read, or an end. False when the time is over first.
fn is_readable(pipe: &impl AsFd, time: Option<Duration>) -> Result<bool> {
    let end = time.map(|time| Instant::now() + time);
    loop {
        let timeout = match end {
            None => PollTimeout::NONE,
            Some(end) => {
                let left = end.saturating_duration_since(Instant::now());
                // Rounded up, so that the time is over when poll(2) says so.
                PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX)
            }
        };
        let mut pipes = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        match poll(&mut pipes, timeout) {
            Ok(0) if end.is_some_and(|end| Instant::now() >= end) => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(errno) => return Err(errno).context("poll(2) of the machine's console"),
        }
    }
}
