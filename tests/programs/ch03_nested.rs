//! Chapter 3: below a group that is not the root, inside a container, and given to a user.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::ch03::{group, read, start};
use crate::support::container::Container;
use crate::support::kernel::{Process, eventually};
use crate::support::need::{self, Controller, NOBODY};
use crate::support::run::{Run, assert_fails, run};
use crate::support::world::World;
use crate::support::{Outcome, done};

pub fn trials() -> Vec<Trial> {
    trials![ch03: [
        root_of_a_container_makes_room_and_says_so,
        hierarchy_of_another_namespace_is_said,
        delegated_group_is_enough_without_root,
        limits_hold_in_a_delegated_group,
        controller_that_is_not_handed_down_is_said,
        group_that_vanishes_underneath_is_no_error,
    ]]
}

/// A group of version 2 for one test, below the root.
struct Group(PathBuf);

impl Group {
    fn new(memory: &Controller, name: &str) -> Self {
        let name = format!("hull-test-{name}-{}", std::process::id());
        let path = memory.mount.join(name);
        for controller in ["+memory", "+pids", "+cpu"] {
            fs::write(memory.mount.join("cgroup.subtree_control"), controller)
                .expect("a root that hands controllers down");
        }
        fs::create_dir(&path).expect("a group");
        Self(path)
    }

    fn child(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir(&path).expect("a group");
        path
    }

    /// A shell in `group`, ready to be told what to become.
    fn shell(group: &Path, line: &str) -> Command {
        let mut command = World::shared().command("sh");
        let join = format!("echo $$ >{}/cgroup.procs", group.display());
        command.args(["-c", &format!("{join}; {line}")]);
        command
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        eventually(|| remove(&self.0).is_ok());
    }
}

/// Removes a group and those below it.
fn remove(group: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(group)?.flatten() {
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}

/// Version 2 has the controllers.
fn pure_version_2() -> Result<Controller, String> {
    need::root()?;
    let memory = need::controller("memory")?;
    if memory.v2 {
        Ok(memory)
    } else {
        Err("needs a pure cgroup version 2".into())
    }
}

macro_rules! need_pure_version_2 {
    () => {
        match pure_version_2() {
            Ok(memory) => memory,
            Err(reason) => return Ok(libtest_mimic::Completion::ignored_with(reason)),
        }
    };
}

/// What a container with a cgroup namespace sees: a root that has processes.
fn root_of_a_container_makes_room_and_says_so() -> Outcome {
    let memory = need_pure_version_2!();
    skip_unless!(need::tools(&["unshare", "mount"]));
    let outer = Group::new(&memory, "outer");
    let limits = "ch03-cgroups --memory 32M --pids 9 --cpus 0.5";
    let inside = format!(
        "umount -l {0}; mount -t cgroup2 none {0}; {limits} sh -c 'grep ^0: /proc/self/cgroup'; {limits} tail /dev/zero",
        memory.mount.display()
    );
    let line = format!("exec unshare -C -m sh -c \"{inside}\"");
    let run = run(&mut Group::shell(&outer.0, &line));
    assert_eq!(run.code, Some(137), "{run:?}");
    assert!(run.out.starts_with("0::/hull/"), "{run:?}");
    assert!(run.err.contains("the limit is 32 MiB"), "{run:?}");
    let moved = "were moved to its child hull-neighbours";
    assert_eq!(
        run.err.matches(moved).count(),
        1,
        "said once, for it is done once: {run:?}"
    );
    let kind = fs::read_to_string(outer.0.join("hull/cgroup.type"))?;
    assert_eq!(kind, "domain\n", "no threaded group");
    done()
}

fn hierarchy_of_another_namespace_is_said() -> Outcome {
    let memory = need_pure_version_2!();
    skip_unless!(need::tools(&["unshare"]));
    let outer = Group::new(&memory, "other");
    let line = "exec unshare -C -m ch03-cgroups --memory 32M true";
    let run = run(&mut Group::shell(&outer.0, line));
    let words = [
        "ENOENT",
        "outside of this cgroup namespace",
        "mount -t cgroup2",
    ];
    assert_fails(&run, 125, &words);
    done()
}

/// A group that was given to an unprivileged user, with a session below it, as systemd gives one.
/// The group above hands down what these tests need, and nothing else.
fn delegated(memory: &Controller, name: &str) -> (Group, PathBuf) {
    let above = Group::new(memory, name);
    for controller in ["+memory", "+pids"] {
        fs::write(above.0.join("cgroup.subtree_control"), controller).expect("handed down");
    }
    let given = above.child("given");
    let session = above.child("given/session");
    for directory in [&given, &session] {
        let files = [
            "",
            "cgroup.procs",
            "cgroup.subtree_control",
            "cgroup.threads",
        ];
        for file in files {
            chown(directory.join(file), Some(NOBODY), Some(NOBODY)).expect("a group of nobody's");
        }
    }
    (above, session)
}

/// The program in such a session, as that user.
fn as_its_owner(session: &Path, args: &str) -> Command {
    let user = format!("setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups");
    let mut command = Group::shell(session, &format!("cd /; exec {user} ch03-cgroups {args}"));
    command.env("HULL_ROOT", World::shared().hull_root_of_nobody());
    command
}

fn need_delegation() -> Result<Controller, String> {
    need::root_and_unprivileged_user()?;
    need::tools(&["setpriv"])?;
    pure_version_2()
}

macro_rules! need_delegation {
    () => {
        match need_delegation() {
            Ok(memory) => memory,
            Err(reason) => return Ok(libtest_mimic::Completion::ignored_with(reason)),
        }
    };
}

fn delegated_group_is_enough_without_root() -> Outcome {
    let memory = need_delegation!();
    let (given, session) = delegated(&memory, "given");
    let container = Container::start(&mut as_its_owner(&session, "--memory 48M --pids 20 cat"));
    let group = group(container.cat(), memory.clone());
    assert!(group.starts_with(&given.0), "{group:?}");
    assert_eq!(
        read(&group, &memory, "memory.max", ""),
        (48 << 20).to_string()
    );
    assert_eq!(read(&group, &memory, "pids.max", ""), "20");
    let (ended, error) = container.end();
    assert_eq!(ended.code(), Some(0), "{error}");
    assert!(!group.exists(), "{group:?} is left");
    done()
}

fn limits_hold_in_a_delegated_group() -> Outcome {
    let memory = need_delegation!();
    let (_given, session) = delegated(&memory, "hog");
    let run: Run = run(&mut as_its_owner(&session, "--memory 16M tail /dev/zero"));
    assert_eq!(run.code, Some(137), "{run:?}");
    assert!(run.err.contains("the limit is 16 MiB"), "{run:?}");
    done()
}

fn controller_that_is_not_handed_down_is_said() -> Outcome {
    let memory = need_delegation!();
    let (_given, session) = delegated(&memory, "without-cpu");
    let run = run(&mut as_its_owner(&session, "--cpus 0.5 true"));
    let words = [
        "cpu controller is not handed down to",
        "which has: memory pids",
    ];
    assert_fails(&run, 125, &words);
    done()
}

/// Another hand kills the container and removes its group, while its runtime is stopped.
fn group_that_vanishes_underneath_is_no_error() -> Outcome {
    skip_unless!(need::root());
    let pids = need_controller!("pids");
    let container = start(&["--pids", "20"]);
    let process = container.cat();
    let group = group(process, pids);
    container.signal(Signal::SIGSTOP);
    let runtime = container.runtime();
    let is = |process: Process, state: &str| {
        process
            .status("State")
            .is_none_or(|found| found.starts_with(state))
    };
    assert!(eventually(|| is(runtime, "T")));
    kill(Pid::from_raw(process.0 as i32), Signal::SIGKILL)?;
    assert!(eventually(|| is(process, "Z")));
    assert!(eventually(|| fs::remove_dir(&group).is_ok()), "{group:?}");
    container.signal(Signal::SIGCONT);
    let (ended, error) = container.wait();
    assert_eq!(ended.code(), Some(137), "{error}");
    assert_eq!(error, "");
    done()
}
