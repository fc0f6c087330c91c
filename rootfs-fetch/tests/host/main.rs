//! The built-in root filesystem, cut from the machine that the tests run on.
//!
//! With libtest-mimic, because some checks need a chroot(2) or a mount namespace: where there is
//! none they are skipped, and say so.

mod cache;
mod command;
mod kill;
mod removal;
mod support;
mod tools;
mod tree;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = Vec::new();
    trials.extend(tree::trials());
    trials.extend(cache::trials());
    trials.extend(removal::trials());
    trials.extend(kill::trials());
    trials.extend(command::trials());
    libtest_mimic::run(&arguments, trials).exit();
}
