//! A small init, for a command that was not made to be PID 1.

use std::convert::Infallible;

use anyhow::Result;
use process::{CloneFlags, Parent, Program};

/// Stays as PID 1, with the command as its child: passes signals on, reaps
/// every process that ends without a parent, and ends as the command ends.
///
/// # Errors
/// What kept the command from running.
// ANCHOR: init
pub fn run_init(parent: &Parent, program: &Program) -> Result<Infallible> {
    // An exec would close what the runtime has open. This process stays.
    parent.keep_only_this()?;
    let mut command = process::spawn(CloneFlags::empty(), |_init| program.exec())?;
    command.started()?;
    parent.started();
    let status = command.wait_as_init()?;
    process::exit_now(status.code())
}
// ANCHOR_END: init
