//! A program run to its end.

use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::world::World;

/// What a program left when it ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs a command with no input. One that has not ended after a minute hangs.
pub fn run(command: &mut Command) -> Run {
    let piped = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = piped.spawn().expect("a program that starts");
    let pid = Pid::from_raw(child.id() as i32);
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(Duration::from_secs(60)) else {
        let _ = kill(pid, Signal::SIGKILL);
        panic!("it hangs: {command:?}");
    };
    let output = output.expect("an output");
    Run {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs a program of the workbook as this user.
pub fn program(name: &str, args: &[&str]) -> Run {
    run(World::shared().command(name).args(args))
}

/// Runs a line of shell, with the programs in `PATH`.
pub fn shell(line: &str) -> Run {
    run(World::shared().command("sh").args(["-c", line]))
}

/// Holds that a run failed with `code`, and says all of `words` on stderr, in one error.
pub fn assert_fails(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, Some(code), "{run:?}");
    assert_eq!(
        run.err.matches("error:").count(),
        1,
        "one error is printed, once: {run:?}"
    );
    for word in words {
        assert!(run.err.contains(word), "stderr lacks {word:?}: {run:?}");
    }
}
