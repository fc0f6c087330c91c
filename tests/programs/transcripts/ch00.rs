//! The sessions of chapter 0.

use libtest_mimic::Trial;

use crate::support::transcript::Transcript;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch00: [hello]]
}

fn hello() -> Outcome {
    skip_unless!(need::namespaces());
    Transcript::new()
        .shell("ch00-process echo hello")
        .snapshot("ch00-hello");
    done()
}
