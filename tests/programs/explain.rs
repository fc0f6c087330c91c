//! The instrument `explain`: it changes nothing in what it watches, and tells no lie.

use std::fs;
use std::io::{Read, Write};
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
        program_sees_no_filter_where_every_call_stops,
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
    let script = "trap 'echo caught; exit 9' TERM; echo ready; \
                  n=0; while [ $n -lt 999 ]; do sleep 0.01; n=$((n + 1)); done";
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

/// Looked at by the shell that is the program's parent: it sees the stop, and its next words come
/// before those of the child, which does not go on until it is let.
fn stopped_program_goes_on_when_it_is_let() -> Outcome {
    skip_unless!(need::tools(&["bash"]));
    let script = "set -m; sh -c 'kill -STOP $$; echo on; exit 4'; echo $?; \
                  for n in {1..5000}; do :; done; echo let; fg >/dev/null; echo $?";
    let (run, told) = explain(&[], &["bash", "-c", script]);
    let stopped = 128 + Signal::SIGSTOP as i32;
    assert_eq!(
        run.out,
        format!("{stopped}\nlet\non\n4\n"),
        "{run:?} {told}"
    );
    done()
}

fn program_sees_no_filter_where_every_call_stops() -> Outcome {
    // By its path, as `explain` is: Rust's library starts what it finds in PATH in another way,
    // which leaves a signal of the C library's other than this does.
    let line = [
        "/bin/grep",
        "-E",
        "^(Seccomp|NoNewPrivs|Sig|Cap)",
        "/proc/self/status",
    ];
    let plain = run(World::shared().command(line[0]).args(&line[1..]));
    let (seen, _) = explain(&["--all"], &line);
    assert!(plain.out.contains("Seccomp:"), "{plain:?}");
    assert_eq!(seen.out, plain.out);
    skip_unless!(need::root_and_unprivileged_user());
    let plain = run(World::shared().command_as_nobody(line[0]).args(&line[1..]));
    let mut command = World::shared().command_as_nobody("explain");
    let seen = run(command.args(["-o", "/dev/null"]).args(line));
    assert_eq!(seen.out, plain.out);
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
