//! What the tests of the exercises stand on.
//!
//! The tests judge a program from outside, by what the kernel says of it. They
//! never link the crate that they judge, so no code of it runs in the judge,
//! and nothing that a program prints is taken for a fact. Every wait ends: a
//! program that hangs fails its check.

mod container;
mod inside;
#[allow(missing_docs)] // Shared with the tests of the programs, which document less.
#[path = "../../../tests/support/kernel.rs"]
pub mod kernel;
mod limit;
pub mod need;
mod needle;
mod program;
mod record;
#[path = "../../../tests/support/signals.rs"]
mod signals;
mod stray;

use std::process::ExitCode;

pub use container::{Container, Ended, run};
pub use inside::{Names, names_inside};
pub use libtest_mimic::{Completion, Failed, Trial};
pub use limit::{eventually, limit};
pub use needle::{needle, number};
pub use program::{NOBODY, Program};
pub use record::check;

/// What a check returns: done, skipped with a reason, or failed.
pub type Outcome = Result<Completion, Failed>;

/// The end of a check that ran.
///
/// # Errors
/// None: it has the type that a check returns.
pub fn done() -> Outcome {
    Ok(Completion::Completed)
}

/// Skips this check aloud when a need of it is not met here.
#[macro_export]
macro_rules! skip_unless {
    ($need:expr) => {
        if let Err(reason) = $need {
            return Ok($crate::Completion::ignored_with(reason));
        }
    };
}

/// The checks of an exercise, by the names of their functions. One that is
/// missing here is an unused function, which the compiler tells.
#[macro_export]
macro_rules! checks {
    ($($check:ident),* $(,)?) => {
        vec![$($crate::check(stringify!($check), $check)),*]
    };
}

/// To be all of a test's `main`: runs the checks that its arguments name.
pub fn main(checks: Vec<Trial>) -> ExitCode {
    // This process may be one that a check started, to look at a namespace or to try a call.
    if let Some(status) = inside::answer().or_else(need::answer) {
        return status;
    }
    signals::as_at_a_terminal();
    stray::adopt();
    record::quiet_panics();
    need::host_name_of_our_own();
    let arguments = libtest_mimic::Arguments::from_args();
    let listing = arguments.list;
    let conclusion = libtest_mimic::run(&arguments, checks);
    program::remove_copies();
    stray::end_all();
    if !listing {
        record::write(conclusion.num_filtered_out);
    }
    conclusion.exit_code()
}
