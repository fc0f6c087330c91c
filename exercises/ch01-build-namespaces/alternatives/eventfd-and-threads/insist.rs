//! When PID 1 ignores a signal, the user may insist.

use std::fs::File;
use std::io::{BufRead, BufReader};

use anyhow::Result;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use process::{Child, Received};

/// The kernel drops every signal to PID 1 of a PID namespace that PID 1 has no
/// handler for: pid_namespaces(7). So Ctrl-C, which ends any other command,
/// does nothing; and the user asks why. The first time this says it. The
/// second time it sends SIGKILL, which no PID 1 can refuse its parent.
pub struct Insist {
    program: &'static str,
    refused: bool,
}

impl Insist {
    /// Notices are printed in the name of `program`.
    pub fn new(program: &'static str) -> Self {
        Self {
            program,
            refused: false,
        }
    }

    /// To be called with every signal that was passed on to `child`.
    ///
    /// # Errors
    /// When kill(2) fails.
    // ANCHOR: insist
    pub fn passed_on(&mut self, child: &Child, received: Received) -> Result<()> {
        let signal = received.signal;
        let asks_to_end = matches!(
            signal,
            Signal::SIGINT | Signal::SIGTERM | Signal::SIGQUIT | Signal::SIGHUP
        );
        if !asks_to_end || !drops(child.pid(), signal) {
            return Ok(());
        }
        // A terminal that hung up cannot ask twice.
        let hung_up = received.from_terminal && signal == Signal::SIGHUP;
        if self.refused || hung_up {
            self.say(&format!("killed: the command is PID 1 and has no handler for {signal} (--init gives it a parent)"));
            return child.kill(Signal::SIGKILL);
        }
        self.refused = true;
        self.say(&format!("the command is PID 1 and has no handler for {signal}, so the kernel drops it; again to kill"));
        Ok(())
    }
    // ANCHOR_END: insist

    fn say(&self, what: &str) {
        eprintln!("{}: {what}", self.program);
    }
}

/// The kernel's own view of a signal: /proc/PID/status has three masks of 64 bits.
fn drops(pid: Pid, signal: Signal) -> bool {
    let Ok(file) = File::open(format!("/proc/{pid}/status")) else {
        return false;
    };
    let (mut first, mut chosen) = (false, 0u64);
    for line in BufReader::new(file).lines().map_while(std::io::Result::ok) {
        match line.split_once(":\t") {
            Some(("NSpid", pids)) => first = pids.ends_with("\t1"),
            Some(("SigCgt" | "SigIgn" | "SigBlk", mask)) => {
                chosen |= u64::from_str_radix(mask, 16).unwrap_or(0);
            }
            _ => {}
        }
    }
    first && chosen >> (signal as i32 - 1) & 1 == 0
}
