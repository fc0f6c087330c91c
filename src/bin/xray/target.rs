//! The process that is looked at, found and held on to.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use procfs::process::{Process, Stat, Status};
use procfs::{FromRead, ProcError};
use serde::Serialize;

/// One process, by its PID where `xray` runs.
pub struct Target {
    /// Its PID on the host.
    pub pid: i32,
    /// The program whose child it is, when that one was named.
    pub runtime: Option<Runtime>,
    /// When it was found.
    pub stat: Stat,
    process: Process,
}

/// A program that waits for a container.
#[derive(Debug, Clone, Serialize)]
pub struct Runtime {
    /// Its PID on the host.
    pub pid: i32,
    /// Its name: comm, in proc_pid_stat(5).
    pub name: String,
}

/// Programs that stay, and whose child is the container. Those of this workbook begin with `ch`
/// and two digits.
const RUNTIMES: [&str; 4] = ["bwrap", "crun", "runc", "unshare"];

impl Target {
    /// The process of this PID; or its child, when it is a runtime that has one.
    ///
    /// # Errors
    /// When the word is no PID, and when there is no such process, or only what is left of one.
    pub fn find(word: &str) -> Result<Self> {
        let pid = word.parse().ok().filter(|pid: &i32| *pid > 0);
        let pid = pid.with_context(|| format!("{word:?} is no PID: a number from 1 up is"))?;
        let named = Self::at(pid)?;
        let Some(child) = named.container() else {
            return Ok(named);
        };
        let mut target = Self::at(child)?;
        target.runtime = Some(Runtime {
            pid,
            name: named.stat.comm,
        });
        Ok(target)
    }

    fn at(pid: i32) -> Result<Self> {
        let found = Process::new(pid).and_then(|process| Ok((process.stat()?, process)));
        let (stat, process) = match found {
            Ok(found) => found,
            Err(ProcError::NotFound(_)) => bail!("there is no process {pid}{}", hint(pid)),
            Err(error) => return Err(error).context(format!("looking for process {pid}")),
        };
        // A zombie has no memory, no files and no namespaces any more.
        ensure!(
            !matches!(stat.state, 'Z' | 'X'),
            "process {pid} ({}) has ended; its parent, {}, has not yet asked for its status",
            stat.comm,
            stat.ppid
        );
        Ok(Self {
            pid,
            runtime: None,
            stat,
            process,
        })
    }

    /// The one child of a runtime. A PID 1 is never a runtime: its name may
    /// still be that of the program that it was forked from.
    fn container(&self) -> Option<i32> {
        let name = self.stat.comm.as_str();
        let bytes = name.as_bytes();
        let ours = bytes.len() > 4
            && name.starts_with("ch")
            && bytes[2..4].iter().all(u8::is_ascii_digit)
            && bytes[4] == b'-';
        if !(ours || RUNTIMES.contains(&name)) || self.pids().ok()?.last() == Some(&1) {
            return None;
        }
        match children(self.pid)[..] {
            [child] => Some(child),
            _ => None,
        }
    }

    /// Holds that this very process is still there: everything that was read is of it.
    ///
    /// # Errors
    /// When it has ended.
    pub fn still_runs(&self) -> Result<()> {
        // The directory of a process that has ended is empty, even when its PID is used again.
        let state = self.process.stat().map(|stat| stat.state);
        ensure!(
            !matches!(state, Err(_) | Ok('Z' | 'X')),
            "process {} ({}) ended while it was looked at",
            self.pid,
            self.stat.comm
        );
        Ok(())
    }

    /// procfs's handle of it.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// A file or directory of it in /proc.
    pub fn path(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.pid))
    }

    /// Reads a file of it in /proc.
    ///
    /// # Errors
    /// EACCES when it is not this user's.
    pub fn read(&self, file: &str) -> Result<String> {
        read(self.pid, file)
    }

    /// proc_pid_status(5).
    ///
    /// # Errors
    /// When it has ended.
    pub fn status(&self) -> Result<Status> {
        status(self.pid)
    }

    /// Its PIDs: the host's first, that of its own PID namespace last.
    ///
    /// # Errors
    /// When it has ended.
    pub fn pids(&self) -> Result<Vec<i32>> {
        self.status()?
            .nspid
            .context("this kernel has no NSpid in /proc/PID/status")
    }
}

/// Inside a container the numbers are others: a mistake that is easily made.
fn hint(pid: i32) -> &'static str {
    if pid < 10 {
        ": is it a PID from inside a container? The host's PID is wanted"
    } else {
        ""
    }
}

/// Reads a file of a process in /proc.
pub fn read(pid: i32, file: &str) -> Result<String> {
    use process::SysResult;
    let path = format!("/proc/{pid}/{file}");
    // A mount point can have any bytes in its name.
    let bytes = fs::read(&path).syscall("read", || format!("{path:?}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// proc_pid_status(5).
pub fn status(pid: i32) -> Result<Status> {
    Status::from_read(read(pid, "status")?.as_bytes())
        .with_context(|| format!("reading /proc/{pid}/status"))
}

/// The children of a process, of all its threads: proc_pid_task(5).
pub fn children(pid: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let lists = threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The command line in one line; the name in brackets where there is none, as ps(1) has it.
pub fn command(pid: i32) -> String {
    let words = read(pid, "cmdline").unwrap_or_default();
    let line: String = words
        .trim_end_matches('\0')
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if !line.is_empty() {
        return line;
    }
    let name = read(pid, "comm").unwrap_or_default();
    format!("[{}]", name.trim_end())
}
