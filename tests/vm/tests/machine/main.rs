//! The lab machine from outside: how it ends when something is wrong.

mod ended;
mod refused;
mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    // This process may be one that a test started to be killed.
    if let Some(ended) = support::answer_part() {
        return ended;
    }
    let trials = [ended::trials(), refused::trials()];
    let trials = trials.into_iter().flatten().collect();
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), trials).exit_code()
}
