//! `ex-ch01-handshake COMMAND [ARG…]`: a parent that gives its child the word
//! only when its own input ends. Until then the child must not run the command.

use std::ffi::OsString;
use std::io::Read;
use std::process::ExitCode;

use anyhow::Result;
use process::{CloneFlags, Program};

fn main() -> ExitCode {
    match run() {
        Ok(status) => status.into(),
        Err(error) => process::fail(env!("CARGO_BIN_NAME"), &error, &[]),
    }
}

fn run() -> Result<process::Status> {
    let command: Vec<OsString> = std::env::args_os().skip(1).collect();
    let program = Program::new(&command)?;
    let (go, wait_for_go) = namespaces::handshake()?;
    let child = process::spawn(CloneFlags::empty(), |_| {
        wait_for_go.wait()?;
        program.exec()
    })?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    go.go()?;
    child.wait()
}
