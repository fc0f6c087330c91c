//! Chapter 0: run a command as a child process, and stand in for it.

use std::ffi::OsString;
use std::process::{ExitCode, exit};

use anyhow::Result;
use clap::Parser;
use process::{CloneFlags, Program, Remedy, Status};

const NAME: &str = env!("CARGO_BIN_NAME");
const REMEDIES: &[&[Remedy]] = &[process::REMEDIES];

/// Run a command as a child process: signals go in, the exit status comes out
#[derive(Parser)]
#[command(name = NAME, version)]
struct Cli {
    /// The command and its arguments
    #[arg(trailing_var_arg = true, default_value = "sh")]
    command: Vec<OsString>,
}

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| usage(&error));
    match run(&cli) {
        Ok(status) => status.into(),
        Err(error) => process::fail(NAME, &error, REMEDIES),
    }
}

// ANCHOR: run
fn run(cli: &Cli) -> Result<Status> {
    let program = Program::new(&cli.command)?;
    let child = process::spawn(CloneFlags::empty(), |_parent| program.exec())?;
    child.wait()
}
// ANCHOR_END: run

/// Prints the help, or what is wrong with the command line.
fn usage(error: &clap::Error) -> ! {
    let _ = error.print();
    exit(if error.use_stderr() {
        Status::RUNTIME_FAILED.into()
    } else {
        0
    })
}
