//! Signals: their names, and kill(2) with its relatives.

use super::{Decoded, Entry};
use crate::memory::Memory;
use crate::purpose::Purpose;

/// As signal(7) has it: `SIGTERM`, `SIGRTMIN+3`. Zero only asks whether there is such a process.
pub fn name(signal: i32) -> String {
    if let Ok(known) = nix::sys::signal::Signal::try_from(signal) {
        return known.as_str().to_owned();
    }
    match signal {
        32.. => format!("SIGRT_{}", signal - 32),
        other => other.to_string(),
    }
}

pub fn kill(entry: &Entry, _: Memory) -> Option<Decoded> {
    sent(vec![entry.int(0).to_string()], entry.int(1))
}

pub fn tkill(entry: &Entry, _: Memory) -> Option<Decoded> {
    sent(vec![entry.int(0).to_string()], entry.int(1))
}

pub fn tgkill(entry: &Entry, _: Memory) -> Option<Decoded> {
    let whom = vec![entry.int(0).to_string(), entry.int(1).to_string()];
    sent(whom, entry.int(2))
}

pub fn pidfd_send_signal(entry: &Entry, _: Memory) -> Option<Decoded> {
    let mut decoded = sent(vec![entry.int(0).to_string()], entry.int(1))?;
    decoded
        .args
        .extend(["NULL".into(), entry.args[3].to_string()]);
    Some(decoded)
}

fn sent(mut args: Vec<String>, signal: i32) -> Option<Decoded> {
    args.push(name(signal));
    let why = match signal {
        0 => "asks whether that process is there",
        libc::SIGKILL => "ends that process: nobody can catch this one",
        libc::SIGCONT => "lets that process go on",
        libc::SIGSTOP => "stops that process: nobody can catch this one",
        _ => "a signal for that process",
    };
    Decoded::new(Purpose::Process, args, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_their_names() {
        assert_eq!(name(libc::SIGCHLD), "SIGCHLD");
        assert_eq!(name(34), "SIGRT_2");
        assert_eq!(name(0), "0");
    }
}
