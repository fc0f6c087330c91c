//! What every chapter program keeps: statuses, errors, signals, descriptors.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::Trial;

use crate::support::container::Container;
use crate::support::kernel::{Process, eventually};
use crate::support::run::{assert_fails, program, run};
use crate::support::world::{World, directory};
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![contract: [
        status_of_the_command_is_passed_on,
        command_that_is_not_there_is_127,
        command_that_cannot_be_executed_is_126,
        script_without_its_interpreter_is_127_and_names_it,
        unknown_flag_is_125,
        descriptors_of_the_caller_do_not_leak,
        init_has_nothing_open_that_leads_out,
        command_without_an_executable_bit_is_passed_over_in_path,
        directory_of_path_that_may_not_be_searched_is_passed_over,
    ]]
}

/// Every chapter program, and what its user gives it.
pub const PROGRAMS: [(&str, &[&str]); 9] = [
    ("ch00-process", &[]),
    ("ch01-namespaces", &[]),
    ("ch01-namespaces", &["--init"]),
    ("ch02-rootfs", &[]),
    ("ch02-rootfs", &["--init"]),
    ("ch03-cgroups", &[]),
    ("ch03-cgroups", &["--init"]),
    ("ch04-overlay", &[]),
    ("ch04-overlay", &["--init"]),
];

fn has_a_root_of_its_own(name: &str) -> bool {
    name >= "ch02"
}

/// A program with its flags, and a directory of the test's that it sees at the returned path.
fn with_directory(name: &str, flags: &[&str], directory: &std::path::Path) -> (Command, String) {
    let mut command = World::shared().command(name);
    command.args(flags);
    let path = directory.to_string_lossy().into_owned();
    if has_a_root_of_its_own(name) {
        command.arg(format!("--volume={path}:/mnt"));
        return (command, "/mnt".into());
    }
    (command, path)
}

fn status_of_the_command_is_passed_on() -> Outcome {
    skip_unless!(need::namespaces());
    for (name, flags) in PROGRAMS {
        for code in [0, 1, 3, 124, 255] {
            let line = format!("exit {code}");
            let run = program(name, &[flags, &["sh", "-c", &line]].concat());
            assert_eq!(
                (run.code, run.out.as_str()),
                (Some(code), ""),
                "{name}: {run:?}"
            );
        }
    }
    done()
}

fn command_that_is_not_there_is_127() -> Outcome {
    skip_unless!(need::namespaces());
    for (name, flags) in PROGRAMS {
        let run = program(name, &[flags, &["no-such-command"]].concat());
        assert_fails(&run, 127, &["\"no-such-command\"", "PATH", "ENOENT"]);
        let run = program(name, &[flags, &["/no/such/command"]].concat());
        assert_fails(&run, 127, &["execve(\"/no/such/command\")", "ENOENT"]);
        let run = program(name, &[flags, &["/proc/cpuinfo/x"]].concat());
        assert_fails(&run, 127, &["execve(\"/proc/cpuinfo/x\")"]);
    }
    done()
}

fn command_that_cannot_be_executed_is_126() -> Outcome {
    skip_unless!(need::namespaces());
    let directory = directory();
    let foreign = if cfg!(target_arch = "s390x") {
        ("x86_64", 62)
    } else {
        ("s390x", 22)
    };
    let mut elf = b"\x7fELF\x02\x02\x01\0\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
    elf.push(foreign.1);
    elf.resize(64, 0);
    let cases: [(&str, &[u8], u32, &str); 4] = [
        (
            "plain",
            b"#!/bin/sh\n",
            0o644,
            "no execute permission (mode 0644)",
        ),
        ("empty", b"", 0o755, "is empty"),
        (
            "text",
            b"echo hello\n",
            0o755,
            "neither a program nor a script",
        ),
        ("foreign", &elf, 0o755, foreign.0),
    ];
    for (file, content, mode, _) in cases {
        fs::write(directory.path().join(file), content)?;
        fs::set_permissions(directory.path().join(file), Permissions::from_mode(mode))?;
    }
    for (name, flags) in PROGRAMS {
        for (file, _, _, why) in cases {
            let (mut command, path) = with_directory(name, flags, directory.path());
            assert_fails(
                &run(command.arg(format!("{path}/{file}"))),
                126,
                &[why, "execve("],
            );
        }
        let (mut command, path) = with_directory(name, flags, directory.path());
        assert_fails(&run(command.arg(&path)), 126, &["is a directory", "EACCES"]);
    }
    done()
}

fn script_without_its_interpreter_is_127_and_names_it() -> Outcome {
    skip_unless!(need::namespaces());
    let directory = directory();
    let script = directory.path().join("script");
    fs::write(&script, "#! /no/such/interpreter -x\n")?;
    fs::set_permissions(&script, Permissions::from_mode(0o755))?;
    for (name, flags) in PROGRAMS {
        let (mut command, path) = with_directory(name, flags, directory.path());
        let run = run(command.arg(format!("{path}/script")));
        assert_fails(&run, 127, &["is there, but \"/no/such/interpreter\""]);
    }
    done()
}

fn unknown_flag_is_125() -> Outcome {
    for (name, _) in PROGRAMS {
        assert_fails(
            &program(name, &["--no-such-flag", "true"]),
            125,
            &["--no-such-flag"],
        );
        assert_fails(
            &program(name, &[""]),
            125,
            &["the command is an empty word"],
        );
        assert_eq!(program(name, &["--help"]).code, Some(0));
        assert_eq!(program(name, &["--version"]).code, Some(0));
    }
    done()
}

fn descriptors_of_the_caller_do_not_leak() -> Outcome {
    skip_unless!(need::namespaces());
    for (name, flags) in PROGRAMS {
        let container = {
            let line = format!(
                "exec 7</etc/passwd 9</; exec {name} {} cat",
                flags.join(" ")
            );
            Container::start(World::shared().command("sh").args(["-c", &line]))
        };
        let open = fs::read_dir(format!("/proc/{}/fd", container.cat().0))?;
        let mut open: Vec<_> = open
            .flatten()
            .map(|fd| fd.file_name().to_string_lossy().into_owned())
            .collect();
        open.sort();
        assert_eq!(open, ["0", "1", "2"], "{name} {flags:?}");
    }
    done()
}

/// What a process has open besides standard input, output and error.
fn open_beyond_standard(process: Process) -> Vec<PathBuf> {
    let entries = fs::read_dir(format!("/proc/{}/fd", process.0));
    let others = entries.into_iter().flatten().flatten().filter(|entry| {
        let number = entry.file_name().to_string_lossy().parse::<u32>();
        number.is_ok_and(|number| number > 2)
    });
    others
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .collect()
}

/// With --init the runtime's own code stays as PID 1. `/proc/1/fd/3/..` would be a way out.
fn init_has_nothing_open_that_leads_out() -> Outcome {
    skip_unless!(need::namespaces());
    let inits = PROGRAMS
        .iter()
        .filter(|(_, flags)| flags.contains(&"--init"));
    for (name, flags) in inits {
        let container = Container::start(World::shared().command(name).args(*flags).arg("cat"));
        let init = container.first_process();
        assert_ne!(init, container.cat(), "{name}: this test tests nothing");
        let mut open = Vec::new();
        // The pipes on which it waited for the command go a moment after that has started.
        let none = eventually(|| {
            open = open_beyond_standard(init);
            let own = |path: &PathBuf| path.to_string_lossy().starts_with("anon_inode:[signalfd]");
            open.iter().all(own)
        });
        assert!(none, "{name}: {open:?}");
    }
    done()
}

fn command_without_an_executable_bit_is_passed_over_in_path() -> Outcome {
    let directory = directory();
    for (place, mode) in [("first", 0o644), ("second", 0o755)] {
        fs::create_dir(directory.path().join(place))?;
        let file = directory.path().join(place).join("tool");
        fs::write(&file, format!("#!/bin/sh\necho {place}\n"))?;
        fs::set_permissions(&file, Permissions::from_mode(mode))?;
    }
    let path = format!("{0}/first:{0}/second", directory.path().display());
    let run = run(World::shared()
        .command("ch00-process")
        .env("PATH", path)
        .arg("tool"));
    assert_eq!(
        (run.code, run.out.as_str()),
        (Some(0), "second\n"),
        "{run:?}"
    );
    done()
}

/// execve(2) gives EACCES for it too. But what is in it, nobody has found.
fn directory_of_path_that_may_not_be_searched_is_passed_over() -> Outcome {
    skip_unless!(need::root_and_unprivileged_user());
    let closed = directory();
    fs::set_permissions(closed.path(), Permissions::from_mode(0o700))?;
    let path = format!("{}:/usr/bin:/bin", closed.path().display());
    let mut command = World::shared().command_as_nobody("ch00-process");
    assert_fails(
        &run(command.env("PATH", path).arg("no-such-command")),
        127,
        &["PATH"],
    );
    let inside = format!("{}/command", closed.path().display());
    let run = run(World::shared()
        .command_as_nobody("ch00-process")
        .arg(inside));
    assert_fails(&run, 126, &["EACCES"]);
    done()
}
