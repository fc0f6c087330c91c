//! Processes that a broken program leaves behind end with the tests.

use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use crate::kernel::Process;

/// Takes the place of the machine's init for every process started from here:
/// PR_SET_CHILD_SUBREAPER(2const).
pub(crate) fn adopt() {
    let _ = set_child_subreaper(true);
}

/// Ends the processes that came to this one when their parents ended.
/// They are children of this process, so their PIDs are nobody else's.
pub(crate) fn end_all() {
    loop {
        let strays = Process(std::process::id()).children();
        if strays.is_empty() {
            return;
        }
        for Process(pid) in strays {
            let pid = Pid::from_raw(pid as i32);
            let _ = kill(pid, Signal::SIGKILL);
            if waitpid(pid, None) == Err(Errno::ECHILD) {
                return;
            }
        }
    }
}
