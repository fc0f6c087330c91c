//! What the tests of the programs stand on.

pub mod container;
pub mod disk;
pub mod kernel;
pub mod need;
pub mod run;
pub mod signals;
pub mod snapshot;
pub mod stand_in;
pub mod steer;
pub mod transcript;
pub mod world;

use libtest_mimic::{Completion, Failed};

/// What a test returns: done, skipped with a reason, or failed.
pub type Outcome = Result<Completion, Failed>;

/// The end of a test that ran.
pub fn done() -> Outcome {
    Ok(Completion::Completed)
}

/// Skips this test aloud when a need of it is not met here: the reason is
/// printed, and the test counted as ignored.
macro_rules! skip_unless {
    ($need:expr) => {
        if let Err(reason) = $need {
            return Ok(libtest_mimic::Completion::ignored_with(reason));
        }
    };
}

/// The tests of a module, under the module's name. One that is missing here is
/// an unused function, which the compiler tells.
macro_rules! trials {
    ($module:ident: [$($test:ident),* $(,)?]) => {
        vec![$(libtest_mimic::Trial::ignorable_test(
            concat!(stringify!($module), "::", stringify!($test)),
            $test,
        )),*]
    };
}

/// The controller of this name, or a skip aloud.
macro_rules! need_controller {
    ($name:expr) => {
        match $crate::support::need::controller($name) {
            Ok(controller) => controller,
            Err(reason) => return Ok(libtest_mimic::Completion::ignored_with(reason)),
        }
    };
}
