//! From numbers to the kernel's names, one module for each family of calls.

pub mod bpf;
pub mod capabilities;
pub mod clone;
pub mod exec;
pub mod files;
pub mod flags;
pub mod ids;
pub mod mount;
pub mod mount_api;
pub mod namespaces;
pub mod netlink;
pub mod prctl;
pub mod seccomp;
pub mod signals;
pub mod tree;

use nix::unistd::Pid;

use crate::event::Meaning;
use crate::memory::Memory;
use crate::purpose::Purpose;

/// A call as it begins.
pub struct Entry {
    /// The thread that makes it.
    pub tid: Pid,
    /// Its number.
    pub nr: u64,
    /// Its arguments.
    pub args: [u64; 6],
    /// The number is one of this architecture's, and not of a 32-bit program's.
    pub native: bool,
}

impl Entry {
    /// An argument that is an int.
    pub fn int(&self, n: usize) -> i32 {
        self.args[n] as i32
    }

    /// The call's name, for one that is not in the table.
    pub fn name(&self) -> &'static str {
        let number = syscalls::Sysno::new(self.nr as usize).filter(|_| self.native);
        number.map_or("unknown", |number| number.name())
    }
}

/// What a call's arguments mean. None: this one is of no interest.
pub type Decode = fn(&Entry, Memory) -> Option<Decoded>;

/// A call's arguments, decoded.
pub struct Decoded {
    /// In the order of the man page.
    pub args: Vec<String>,
    /// What it is for.
    pub meaning: Option<Meaning>,
    /// It is looked at for its effect, and not told.
    pub silent: bool,
    /// It changes what a standard stream is.
    pub redirects: bool,
}

impl Decoded {
    /// A call that is told.
    pub fn new(purpose: Purpose, args: Vec<String>, why: impl Into<String>) -> Option<Self> {
        let meaning = Meaning {
            purpose,
            why: why.into(),
            gained: 0,
            runs: None,
        };
        Some(Self {
            args,
            meaning: Some(meaning),
            silent: false,
            redirects: false,
        })
    }

    /// And it gives these namespaces: CLONE_NEW* of clone(2).
    pub fn gains(mut self, flags: u64) -> Self {
        if let Some(meaning) = &mut self.meaning {
            meaning.gained = flags;
        }
        self
    }

    /// And it runs this command line.
    pub fn runs(mut self, line: String) -> Self {
        if let Some(meaning) = &mut self.meaning {
            meaning.runs = Some(line);
        }
        self
    }

    /// A call that `--all` alone shows: its arguments as they are.
    pub fn raw(entry: &Entry) -> Self {
        Self {
            args: entry.args.iter().map(|arg| format!("{arg:#x}")).collect(),
            meaning: None,
            silent: false,
            redirects: false,
        }
    }
}
