//! The checks of chapter 1's build exercise. Each starts the program and asks
//! the kernel, from outside, what has become of it.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use witness::kernel::{Process, processes_with};
use witness::{
    Container, Names, Outcome, Program, checks, done, eventually, names_inside, need, needle,
    number, run, skip_unless,
};

/// The chapter's program, on the learner's crate.
const PROGRAM: Program = Program(env!("CARGO_BIN_EXE_ex-ch01-namespaces"));
/// A parent that gives the word only when its input ends.
const HANDSHAKE: Program = Program(env!("CARGO_BIN_EXE_ex-ch01-handshake"));

fn main() -> ExitCode {
    witness::main(checks![
        child_waits_for_the_word,
        command_is_pid_1_in_three_namespaces_of_its_own,
        host_name_is_set_inside_and_nowhere_else,
        domain_name_is_set_inside_and_nowhere_else,
        one_id_is_mapped_and_setgroups_denied,
        init_is_pid_1_and_the_command_its_child,
        init_reaps_orphans,
        init_passes_signals_on,
        init_ends_as_the_command_ends,
        init_returns_the_error_of_the_command,
        second_signal_kills_a_pid_1_without_a_handler,
        pid_1_that_catches_a_signal_lives_on,
        pid_1_that_ignores_a_signal_lives_on,
    ])
}

fn child_waits_for_the_word() -> Outcome {
    // A sleep of this length is no other process's.
    let length = number(1_000_000, 2_000_000).to_string();
    let mut parent = Container::begin(HANDSHAKE.command().args(["sleep", &length]));
    let has_run = |child: Process| child.command_line() == format!("sleep {length}");
    let asleep = |child: Process| child.status("State").is_some_and(|s| s.starts_with('S'));

    let mut child = None;
    eventually(|| {
        child = parent.runtime().children().first().copied();
        child.is_some_and(|child| asleep(child) || has_run(child)) || parent.has_ended()
    });
    let Some(child) = child else {
        parent.end_input();
        return Err(format!("no child waits\n{}", parent.wait()).into());
    };
    let end = Instant::now() + Duration::from_millis(100);
    while Instant::now() < end {
        if has_run(child) || !child.exists() {
            return Err("the child went on before the parent gave the word".into());
        }
        std::thread::yield_now();
    }
    parent.end_input();
    if !eventually(|| has_run(child)) {
        return Err("the parent gave the word, and the child does not run the command".into());
    }
    done()
}

fn command_is_pid_1_in_three_namespaces_of_its_own() -> Outcome {
    skip_unless!(need::namespaces());
    let container = Container::start(PROGRAM.command().arg("cat"));
    let (runtime, command) = (container.runtime(), container.first_process());
    for kind in ["pid", "uts", "ipc"] {
        assert_ne!(
            command.namespace(kind),
            runtime.namespace(kind),
            "the {kind} namespace of the command is the host's"
        );
    }
    // The others belong to later chapters.
    for kind in ["mnt", "net", "cgroup"] {
        assert_eq!(command.namespace(kind), runtime.namespace(kind), "{kind}");
    }
    assert_eq!(own_pid(command).as_deref(), Some("1"), "NSpid");
    done()
}

fn host_name_is_set_inside_and_nowhere_else() -> Outcome {
    skip_unless!(need::namespaces());
    let (before, name) = (Names::here(), needle());
    let named = Container::start(PROGRAM.command().args(["--hostname", &name, "cat"]));
    assert_eq!(names_inside(named.first_process()).host, name);
    // Without the flag the name stays as it is. And the host's name always does.
    let unnamed = Container::start(PROGRAM.command().arg("cat"));
    assert_eq!(names_inside(unnamed.first_process()), before);
    assert_eq!(Names::here(), before, "the names of the host");
    // sethostname(2): at most 64 bytes. That is an error, and not half a name.
    let long = "x".repeat(65);
    run(PROGRAM.command().args(["--hostname", &long, "true"])).expect_code(125);
    done()
}

fn domain_name_is_set_inside_and_nowhere_else() -> Outcome {
    skip_unless!(need::namespaces());
    let (before, name) = (Names::here(), needle());
    let named = Container::start(PROGRAM.command().args(["--domainname", &name, "cat"]));
    let inside = names_inside(named.first_process());
    assert_eq!((inside.domain, inside.host), (name, before.host.clone()));
    assert_eq!(Names::here(), before, "the names of the host");
    done()
}

fn one_id_is_mapped_and_setgroups_denied() -> Outcome {
    skip_unless!(need::unprivileged());
    let container = Container::start(PROGRAM.command_unprivileged().arg("cat"));
    let (runtime, command) = (container.runtime(), container.first_process());
    assert_ne!(command.namespace("user"), runtime.namespace("user"));
    // user_namespaces(7): ID inside, ID outside, how many.
    for (file, field) in [("uid_map", "Uid"), ("gid_map", "Gid")] {
        let ids = runtime.status(field).unwrap_or_default();
        let own = ids.split(' ').next().unwrap_or_default();
        assert_eq!(words(command, file), format!("0 {own} 1"), "{file}");
    }
    assert_eq!(words(command, "setgroups"), "deny", "setgroups");
    done()
}

fn init_is_pid_1_and_the_command_its_child() -> Outcome {
    skip_unless!(need::namespaces());
    let container = Container::start(PROGRAM.command().args(["--init", "cat"]));
    let init = container.first_process();
    let [command] = init.children()[..] else {
        return Err(format!("init has {} children, not one", init.children().len()).into());
    };
    assert_eq!(own_pid(init).as_deref(), Some("1"), "NSpid of init");
    assert_eq!(
        own_pid(command).as_deref(),
        Some("2"),
        "NSpid of the command"
    );
    assert_eq!(command.command_line(), "cat");
    done()
}

fn init_reaps_orphans() -> Outcome {
    skip_unless!(need::namespaces());
    let orphan = format!("sleep {}", number(1_000_000, 2_000_000));
    let script = format!("({orphan} </dev/null >/dev/null 2>&1 &); exec cat");
    let container = Container::start(PROGRAM.command().args(["--init", "sh", "-c", &script]));
    let init = container.first_process();
    let mut found = None;
    let adopted = eventually(|| {
        found = processes_with(&orphan)
            .into_iter()
            .find(|process| process.command_line() == orphan);
        found.is_some_and(|process| init.children().contains(&process))
    });
    let process = found.ok_or("the command's background process does not run")?;
    assert!(adopted, "the orphan has not become a child of init");
    container.kill_inside(process);
    let reaped = eventually(|| !process.exists());
    let state = process.status("State").unwrap_or_default();
    assert!(
        reaped,
        "the orphan has ended, and stays behind in state {state:?}"
    );
    done()
}

fn init_passes_signals_on() -> Outcome {
    skip_unless!(need::namespaces());
    let code = number(3, 100);
    // The shell's own read cannot be interrupted in every shell; its wait can.
    let script = format!("exec 3<&0; trap 'exit {code}' TERM; cat <&3 & wait");
    let container = Container::start(PROGRAM.command().args(["--init", "sh", "-c", &script]));
    container.signal(Signal::SIGTERM);
    container.wait().expect_code(code);
    done()
}

fn init_ends_as_the_command_ends() -> Outcome {
    skip_unless!(need::namespaces());
    let code = number(3, 100);
    let exit = format!("exit {code}");
    run(PROGRAM.command().args(["--init", "sh", "-c", &exit])).expect_code(code);
    // A death by signal n is told as 128+n.
    run(PROGRAM
        .command()
        .args(["--init", "sh", "-c", "kill -KILL $$"]))
    .expect_code(128 + 9);
    done()
}

fn init_returns_the_error_of_the_command() -> Outcome {
    skip_unless!(need::namespaces());
    let missing = format!("/no/such/{}", needle());
    let ended = run(PROGRAM.command().args(["--init", &missing]));
    ended.expect_code(127);
    assert!(
        ended.error.contains(&missing),
        "{missing} is not named\n{ended}"
    );
    done()
}

fn second_signal_kills_a_pid_1_without_a_handler() -> Outcome {
    skip_unless!(need::namespaces());
    let mut container = Container::start(PROGRAM.command().arg("cat"));
    container.signal(Signal::SIGTERM);
    container.expect_echo();
    container.signal(Signal::SIGTERM);
    container.wait().expect_code(128 + 9);
    done()
}

fn pid_1_that_catches_a_signal_lives_on() -> Outcome {
    skip_unless!(need::namespaces());
    let word = needle();
    let script = format!("exec 3<&0; trap 'echo {word}' TERM; cat <&3 & until wait; do :; done");
    let mut container = Container::start(PROGRAM.command().args(["sh", "-c", &script]));
    for _ in 0..3 {
        container.signal(Signal::SIGTERM);
        container.expect_line(&word);
    }
    container.end_input();
    container.wait().expect_code(0);
    done()
}

fn pid_1_that_ignores_a_signal_lives_on() -> Outcome {
    skip_unless!(need::namespaces());
    let script = "trap '' TERM; exec cat";
    let mut container = Container::start(PROGRAM.command().args(["sh", "-c", script]));
    for _ in 0..2 {
        container.signal(Signal::SIGTERM);
    }
    // It is handled after the two above: a kill that they led to has been sent by then.
    container.signal(Signal::SIGWINCH);
    container.expect_echo();
    container.end_input();
    container.wait().expect_code(0);
    done()
}

/// Its PID in the innermost namespace: proc_pid_status(5).
fn own_pid(process: Process) -> Option<String> {
    let pids = process.status("NSpid")?;
    let inner = pids.split(' ').skip(1).last()?;
    Some(inner.to_owned())
}

/// A small file of /proc/PID, its words joined by single spaces.
fn words(process: Process, file: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{}/{file}", process.0)).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
