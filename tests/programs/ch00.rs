//! Chapter 0: the child, its status, its signals.

use libtest_mimic::Trial;

use crate::support::world::World;
use crate::support::{Outcome, done};

pub fn trials() -> Vec<Trial> {
    trials![ch00: [status_of_the_command_is_passed_on]]
}

/// Every program keeps this contract; chapter 0's needs no namespaces for it.
fn status_of_the_command_is_passed_on() -> Outcome {
    for code in [0, 1, 3, 124] {
        let status = World::shared()
            .command("ch00-process")
            .args(["sh", "-c", &format!("exit {code}")])
            .status()?;
        assert_eq!(status.code(), Some(code));
    }
    done()
}
