//! How many processes.

use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};

/// How many processes and threads there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pids(pub u32);

impl FromStr for Pids {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number: u32 = text
            .parse()
            .ok()
            .context("a whole number of processes is expected")?;
        ensure!(
            number > 0,
            "with no process at all, the command could not start"
        );
        // The kernel's PID_MAX_LIMIT, on 64-bit machines.
        ensure!(
            number <= 4_194_304,
            "the kernel has at most 4194304 processes"
        );
        Ok(Self(number))
    }
}
