//! Chapter 3: ways out of the limits, tried from inside; and what a killed runtime leaves.

use std::fs;
use std::process::Stdio;
use std::time::Instant;

use libtest_mimic::Trial;

use crate::ch03::{group, start};
use crate::support::container::Container;
use crate::support::kernel::{eventually, processes_with};
use crate::support::run::{program, run};
use crate::support::world::World;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch03: [
        sys_has_no_group_that_can_be_joined,
        no_process_leaves_by_a_session_of_its_own,
        user_namespace_cannot_mount_a_hierarchy,
        memory_of_a_tmpfs_is_on_the_account_too,
        group_is_gone_after_the_next_run_whenever_the_runtime_was_killed,
    ]]
}

fn sys_has_no_group_that_can_be_joined() -> Outcome {
    skip_unless!(need::namespaces());
    let script = "for f in $(find /sys/fs/cgroup -name cgroup.procs -o -name memory.max); do \
                  sh -c \"echo $$ >$f\" && echo written $f; done 2>/dev/null; echo tried";
    let run = program("ch03-cgroups", &["sh", "-c", script]);
    assert_eq!(run.out, "tried\n", "{run:?}");
    done()
}

fn no_process_leaves_by_a_session_of_its_own() -> Outcome {
    skip_unless!(need::root());
    let pids = need_controller!("pids");
    // Not its child any more, and in no session or process group of its own.
    let script = "(setsid sleep 1067 &); cat";
    let mut command = World::shared().command("ch03-cgroups");
    let container = Container::start(command.args(["--pids", "9", "sh", "-c", script]));
    let mut strays = Vec::new();
    eventually(|| {
        strays = processes_with("sleep 1067");
        strays.retain(|stray| stray.command_line() == "sleep 1067");
        !strays.is_empty()
    });
    assert_eq!(strays.len(), 1);
    let first = container.first_process();
    let stays = group(strays[0], pids.clone());
    assert_eq!(stays, group(first, pids.clone()));
    assert_ne!(stays, group(container.runtime(), pids));
    done()
}

fn user_namespace_cannot_mount_a_hierarchy() -> Outcome {
    skip_unless!(need::root_and_unprivileged_user());
    for kind in ["cgroup2 none", "cgroup -o memory none"] {
        let script = format!("mkdir /tmp/c && mount -t {kind} /tmp/c && echo mounted");
        let mut command = World::shared().command_as_nobody("ch03-cgroups");
        let run = run(command.args(["sh", "-c", &script]));
        assert!(!run.out.contains("mounted"), "{run:?}");
        assert!(run.err.contains("permission denied"), "{run:?}");
    }
    done()
}

fn memory_of_a_tmpfs_is_on_the_account_too() -> Outcome {
    skip_unless!(need::root());
    need_controller!("memory");
    let script = "dd if=/dev/zero of=/tmp/file bs=1M count=64; echo status $?";
    let run = program("ch03-cgroups", &["--memory", "16M", "sh", "-c", script]);
    assert!(!run.out.contains("status 0"), "{run:?}");
    done()
}

fn group_is_gone_after_the_next_run_whenever_the_runtime_was_killed() -> Outcome {
    skip_unless!(need::root());
    let memory = need_controller!("memory");
    // Where the groups of this process's programs are.
    let container = start(&["--memory", "32M"]);
    let group = group(container.cat(), memory);
    let parent = group.parent().expect("a group above").to_owned();
    drop(container);
    let start = Instant::now();
    program("ch03-cgroups", &["--memory", "32M", "true"]);
    let whole = start.elapsed();
    let mut killed = Vec::new();
    let left = |killed: &[String]| {
        let groups = fs::read_dir(&parent).into_iter().flatten().flatten();
        let names = groups.map(|group| group.file_name().to_string_lossy().into_owned());
        names
            .filter(|name| killed.iter().any(|pid| name.starts_with(pid)))
            .collect::<Vec<_>>()
    };
    let mut seen = false;
    for step in 0..40 {
        let mut command = World::shared().command("ch03-cgroups");
        let command = command.args(["--memory", "32M", "--pids", "9", "sleep", "1068"]);
        let mut runtime = command.stdin(Stdio::null()).spawn()?;
        let kill_at = Instant::now() + whole * step / 40;
        while Instant::now() < kill_at {
            std::hint::spin_loop();
        }
        runtime.kill()?;
        runtime.wait()?;
        killed.push(format!("{}-", runtime.id()));
        // At once: the programs of other tests remove it too.
        seen |= !left(&killed).is_empty();
    }
    assert!(seen, "none was killed after it had made its group");
    let next = program("ch03-cgroups", &["true"]);
    assert_eq!(next.code, Some(0), "{next:?}");
    let gone = eventually(|| left(&killed).is_empty());
    assert!(gone, "{:?}", left(&killed));
    done()
}
