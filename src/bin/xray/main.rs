//! `xray PID`: what the kernel says of a process, seen from the host and from
//! inside its container. Any process, not only ours: everything is read from
//! /proc and from the cgroup file systems, and nothing is changed.

mod capabilities;
mod cgroup;
mod compare;
mod descriptors;
mod ids;
mod mountinfo;
mod mounts;
mod namespaces;
mod net;
mod report;
mod seccomp;
mod section;
mod svg;
mod sys;
mod table;
mod target;
mod tree;

use std::io::Write;
use std::process::{ExitCode, exit};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use process::{Status, SysResult};

use crate::compare::Comparison;
use crate::report::Report;
use crate::target::Target;

const NAME: &str = env!("CARGO_BIN_NAME");

/// Show what the kernel says of a process, from the host's side and from inside
#[derive(Parser)]
#[command(name = NAME, version)]
struct Cli {
    /// Print JSON
    #[arg(long, conflicts_with = "svg")]
    json: bool,
    /// Draw a picture, as SVG
    #[arg(long)]
    svg: bool,
    /// Count the instructions of the system-call filters too; this stops the process for a moment
    #[arg(long)]
    filter: bool,
    /// The process; of a runtime the container is taken. Two are compared
    #[arg(value_name = "PID", required = true, num_args = 1..=2)]
    pids: Vec<String>,
}

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| usage(&error));
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => process::fail(NAME, &error, &[]),
    }
}

fn run(cli: &Cli) -> Result<()> {
    let first = Target::find(&cli.pids[0])?;
    let Some(second) = cli.pids.get(1) else {
        let report = Report::of(&first, cli.filter);
        first.still_runs()?;
        return print(&if cli.json {
            json(&report)?
        } else if cli.svg {
            svg::draw(&report)
        } else {
            report.table()
        });
    };
    ensure!(!cli.svg, "--svg draws one process");
    ensure!(!cli.filter, "--filter is for one process");
    let second = Target::find(second)?;
    let comparison = Comparison::of(&first, &second);
    first.still_runs()?;
    second.still_runs()?;
    print(&if cli.json {
        json(&comparison)?
    } else {
        comparison.table()
    })
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    let mut text = serde_json::to_string_pretty(value).context("writing JSON")?;
    text.push('\n');
    Ok(text)
}

/// A reader that has seen enough, as head(1) does, is no error.
fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written.syscall("write", || "standard output".into())?),
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
