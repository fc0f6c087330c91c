//! Chapter 1: the command in PID, UTS and IPC namespaces of its own.

use std::ffi::OsString;
use std::process::{ExitCode, exit};

use anyhow::Result;
use clap::Parser;
use namespaces::{Insist, UserNamespace, run_init, set_domainname, set_hostname};
use process::{Program, Remedy, Status};

const NAME: &str = env!("CARGO_BIN_NAME");
const REMEDIES: &[&[Remedy]] = &[process::REMEDIES, namespaces::REMEDIES];

/// Run a command in PID, UTS and IPC namespaces of its own
#[derive(Parser)]
#[command(name = NAME, version)]
struct Cli {
    /// The host name inside
    #[arg(long, value_name = "NAME")]
    hostname: Option<OsString>,
    /// The NIS domain name inside
    #[arg(long, value_name = "NAME")]
    domainname: Option<OsString>,
    /// Run a small init as PID 1, and the command as its child
    #[arg(long)]
    init: bool,
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
    let mut flags = namespaces::FLAGS;
    let user = UserNamespace::if_needed()?;
    if let Some(user) = user {
        eprintln!("{NAME}: {}", user.notice());
        flags |= UserNamespace::FLAG;
    }

    let (go, wait_for_go) = namespaces::handshake()?;
    let child = process::spawn(flags, |parent| {
        wait_for_go.wait()?;
        if let Some(name) = &cli.hostname {
            set_hostname(name)?;
        }
        if let Some(name) = &cli.domainname {
            set_domainname(name)?;
        }
        if cli.init {
            run_init(parent, &program)
        } else {
            program.exec()
        }
    })?;
    if let Some(user) = user {
        user.map(child.pid())?;
    }
    go.go()?;

    let mut insist = Insist::new(NAME);
    child.wait_with(|child, received| insist.passed_on(child, received))
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
