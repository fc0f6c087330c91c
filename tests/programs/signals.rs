//! Signals, with every chapter program: passed on, survived, died of.

use crate::contract::PROGRAMS;
use crate::support::container::Container;
use crate::support::kernel::{Process, eventually};
use crate::support::run::{run, shell};
use crate::support::world::World;
use crate::support::{Outcome, done, need};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use std::os::unix::process::CommandExt;
use std::process::Command;

pub fn trials() -> Vec<Trial> {
    trials![signals: [
        death_by_a_signal_is_128_and_its_number,
        signals_are_passed_on,
        signal_mask_and_dispositions_are_those_of_the_caller,
        ignored_sigchld_does_not_lose_the_status,
        command_dies_with_its_runtime,
    ]]
}

fn death_by_a_signal_is_128_and_its_number() -> Outcome {
    skip_unless!(need::namespaces());
    for (name, flags) in PROGRAMS {
        // 40 is a real-time signal; SIGSEGV dumps core where that is allowed.
        for signal in [Signal::SIGKILL as i32, Signal::SIGSEGV as i32, 40] {
            let container = Container::start(World::shared().command(name).args(flags).arg("cat"));
            let Process(cat) = container.cat();
            // A PID 1 gets no signal that it has no handler for, but SIGKILL from outside.
            let is_pid_1 = Process(cat)
                .status("NSpid")
                .is_some_and(|pids| pids.ends_with(" 1"));
            let signal = if is_pid_1 {
                Signal::SIGKILL as i32
            } else {
                signal
            };
            let sent = shell(&format!("kill -{signal} {cat}"));
            assert_eq!(sent.code, Some(0), "{sent:?}");
            let (ended, error) = container.wait();
            assert_eq!(ended.code(), Some(128 + signal), "{name}: {error}");
        }
    }
    done()
}

fn signals_are_passed_on() -> Outcome {
    skip_unless!(need::namespaces());
    let passed_on = [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGALRM,
        Signal::SIGWINCH,
    ];
    for (name, flags) in PROGRAMS {
        for signal in passed_on {
            let number = signal as i32;
            let script = format!(
                "trap 'exit {}' {number}; echo ready; while :; do sleep 0.02; done",
                40 + number
            );
            let container = Container::start(
                World::shared()
                    .command(name)
                    .args(flags)
                    .args(["sh", "-c", &script]),
            );
            container.signal(signal);
            let (ended, error) = container.wait();
            assert_eq!(
                ended.code(),
                Some(40 + number),
                "{name} {flags:?} {signal}: {error}"
            );
        }
    }
    done()
}

fn signal_mask_and_dispositions_are_those_of_the_caller() -> Outcome {
    skip_unless!(need::namespaces());
    // signal(7): 32 and 33 are the C library's own, and its posix_spawn ignores them.
    let mask = |mask: String| u64::from_str_radix(&mask, 16).map(|mask| mask & !(0b11 << 31));
    let masks = |process: Process| {
        ["SigBlk", "SigIgn", "SigCgt"].map(|field| process.status(field).map(mask))
    };
    let plain = Container::start(&mut World::shared().command("cat"));
    let expected = masks(plain.runtime());
    for (name, flags) in PROGRAMS {
        let container = Container::start(World::shared().command(name).args(flags).arg("cat"));
        assert_eq!(masks(container.cat()), expected, "{name} {flags:?}");
    }
    done()
}

/// A caller that ignores SIGCHLD hands that down; the kernel then reaps without a status.
fn ignored_sigchld_does_not_lose_the_status() -> Outcome {
    skip_unless!(need::namespaces());
    for (name, flags) in PROGRAMS {
        let mut command = World::shared().command(name);
        command.args(flags).args(["sh", "-c", "exit 3"]);
        let run = run(ignoring_sigchld(&mut command));
        assert_eq!(run.code, Some(3), "{name} {flags:?}: {run:?}");
    }
    done()
}

fn ignoring_sigchld(command: &mut Command) -> &mut Command {
    use nix::sys::signal::{SigHandler, signal};
    let ignore = || {
        // SAFETY: sigaction(2) is async-signal-safe, and SIG_IGN installs no handler.
        let ignored = unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) };
        ignored.map(drop).map_err(Into::into)
    };
    // SAFETY: the closure only makes that one call between fork and exec.
    unsafe { command.pre_exec(ignore) }
}

fn command_dies_with_its_runtime() -> Outcome {
    skip_unless!(need::namespaces());
    for (name, flags) in PROGRAMS {
        let mut container = Container::start(World::shared().command(name).args(flags).arg("cat"));
        let cat = container.cat();
        container.signal(Signal::SIGKILL);
        container.wait_for_silence();
        assert!(
            eventually(|| !cat.exists()),
            "{name} {flags:?}: the command outlived its runtime"
        );
    }
    done()
}
