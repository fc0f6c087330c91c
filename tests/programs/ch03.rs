//! Chapter 3: limits, read back from the kernel's own files while the container runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use crate::support::container::Container;
use crate::support::kernel::{Process, eventually};
use crate::support::need::{self, Controller};
use crate::support::run::{Run, assert_fails, program};
use crate::support::world::World;
use crate::support::{Outcome, done};

pub fn trials() -> Vec<Trial> {
    trials![ch03: [
        memory_limit_is_the_kernels,
        memory_hog_is_killed_and_the_limit_is_said,
        processor_quota_is_the_kernels,
        processors_are_those_of_the_set,
        fork_bomb_stops_at_the_limit,
        children_are_in_the_group_too,
        group_is_gone_when_the_command_has_ended,
        group_of_a_killed_runtime_goes_with_the_next_run,
        missing_controller_is_said_by_name,
        bad_limit_is_refused,
        limit_without_root_names_the_command_for_root,
    ]]
}

pub fn start(flags: &[&str]) -> Container {
    Container::start(
        World::shared()
            .command("ch03-cgroups")
            .args(flags)
            .arg("cat"),
    )
}

pub fn run(args: &[&str]) -> Run {
    program("ch03-cgroups", args)
}

/// The directory of a process's group: cgroups(7), /proc/PID/cgroup.
pub fn group(process: Process, controller: Controller) -> PathBuf {
    let table =
        fs::read_to_string(format!("/proc/{}/cgroup", process.0)).expect("a process's groups");
    let line = table.lines().find_map(|line| {
        let (names, path) = line.split_once(':')?.1.split_once(':')?;
        let wanted = if controller.v2 {
            names.is_empty()
        } else {
            names.split(',').any(|name| name == controller.v1_name())
        };
        wanted.then_some(path)
    });
    controller
        .mount
        .join(line.expect("a group").trim_start_matches('/'))
}

pub fn read(group: &Path, controller: &Controller, v2: &str, v1: &str) -> String {
    let file = group.join(if controller.v2 { v2 } else { v1 });
    fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{file:?}: {error}"))
        .trim()
        .to_owned()
}

fn memory_limit_is_the_kernels() -> Outcome {
    skip_unless!(need::root());
    let memory = need_controller!("memory");
    let container = start(&["--memory", "48M"]);
    let group = group(container.cat(), memory.clone());
    assert_eq!(
        read(&group, &memory, "memory.max", "memory.limit_in_bytes"),
        (48 << 20).to_string()
    );
    done()
}

fn memory_hog_is_killed_and_the_limit_is_said() -> Outcome {
    skip_unless!(need::root());
    need_controller!("memory");
    // tail keeps the last line, and /dev/zero has no end of line.
    let run = run(&["--memory", "16M", "tail", "/dev/zero"]);
    assert_eq!(run.code, Some(137), "{run:?}");
    assert!(run.err.contains("out of memory"), "{run:?}");
    assert!(run.err.contains("the limit is 16 MiB"), "{run:?}");
    let run = program(
        "ch03-cgroups",
        &["--memory", "64M", "sh", "-c", "kill -9 $$ & wait; exit 9"],
    );
    assert!(
        !run.err.contains("out of memory"),
        "any other SIGKILL is not blamed on memory: {run:?}"
    );
    done()
}

fn processor_quota_is_the_kernels() -> Outcome {
    skip_unless!(need::root());
    let cpu = need_controller!("cpu");
    let container = start(&["--cpus", "0.25"]);
    let group = group(container.cat(), cpu.clone());
    let quota = read(&group, &cpu, "cpu.max", "cpu.cfs_quota_us");
    assert!(quota == "25000 100000" || quota == "25000", "{quota}");
    done()
}

fn processors_are_those_of_the_set() -> Outcome {
    skip_unless!(need::root());
    need_controller!("cpuset");
    let container = start(&["--cpuset", "0"]);
    assert_eq!(
        container.cat().status("Cpus_allowed_list"),
        Some("0".into())
    );
    done()
}

fn fork_bomb_stops_at_the_limit() -> Outcome {
    skip_unless!(need::root());
    let pids = need_controller!("pids");
    let bomb = "echo ready; bomb() { bomb | bomb & }; bomb 2>/dev/null; cat";
    let mut command = World::shared().command("ch03-cgroups");
    let container = Container::start(command.args(["--pids", "12", "sh", "-c", bomb]));
    let group = group(container.first_process(), pids.clone());
    let most = |file: &str| {
        fs::read_to_string(group.join(file))
            .ok()?
            .trim()
            .parse::<u32>()
            .ok()
    };
    assert_eq!(most("pids.max"), Some(12));
    assert!(most("pids.current").is_some_and(|now| now <= 12));
    done()
}

fn children_are_in_the_group_too() -> Outcome {
    skip_unless!(need::root());
    let pids = need_controller!("pids");
    let mut command = World::shared().command("ch03-cgroups");
    let container = Container::start(command.args(["--pids", "30", "sh", "-c", "cat; exit"]));
    let (shell, cat) = (container.first_process(), container.cat());
    assert_ne!(shell, cat);
    assert_eq!(group(shell, pids.clone()), group(cat, pids.clone()));
    assert_ne!(group(container.runtime(), pids.clone()), group(cat, pids));
    done()
}

fn group_is_gone_when_the_command_has_ended() -> Outcome {
    skip_unless!(need::root());
    let memory = need_controller!("memory");
    let container = start(&["--memory", "32M", "--pids", "20"]);
    let group = group(container.cat(), memory);
    assert!(group.is_dir());
    let (ended, error) = container.end();
    assert_eq!(ended.code(), Some(0), "{error}");
    assert!(!group.exists(), "{group:?} is left");
    done()
}

fn group_of_a_killed_runtime_goes_with_the_next_run() -> Outcome {
    skip_unless!(need::root());
    let memory = need_controller!("memory");
    let mut container = start(&["--memory", "32M"]);
    let group = group(container.cat(), memory);
    container.signal(Signal::SIGKILL);
    container.wait_for_silence();
    drop(container);
    let next = World::shared()
        .command("ch03-cgroups")
        .args(["--memory", "32M", "true"])
        .stdin(Stdio::null())
        .status()?;
    assert_eq!(next.code(), Some(0));
    assert!(eventually(|| !group.exists()), "{group:?} is left");
    done()
}

fn missing_controller_is_said_by_name() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["unshare", "umount"]));
    let without = |mounts: &str, limit: &str| {
        let line = format!("umount -R -l {mounts}; exec ch03-cgroups {limit} true");
        let mut command = World::shared().command("unshare");
        crate::support::run::run(command.args(["-m", "sh", "-c", &line]))
    };
    let none = "no cgroup file system is mounted";
    for (limit, controller) in [("--memory 64M", "memory"), ("--cpu-shares 2", "cpu")] {
        let needs = format!("needs the {controller} controller");
        let run = without("/sys/fs/cgroup", limit);
        assert_fails(&run, 125, &[&limit[..8], &needs, none]);
    }
    let io = need_controller!("io");
    if !io.v2 {
        let run = without(&io.mount.to_string_lossy(), "--io-weight 50");
        assert_fails(&run, 125, &["--io-weight needs the io", "version 1 has"]);
    }
    done()
}

fn bad_limit_is_refused() -> Outcome {
    let cases = [
        (["--memory", "64X"], "no unit"),
        (["--memory", "M"], "whole number"),
        (["--memory", "99999999999999999999"], "--memory"),
        (["--memory", "1M"], "smallest limit"),
        (["--cpus", "0"], "more than 0"),
        (["--cpus", "1000000"], "processors"),
        (["--cpus", "much"], "number of processors"),
        (["--pids", "0"], "could not start"),
        (["--pids", "99999999"], "at most"),
        (["--cpuset", "1-0"], "wrong way round"),
        (["--cpuset", "0-99999"], "this machine has the processors"),
        (["--io-weight", "0"], "1 to 10000"),
    ];
    for ([flag, value], why) in cases {
        assert_fails(&run(&[flag, value, "true"]), 125, &[flag, why]);
    }
    done()
}

fn limit_without_root_names_the_command_for_root() -> Outcome {
    skip_unless!(need::root_and_unprivileged_user());
    need_controller!("memory");
    let mut command = World::shared().command_as_nobody("ch03-cgroups");
    let run = crate::support::run::run(command.args(["--memory", "64M", "true"]));
    assert_fails(
        &run,
        125,
        &["EACCES", "sudo ", "ch03-cgroups --memory 64M true"],
    );
    done()
}
