//! `explain`: what a program asks of the kernel to build a container, as it asks.

mod calls;
mod compare;
mod decode;
mod event;
mod filter;
mod json;
mod launch;
mod memory;
mod narration;
mod passed_on;
mod purpose;
mod refusal;
mod sys;
mod time;
mod tracees;
mod tracer;
mod tree;

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;
use std::process::{ExitCode, exit};

use anyhow::Result;
use clap::Parser;
use process::{Status, SysResult};

use crate::launch::Launch;

const NAME: &str = env!("CARGO_BIN_NAME");

/// Tell what a program asks of the kernel to build a container
#[derive(Parser)]
#[command(name = NAME, version)]
struct Cli {
    /// Show every system call
    #[arg(long)]
    all: bool,
    /// Print JSON, one object a line
    #[arg(long, conflicts_with_all = ["tree", "time", "compare"])]
    json: bool,
    /// Print who cloned whom, and the namespaces gained, in place of the calls
    #[arg(long, conflicts_with = "compare")]
    tree: bool,
    /// Add how long each call took, and at the end each part of the work
    #[arg(long, conflicts_with = "compare")]
    time: bool,
    /// Run this command line too, and set the steps of both side by side
    #[arg(long, value_name = "COMMAND LINE", conflicts_with = "all")]
    compare: Option<String>,
    /// Write to this file [default: standard error]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, required = true)]
    program: Vec<OsString>,
}

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| usage(&error));
    match run(&cli) {
        Ok(status) => status.into(),
        Err(error) => process::fail(NAME, &error, &[process::REMEDIES, refusal::REMEDIES]),
    }
}

fn run(cli: &Cli) -> Result<Status> {
    let mut output = Output::new(cli)?;
    if let Some(other) = &cli.compare {
        return compare::run(cli.program.clone(), other, &mut output);
    }
    let mut narrator = narration::Narrator::new(output.colour, cli.time);
    let mut seen = Vec::new();
    let launch = Launch {
        program: &cli.program,
        all: cli.all,
    };
    let status = tracer::run(&launch, |event| {
        let text = match (cli.json, cli.tree) {
            (true, _) => json::line(&event),
            (_, true) => String::new(),
            _ => narrator.lines(&event),
        };
        output.write(&text);
        if cli.tree || cli.time {
            seen.push(event);
        }
    })?;
    if cli.tree {
        output.write(&tree::draw(&seen));
    }
    if cli.time {
        output.write(&time::table(&seen));
    }
    Ok(status)
}

/// Where the narration goes: never to standard output, which is the program's.
struct Output {
    file: Option<File>,
    colour: bool,
}

impl Output {
    fn new(cli: &Cli) -> Result<Self> {
        let Some(path) = &cli.output else {
            let colour = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            return Ok(Self { file: None, colour });
        };
        let file = File::create(path).syscall("open", || format!("{path:?}, O_WRONLY|O_CREAT"))?;
        Ok(Self {
            file: Some(file),
            colour: false,
        })
    }

    /// A reader who has gone must not end the program that is watched, so errors are left alone.
    fn write(&mut self, text: &str) {
        let _ = match &mut self.file {
            Some(file) => file.write_all(text.as_bytes()),
            None => stderr().write_all(text.as_bytes()),
        };
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
