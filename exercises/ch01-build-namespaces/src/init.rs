//! A small init, for a command that was not made to be PID 1.

use std::convert::Infallible;

use anyhow::Result;
use process::{CloneFlags, Parent, Program};

/// Stays as PID 1, with the command as its child: passes signals on, reaps
/// every process that ends without a parent, and ends as the command ends.
///
/// # Errors
/// What kept the command from running.
pub fn run_init(parent: &Parent, program: &Program) -> Result<Infallible> {
    todo!()
}
