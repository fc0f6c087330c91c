//! The sessions of chapter 2.

use libtest_mimic::Trial;

use crate::support::transcript::Transcript;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch02: [hello]]
}

fn hello() -> Outcome {
    skip_unless!(need::namespaces());
    Transcript::new()
        .shell("ch02-rootfs echo hello")
        .snapshot("ch02-hello");
    done()
}
