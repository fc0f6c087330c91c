//! The sessions of chapter 1.

use libtest_mimic::Trial;

use crate::support::transcript::Transcript;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch01: [pid_1]]
}

fn pid_1() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["pgrep"]));
    Transcript::new()
        .background("ch01-namespaces --hostname box", "sleep 1001")
        .shell("PID=$(pgrep -xf 'sleep 1001'); grep NSpid /proc/$PID/status; readlink /proc/self/ns/pid /proc/$PID/ns/pid")
        .snapshot("ch01-pid-1");
    done()
}
