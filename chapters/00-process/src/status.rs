//! How the command ended, and the exit status that says so.

use std::process::ExitCode;

use crate::error::SysError;

/// How a process ended: wait(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It ended by itself, with this status.
    Exited(u8),
    /// This signal killed it.
    Killed(i32),
}

impl Status {
    /// The runtime itself failed, and the command did not run.
    pub const RUNTIME_FAILED: u8 = 125;
    /// The command was found, but cannot be executed.
    pub const NOT_EXECUTABLE: u8 = 126;
    /// The command was not found.
    pub const NOT_FOUND: u8 = 127;

    /// The status this process ends with in the command's name. A death by
    /// signal n becomes 128+n, as in a shell.
    // ANCHOR: code
    pub fn code(self) -> u8 {
        match self {
            Status::Exited(code) => code,
            Status::Killed(signal) => 128 + signal as u8,
        }
    }
    // ANCHOR_END: code

    /// The status for an error, as env(1), docker and the shells give it.
    pub(crate) fn of_error(error: &anyhow::Error) -> u8 {
        match error.root_cause().downcast_ref::<SysError>() {
            Some(e) if e.call != "execve" => Self::RUNTIME_FAILED,
            Some(e) if e.errno == nix::errno::Errno::ENOENT => Self::NOT_FOUND,
            Some(_) => Self::NOT_EXECUTABLE,
            None => Self::RUNTIME_FAILED,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        status.code().into()
    }
}
