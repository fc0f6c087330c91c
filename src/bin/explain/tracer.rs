//! The loop: wait for the next stop of any tracee, tell what it was at, let it go on.
//!
//! ptrace(2) has the rules. PTRACE_SEIZE is used throughout: with it a stop for
//! a signal, for SIGSTOP, and for an event can be told from one another.

use std::time::Instant;

use anyhow::Result;
use nix::sys::ptrace;
use nix::unistd::Pid;
use process::Status;

use crate::calls::{self, Test};
use crate::decode::{Decoded, Entry};
use crate::event::{Event, Outcome, Step, What};
use crate::filter::ARCHITECTURE;
use crate::launch::{Launch, Launched};
use crate::memory::Memory;
use crate::sys::{self, At, Resume};
use crate::tracees::{Pending, Tracee, Tracees};

/// Runs a program, and gives every event to `tell`, until it and all that it started have ended.
///
/// # Errors
/// When it cannot be started, or not traced.
pub fn run(launch: &Launch, tell: impl FnMut(Event)) -> Result<Status> {
    let launched = launch.start()?;
    let mut tracer = Tracer {
        program: launched.pid,
        filtered: launched.filtered,
        all: launch.all,
        started: false,
        status: None,
        tracees: Tracees::default(),
        tell,
    };
    tracer.tracees.add(launched.pid, None);
    while let Some((tid, raw)) = sys::wait()? {
        tracer.changed(tid, raw);
    }
    finished(launched, tracer.started, tracer.status)
}

/// The program's status, or the reason why there was none.
fn finished(launched: Launched, started: bool, status: Option<Status>) -> Result<Status> {
    if !started {
        launched.failure()?;
    }
    Ok(status.unwrap_or(Status::Exited(Status::RUNTIME_FAILED)))
}

struct Tracer<F> {
    program: Pid,
    /// Only the calls of the table stop; otherwise every call does.
    filtered: bool,
    all: bool,
    /// The program has taken the place of our own child.
    started: bool,
    status: Option<Status>,
    tracees: Tracees,
    tell: F,
}

impl<F: FnMut(Event)> Tracer<F> {
    fn changed(&mut self, tid: Pid, raw: i32) {
        if libc::WIFEXITED(raw) {
            return self.ended(tid, Status::Exited(libc::WEXITSTATUS(raw) as u8));
        }
        if libc::WIFSIGNALED(raw) {
            return self.ended(tid, Status::Killed(libc::WTERMSIG(raw)));
        }
        if self.tracees.get(tid).is_none() {
            // Its parent's own stop is still to come, and says whose child it is.
            return self.tracees.too_early(tid);
        }
        let signal = libc::WSTOPSIG(raw);
        match raw >> 16 {
            0 if signal == libc::SIGTRAP | 0x80 => self.at_call(tid),
            0 => return self.signalled(tid, signal),
            libc::PTRACE_EVENT_SECCOMP => self.at_call(tid),
            libc::PTRACE_EVENT_CLONE | libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK => {
                self.born(tid);
            }
            libc::PTRACE_EVENT_EXEC => self.executed(tid),
            libc::PTRACE_EVENT_STOP if stops(signal) => {
                let _ = sys::resume(tid, Resume::Stopped, 0);
                return;
            }
            _ => {}
        }
        self.go_on(tid, 0);
    }

    fn go_on(&mut self, tid: Pid, signal: i32) {
        let every_call = self.all || !self.filtered;
        let tracee = self.tracees.get(tid);
        let to_next_call =
            tracee.is_some_and(|tracee| tracee.pending.is_some() || tracee.redirected);
        let how = if every_call || to_next_call {
            Resume::ToNextCall
        } else {
            Resume::Freely
        };
        // One that was killed meanwhile is no longer stopped: its end is what comes next.
        let _ = sys::resume(tid, how, signal);
    }

    fn at_call(&mut self, tid: Pid) {
        match sys::at(tid) {
            Ok((At::Entry { nr, args }, arch)) => self.entered(Entry {
                tid,
                nr,
                args,
                native: arch == ARCHITECTURE,
            }),
            Ok((At::Exit(result), _)) => self.left(tid, result),
            _ => {}
        }
    }

    fn entered(&mut self, entry: Entry) {
        let all = self.all;
        let Some(tracee) = self.tracees.get(entry.tid) else {
            return;
        };
        if tracee.pending.is_some() {
            return; // The filter tells of a call that has stopped already.
        }
        let call = calls::find(entry.nr).filter(|_| entry.native);
        let memory = Memory(entry.tid);
        let told = call.filter(|call| worth_telling(call.when, tracee, &entry));
        let decoded = told.and_then(|call| (call.decode)(&entry, memory));
        let (decoded, call) = match decoded {
            Some(decoded) => (decoded, call),
            None if all => (Decoded::raw(&entry), None),
            None => return,
        };
        tracee.pending = Some(Pending {
            name: call.map_or_else(|| entry.name(), |call| call.name),
            call,
            decoded,
            since: Instant::now(),
        });
        if matches!(entry.nr as i64, libc::SYS_exit_group | libc::SYS_exit) {
            self.returned(entry.tid, Outcome::Never);
        }
    }

    fn left(&mut self, tid: Pid, result: Result<i64, i32>) {
        self.returned(
            tid,
            match result {
                Ok(value) => Outcome::Returned(value),
                Err(raw) => Outcome::Failed(nix::errno::Errno::from_raw(raw), raw),
            },
        );
    }

    /// The call that this tracee was in is over.
    fn returned(&mut self, tid: Pid, outcome: Outcome) {
        let Some(tracee) = self.tracees.get(tid) else {
            return;
        };
        let Some(pending) = tracee.pending.take() else {
            return;
        };
        let took = pending.since.elapsed();
        let Decoded {
            args,
            meaning,
            silent,
            redirects,
        } = pending.decoded;
        if redirects {
            tracee.redirected = crate::decode::files::redirected(tid);
        }
        let who = tracee.who;
        if self.started && (!silent || self.all) {
            let step = Step {
                call: pending.name,
                args,
                outcome,
                meaning: meaning.filter(|_| pending.call.is_some()),
                took,
            };
            self.told(Event {
                who,
                what: What::Call(step),
            });
        }
    }

    fn told(&mut self, event: Event) {
        (self.tell)(event);
    }

    /// A clone that succeeded is told here and not where it returns: its child
    /// may be faster than that.
    fn born(&mut self, tid: Pid) {
        let Ok(child) = ptrace::getevent(tid).map(|child| Pid::from_raw(child as i32)) else {
            return;
        };
        let waits = self.tracees.add(child, Some(tid));
        let seen = self.tracees.as_seen_by(tid, child);
        self.returned(tid, Outcome::Returned(seen.into()));
        let (Some(parent), Some(born)) = (
            self.tracees.get(tid).map(|tracee| tracee.who),
            self.tracees.get(child).map(|tracee| tracee.who),
        ) else {
            return;
        };
        if born.pid == born.tid {
            self.told(Event {
                who: parent,
                what: What::Born { child: born },
            });
        }
        if waits {
            self.go_on(child, 0);
        }
    }

    fn executed(&mut self, tid: Pid) {
        self.started = true;
        if let Ok(former) = ptrace::getevent(tid) {
            self.tracees.take_over(tid, Pid::from_raw(former as i32));
        }
    }

    fn signalled(&mut self, tid: Pid, signal: i32) {
        let sender = ptrace::getsiginfo(tid).ok();
        let sender = sender.and_then(|info| sys::sender(&info));
        let who = self.tracees.get(tid).map(|tracee| tracee.who);
        let dull = matches!(signal, libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH);
        if let Some(who) = who.filter(|_| self.started && (!dull || self.all)) {
            self.told(Event {
                who,
                what: What::Signal { signal, sender },
            });
        }
        self.go_on(tid, signal);
    }

    fn ended(&mut self, tid: Pid, status: Status) {
        self.returned(tid, Outcome::Never);
        let who = self.tracees.remove(tid).map(|tracee| tracee.who);
        if tid == self.program {
            self.status = Some(status);
        }
        let process = who.filter(|who| who.pid == who.tid && self.started);
        if let Some(who) = process {
            self.told(Event {
                who,
                what: What::Ended(status),
            });
        }
    }
}

/// Whether this is a signal that stops a process, so that a stop for it is one of the whole group.
fn stops(signal: i32) -> bool {
    matches!(
        signal,
        libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU
    )
}

/// As the filter decides it, but for a process whose standard streams are redirected.
fn worth_telling(when: &[Test], tracee: &Tracee, entry: &Entry) -> bool {
    let is_write = crate::decode::files::is_write(entry.nr);
    when.iter()
        .all(|test| test.holds(&entry.args) || (tracee.redirected && is_write))
}
