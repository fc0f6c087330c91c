//! Whom the tracer follows.

use std::collections::HashMap;
use std::fs;
use std::time::Instant;

use nix::unistd::Pid;

use crate::calls::Call;
use crate::decode::Decoded;
use crate::event::Who;

/// One thread under the tracer's eye.
pub struct Tracee {
    /// Who it is.
    pub who: Who,
    /// In how many PID namespaces it is, from the first that this program sees.
    depth: usize,
    /// The call that it is in, if that one is told.
    pub pending: Option<Pending>,
    /// A standard stream of it is a file of the kernel's, so writes to those count.
    pub redirected: bool,
}

/// A call that has begun.
pub struct Pending {
    /// Its name.
    pub name: &'static str,
    /// The entry of the table; none for what `--all` alone shows.
    pub call: Option<&'static Call>,
    /// What its arguments mean.
    pub decoded: Decoded,
    /// When it was let into the kernel.
    pub since: Instant,
}

/// All of them, by thread.
#[derive(Default)]
pub struct Tracees {
    known: HashMap<i32, Tracee>,
    /// Those that stopped for the first time before their parent told of them.
    early: Vec<i32>,
}

impl Tracees {
    /// The one of this number.
    pub fn get(&mut self, tid: Pid) -> Option<&mut Tracee> {
        self.known.get_mut(&tid.as_raw())
    }

    /// A new one. Whether it has stopped already, and waits to go on.
    pub fn add(&mut self, tid: Pid, parent: Option<Pid>) -> bool {
        let redirected = parent.is_some_and(|parent| {
            let parent = self.get(parent);
            parent.is_some_and(|parent| parent.redirected)
        });
        self.known.insert(
            tid.as_raw(),
            Tracee {
                redirected,
                ..Tracee::of(tid)
            },
        );
        let before = self.early.len();
        self.early.retain(|early| *early != tid.as_raw());
        self.early.len() < before
    }

    /// It stopped, and nobody has told of it yet.
    pub fn too_early(&mut self, tid: Pid) {
        self.early.push(tid.as_raw());
    }

    /// It is gone.
    pub fn remove(&mut self, tid: Pid) -> Option<Tracee> {
        self.known.remove(&tid.as_raw())
    }

    /// execve(2): all other threads end, and the one that called it takes over
    /// the number of the first.
    pub fn take_over(&mut self, tid: Pid, former: Pid) {
        if tid == former {
            return;
        }
        let pending = self.remove(former).and_then(|former| former.pending);
        if let Some(tracee) = self.get(tid) {
            tracee.pending = pending;
        }
    }

    /// A child's PID as its parent sees it: what its clone returns.
    pub fn as_seen_by(&mut self, parent: Pid, child: Pid) -> i32 {
        let depth = self.get(parent).map_or(1, |parent| parent.depth);
        let numbers = Numbers::of(child);
        let seen = numbers.pids.get(depth - 1);
        seen.copied().unwrap_or(child.as_raw())
    }
}

impl Tracee {
    fn of(tid: Pid) -> Self {
        let numbers = Numbers::of(tid);
        let inside = numbers.pids.last().copied();
        Tracee {
            who: Who {
                pid: numbers.process,
                tid: tid.as_raw(),
                inside: inside.filter(|_| numbers.pids.len() > 1),
            },
            depth: numbers.pids.len().max(1),
            pending: None,
            redirected: false,
        }
    }
}

/// proc_pid_status(5): the process of a thread, and its number in every PID namespace.
struct Numbers {
    process: i32,
    pids: Vec<i32>,
}

impl Numbers {
    /// A thread that is gone has its own number and no other.
    fn of(tid: Pid) -> Self {
        let status = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let numbers = line.unwrap_or_default().split_whitespace();
            numbers.filter_map(|number| number.parse().ok()).collect()
        };
        let process: Vec<i32> = field("Tgid:");
        Numbers {
            process: process.first().copied().unwrap_or(tid.as_raw()),
            pids: field("NStgid:"),
        }
    }
}
