//! The README's first command, and the output that it shows.

use libtest_mimic::Trial;

use crate::support::run::shell;
use crate::support::snapshot::snapshot;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![readme: [first_command_runs_a_container]]
}

/// The README shows these lines; a test of the workbook compares.
fn first_command_runs_a_container() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["ps"]));
    let words = r#"sh -c 'echo "I am PID $$"; ps -o pid,args'"#;
    // `cargo ch02` is an alias for building this program and running it.
    let run = shell(&format!("ch02-rootfs {words}"));
    snapshot(
        "readme-first-container",
        &format!("$ cargo ch02 {words}\n{}", run.out),
    );
    done()
}
