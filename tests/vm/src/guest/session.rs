//! From the disk to the end: the machine is made ready, the script runs, the machine powers off.

use std::convert::Infallible;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, sethostname, sync};

use super::{cgroup, learner, mounts, power, sys};
use crate::{AT_TERMINAL, LAB, READY};

const TERMINAL: &str = "/dev/hvc0";

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The machine's whole life, from here on.
///
/// # Errors
///
/// When it cannot be made ready, or the script cannot be started.
pub fn run() -> Result<Infallible> {
    learner::give_disk_to_root()?;
    mounts::mount_all()?;
    sethostname("lab").context("sethostname(\"lab\")")?;
    fs::write("/etc/hostname", "lab\n").context("writing /etc/hostname")?;
    // As systemd sets it, and most distributions with it: ps(1) makes its columns as wide.
    fs::write("/proc/sys/kernel/pid_max", "4194304").context("writing kernel.pid_max")?;
    sys::set_up("lo")?;
    cgroup::set_up()?;
    learner::add()?;

    // signal(7): a first process gets the signals that it waits for, and no others.
    let signals = SigSet::from_iter([Signal::SIGCHLD, Signal::SIGTERM]);
    signals.thread_block().context("blocking signals")?;
    let script = start()?;
    eprintln!("{READY}");
    let status = wait(script, &signals)?;
    end(status)
}

/// Starts the script on the terminal that qemu gives the machine.
fn start() -> Result<Pid> {
    let terminal = File::options().read(true).write(true).open(TERMINAL);
    let terminal = terminal.with_context(|| format!("opening {TERMINAL}"))?;
    let duplicate = || terminal.try_clone().context("dup(2) of the terminal");
    let mut command = Command::new("/bin/sh");
    command.arg(Path::new(LAB).join("script"));
    command
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", "/root")
        .env("USER", "root");
    command.stdout(duplicate()?).stderr(duplicate()?);
    let at_terminal = std::env::var_os(AT_TERMINAL).is_some();
    sys::start_session(&mut command, at_terminal);
    if at_terminal {
        command.stdin(duplicate()?);
    } else {
        // A pipe to the host, which is to get what was written as it was written.
        let mut settings = tcgetattr(&terminal).context("tcgetattr(3)")?;
        cfmakeraw(&mut settings);
        tcsetattr(&terminal, SetArg::TCSANOW, &settings).context("tcsetattr(3)")?;
        command.stdin(Stdio::null());
    }
    let child = command.spawn().context("starting /bin/sh")?;
    Ok(Pid::from_raw(child.id().cast_signed()))
}

/// Reaps what ends, until the script does or somebody asks for the machine's end.
fn wait(script: Pid, signals: &SigSet) -> Result<u8> {
    loop {
        if signals.wait().context("sigwait(3)")? == Signal::SIGTERM {
            return Ok(0);
        }
        while let Some((pid, status)) = reap(WaitPidFlag::WNOHANG)? {
            if pid == script {
                return Ok(status);
            }
        }
    }
}

/// One child that has ended, and its status as a shell would say it.
fn reap(flags: WaitPidFlag) -> Result<Option<(Pid, u8)>> {
    match waitpid(None, Some(flags)) {
        Ok(WaitStatus::Exited(pid, status)) => Ok(Some((pid, status.to_le_bytes()[0]))),
        Ok(WaitStatus::Signaled(pid, signal, _)) => Ok(Some((pid, 128 + signal as u8))),
        Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => Ok(None),
        Ok(other) => bail!("waitpid(2) gave {other:?}"),
        Err(errno) => Err(errno).context("waitpid(2)"),
    }
}

/// Ends all processes, puts the disk in order, and powers off.
fn end(status: u8) -> Result<Infallible> {
    // Who is in a PID namespace is killed with its first process.
    let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    while reap(WaitPidFlag::empty())?.is_some() {}
    let path = Path::new(LAB).join("results/status");
    fs::write(&path, format!("{status}\n"))
        .with_context(|| format!("writing {}", path.display()))?;
    sync();
    let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    if let Err(errno) = mount(None::<&str>, "/", None::<&str>, read_only, None::<&str>) {
        eprintln!("lab-init: mount(\"/\", MS_REMOUNT|MS_RDONLY): {errno}");
    }
    power::cut();
    bail!("the machine did not power off")
}
