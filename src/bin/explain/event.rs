//! What the tracer saw, in order.

use std::time::Duration;

use nix::errno::Errno;
use process::Status;

use crate::purpose::Purpose;

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    /// The process, as this program sees it.
    pub pid: i32,
    /// The thread of it; the main one has the same number.
    pub tid: i32,
    /// The PID in the innermost PID namespace that it is in, where that is another than ours.
    pub inside: Option<i32>,
}

/// One thing that happened.
#[derive(Debug)]
pub struct Event {
    /// To which process.
    pub who: Who,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug)]
pub enum What {
    /// A system call.
    Call(Step),
    /// A process was made by this one: its PID, and its PID inside.
    Born { child: Who },
    /// A signal was delivered, and who sent it with kill(2).
    Signal { signal: i32, sender: Option<i32> },
    /// The process ended.
    Ended(Status),
}

/// A system call, from its beginning to its end.
#[derive(Debug)]
pub struct Step {
    /// Its name, as the kernel has it.
    pub call: &'static str,
    /// Its arguments, decoded.
    pub args: Vec<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// What it is for; none for a call that `--all` alone shows.
    pub meaning: Option<Meaning>,
    /// From the moment it was let into the kernel to the moment it was back.
    pub took: Duration,
}

/// What a call is good for.
#[derive(Debug, Clone)]
pub struct Meaning {
    /// The part of the work.
    pub purpose: Purpose,
    /// In one line.
    pub why: String,
    /// The namespaces that it gives when it succeeds: CLONE_NEW* of clone(2).
    pub gained: u64,
    /// For exec, what is run: argv in one line.
    pub runs: Option<String>,
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It returned this.
    Returned(i64),
    /// It failed.
    Failed(Errno, i32),
    /// It never returned.
    Never,
}

impl Outcome {
    /// As strace prints it: `0`, `-1 ENOENT (No such file or directory)`, `?`.
    pub fn text(self) -> String {
        match self {
            Outcome::Returned(value) => value.to_string(),
            // Restarted by the kernel when the signal was seen to: nobody sees these numbers.
            Outcome::Failed(_, 512..) => "? (restarted)".into(),
            Outcome::Failed(errno, _) => format!("-1 {errno:?} ({})", errno.desc()),
            Outcome::Never => "?".into(),
        }
    }

    /// Whether the call did what it was asked to.
    pub fn succeeded(self) -> bool {
        matches!(self, Outcome::Returned(_))
    }
}
