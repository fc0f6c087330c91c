//! The instrument `explain`: it changes nothing in what it watches, and tells no lie.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::kernel::{eventually, processes_with};
use crate::support::run::{Run, assert_fails, program, run};
use crate::support::world::{World, directory};
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![explain: [
        status_of_the_program_is_passed_on,
        standard_streams_stay_the_programs_own,
        descriptors_of_the_caller_reach_the_program,
        signal_for_explain_reaches_the_program,
        stopped_program_goes_on_when_it_is_let,
        program_dies_with_explain,
        program_that_is_not_there_is_127,
        tracer_that_is_there_already_is_named,
        write_through_a_redirection_is_told,
        ordinary_user_sees_the_same,
    ]]
}

/// `explain` with its narration in a file, which is returned.
pub fn explain(flags: &[&str], line: &[&str]) -> (Run, String) {
    let directory = directory();
    let file = directory.path().join("narration");
    let mut command = World::shared().command("explain");
    let run = run(command.args(flags).arg("--output").arg(&file).args(line));
    let told = fs::read_to_string(&file).unwrap_or_default();
    (run, told)
}

fn status_of_the_program_is_passed_on() -> Outcome {
    for code in [0, 1, 125, 255] {
        let (run, _) = explain(&[], &["sh", "-c", &format!("exit {code}")]);
        assert_eq!(run.code, Some(code), "{run:?}");
    }
    let (run, told) = explain(&[], &["sh", "-c", "kill -TERM $$"]);
    assert_eq!(run.code, Some(128 + 15), "{run:?}");
    assert!(told.contains("+++ killed by SIGTERM"), "{told}");
    let (run, _) = explain(&["--all"], &["sh", "-c", "sleep 0 & wait; exit 7"]);
    assert_eq!(run.code, Some(7), "{run:?}");
    done()
}

fn standard_streams_stay_the_programs_own() -> Outcome {
    let mut child = World::shared()
        .command("explain")
        .args(["sh", "-c", "cat; echo error >&2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().expect("a pipe").write_all(b"in\n")?;
    let output = child.wait_with_output()?;
    assert_eq!(output.stdout, b"in\n");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.lines().any(|line| line == "error"), "{error}");
    assert!(error.contains("exit_group(0)"), "{error}");

    let (run, told) = explain(&[], &["sh", "-c", "echo error >&2"]);
    assert_eq!(run.err, "error\n");
    assert!(told.contains("exit_group(0)"), "{told}");
    done()
}

fn descriptors_of_the_caller_reach_the_program() -> Outcome {
    let line = "exec 7</etc/passwd; explain -o /dev/null sh -c 'echo /proc/self/fd/*' && \
                sh -c 'echo /proc/self/fd/*'";
    let run = run(World::shared().command("sh").args(["-c", line]));
    let lines: Vec<_> = run.out.lines().collect();
    assert_eq!(lines.len(), 2, "{run:?}");
    assert_eq!(lines[0], lines[1]);
    assert!(lines[0].contains("/proc/self/fd/7"), "{run:?}");
    done()
}

fn signal_for_explain_reaches_the_program() -> Outcome {
    let script = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.01; done";
    let mut child = World::shared()
        .command("explain")
        .args(["--output", "/dev/null", "sh", "-c", script])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut out = child.stdout.take().expect("a pipe");
    let mut ready = [0; 6];
    out.read_exact(&mut ready)?;
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM)?;
    let mut rest = String::new();
    out.read_to_string(&mut rest)?;
    assert_eq!((rest.as_str(), child.wait()?.code()), ("caught\n", Some(9)));
    done()
}

fn stopped_program_goes_on_when_it_is_let() -> Outcome {
    let directory = directory();
    let file = directory.path().join("narration");
    let script = "echo $$; kill -STOP $$; exit 4";
    let mut child = World::shared()
        .command("explain")
        .arg("--output")
        .arg(&file)
        .args(["sh", "-c", script])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut program = String::new();
    let out = child.stdout.take().expect("a pipe");
    BufReader::new(out).read_line(&mut program)?;
    let program = Pid::from_raw(program.trim().parse()?);
    let told = || fs::read_to_string(&file).unwrap_or_default();
    assert!(eventually(|| told().contains("--- SIGSTOP")), "{}", told());
    // The stop comes a moment after the word of it, and takes back a SIGCONT that was too early.
    let ended = eventually(|| {
        let _ = kill(program, Signal::SIGCONT);
        child.try_wait().is_ok_and(|status| status.is_some())
    });
    assert!(ended, "{}", told());
    assert_eq!(child.wait()?.code(), Some(4));
    let (told, at) = (told(), |word: &str| told().find(word));
    assert!(
        at("--- SIGCONT") < at("exit_group(4)"),
        "it was stopped: {told}"
    );
    assert!(at("--- SIGCONT").is_some(), "{told}");
    done()
}

fn program_dies_with_explain() -> Outcome {
    let mut child = World::shared()
        .command("explain")
        .args(["--output", "/dev/null", "sleep", "1061"])
        .spawn()?;
    let own = Pid::from_raw(child.id() as i32);
    let sleeps = || {
        let found = processes_with("sleep");
        found
            .iter()
            .any(|found| found.command_line() == "sleep 1061")
    };
    assert!(eventually(sleeps), "the program runs");
    kill(own, Signal::SIGKILL)?;
    assert_eq!(child.wait()?.signal(), Some(9));
    assert!(eventually(|| !sleeps()), "nothing is left behind");
    done()
}

fn program_that_is_not_there_is_127() -> Outcome {
    let run = program("explain", &["no-such-command"]);
    assert_fails(&run, 127, &["\"no-such-command\"", "PATH", "ENOENT"]);
    assert_fails(&program("explain", &["/etc/passwd"]), 126, &["EACCES"]);
    assert_fails(
        &program("explain", &["--no-such-flag", "true"]),
        125,
        &["--no-such-flag"],
    );
    assert_fails(
        &program("explain", &["--output", "/no/such/file", "true"]),
        125,
        &["open(\"/no/such/file\"", "ENOENT"],
    );
    assert_eq!(program("explain", &["--help"]).code, Some(0));
    done()
}

fn tracer_that_is_there_already_is_named() -> Outcome {
    let run = program("explain", &["--output", "/dev/null", "explain", "true"]);
    assert_fails(
        &run,
        125,
        &["ptrace(PTRACE_SEIZE", "EPERM", "(explain) traces this"],
    );
    skip_unless!(need::tools(&["strace"]));
    let run = program("strace", &["-f", "-o", "/dev/null", "explain", "true"]);
    assert_fails(
        &run,
        125,
        &["ptrace(PTRACE_SEIZE", "EPERM", "(strace) traces this"],
    );
    done()
}

fn write_through_a_redirection_is_told() -> Outcome {
    let (run, told) = explain(
        &[],
        &["sh", "-c", "echo 7 >/proc/self/oom_score_adj; echo x"],
    );
    assert_eq!(run.out, "x\n");
    let writes: Vec<_> = told
        .lines()
        .filter(|line| line.contains(" write("))
        .collect();
    assert_eq!(writes.len(), 1, "{told}");
    assert!(
        writes[0].contains("/oom_score_adj>, \"7\\n\", 2) = 2"),
        "{told}"
    );
    done()
}

fn ordinary_user_sees_the_same() -> Outcome {
    skip_unless!(need::root_and_unprivileged_user());
    let mut command: Command = World::shared().command_as_nobody("explain");
    let run = run(command.args(["ch01-namespaces", "sh", "-c", "exit 3"]));
    assert_eq!(run.code, Some(3), "{run:?}");
    for words in [
        "CLONE_NEWUSER|",
        "/uid_map>, \"0 65534 1",
        "chapter 7: which user ids",
    ] {
        assert!(run.err.contains(words), "{words}: {run:?}");
    }
    done()
}
