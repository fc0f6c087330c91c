//! The complete runtime, as far as it has grown: what helps with all the chapters.

mod doctor;
mod probe;
mod system;

use std::process::{ExitCode, exit};

use anyhow::Result;
use clap::{Parser, Subcommand};
use process::{Remedy, Status};

const NAME: &str = env!("CARGO_BIN_NAME");
const REMEDIES: &[&[Remedy]] = &[
    process::REMEDIES,
    namespaces::REMEDIES,
    rootfs::REMEDIES,
    cgroups::REMEDIES,
    overlay::REMEDIES,
];

/// A container runtime made of the workbook's chapters
#[derive(Parser)]
#[command(name = NAME, version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find out what this machine can do, by trying it
    Doctor(doctor::Flags),
    /// Look after what the programs keep on this machine
    #[command(subcommand)]
    System(system::Command),
}

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| usage(&error));
    match run(&cli) {
        Ok(status) => status.into(),
        Err(error) => process::fail(NAME, &error, REMEDIES),
    }
}

fn run(cli: &Cli) -> Result<Status> {
    match &cli.command {
        Command::Doctor(flags) => doctor::run(flags),
        Command::System(command) => system::run(command),
    }
}

/// Prints the help, or what is wrong with the command line.
fn usage(error: &clap::Error) -> ! {
    let _ = error.print();
    exit(if error.use_stderr() {
        Status::RUNTIME_FAILED.into()
    } else {
        0
    })
}
