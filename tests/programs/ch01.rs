//! Chapter 1: namespaces, as the kernel tells them from the host's side.

use std::fs;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use crate::support::container::Container;
use crate::support::kernel::{Process, eventually};
use crate::support::run::{assert_fails, program, run, shell};
use crate::support::world::World;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch01: [
        command_is_pid_1_of_its_own_tree,
        pid_uts_and_ipc_namespaces_are_new_and_no_others,
        host_name_is_set_inside_and_stays_outside,
        host_name_of_65_bytes_is_refused,
        message_queue_of_the_host_is_not_seen,
        killing_pid_1_ends_the_container,
        init_reaps_what_a_plain_command_leaves,
        init_is_pid_1_and_the_command_is_not,
        unprivileged_user_is_root_inside_alone,
        unprivileged_user_is_told_once,
        forbidden_user_namespaces_name_the_sysctl,
        machine_without_user_namespaces_names_the_sysctl,
    ]]
}

fn start(flags: &[&str]) -> Container {
    Container::start(
        World::shared()
            .command("ch01-namespaces")
            .args(flags)
            .arg("cat"),
    )
}

fn command_is_pid_1_of_its_own_tree() -> Outcome {
    skip_unless!(need::namespaces());
    let container = start(&[]);
    let cat = container.cat();
    assert_eq!(cat.status("NSpid"), Some(format!("{} 1", cat.0)));
    done()
}

fn pid_uts_and_ipc_namespaces_are_new_and_no_others() -> Outcome {
    skip_unless!(need::namespaces());
    let container = start(&[]);
    let (runtime, cat) = (container.runtime(), container.cat());
    for kind in ["pid", "uts", "ipc"] {
        assert_ne!(cat.namespace(kind), runtime.namespace(kind), "{kind}");
    }
    for kind in ["mnt", "net", "cgroup", "time"] {
        assert_eq!(cat.namespace(kind), runtime.namespace(kind), "{kind}");
    }
    let user_is_new = cat.namespace("user") != runtime.namespace("user");
    assert_eq!(
        user_is_new,
        need::root().is_err(),
        "a user namespace is for those who are not root"
    );
    done()
}

fn host_name_is_set_inside_and_stays_outside() -> Outcome {
    skip_unless!(need::namespaces());
    let names = ["hostname", "domainname"].map(|name| format!("/proc/sys/kernel/{name}"));
    let before = names
        .each_ref()
        .map(|name| fs::read_to_string(name).unwrap_or_default());
    let needle = format!("hull-{}", std::process::id());
    let domain = format!("{needle}.example");
    let flags = [
        "--hostname",
        &needle,
        "--domainname",
        &domain,
        "cat",
        &names[0],
        &names[1],
    ];
    let run = program("ch01-namespaces", &flags);
    assert_eq!(run.out, format!("{needle}\n{domain}\n"), "{run:?}");
    let after = names
        .each_ref()
        .map(|name| fs::read_to_string(name).unwrap_or_default());
    assert_eq!(after, before);
    done()
}

fn host_name_of_65_bytes_is_refused() -> Outcome {
    skip_unless!(need::namespaces());
    let run = program("ch01-namespaces", &["--hostname", &"x".repeat(65), "true"]);
    assert_fails(&run, 125, &["sethostname(", "EINVAL", "at most 64 bytes"]);
    let run = program("ch01-namespaces", &["--hostname", &"x".repeat(64), "true"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    done()
}

fn message_queue_of_the_host_is_not_seen() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["unshare", "ipcmk"]));
    // The host is played by an IPC namespace of the test's own, so that no queue stays.
    let count = "grep -c . /proc/sysvipc/msg";
    let run = shell(&format!(
        "unshare -r --ipc sh -c 'ipcmk -Q >&2; {count}; ch01-namespaces {count}'"
    ));
    assert_eq!(
        run.out, "2\n1\n",
        "the header and one queue, then the header alone: {run:?}"
    );
    done()
}

fn killing_pid_1_ends_the_container() -> Outcome {
    skip_unless!(need::namespaces());
    let mut container = start(&["--init"]);
    let (init, cat) = (container.first_process(), container.cat());
    assert_ne!(init, cat);
    container.signal_inside(init, Signal::SIGKILL);
    container.wait_for_silence();
    assert!(eventually(|| !cat.exists()), "the command outlived PID 1");
    let (ended, error) = container.wait();
    assert_eq!(ended.code(), Some(137), "{error}");
    done()
}

/// An orphan becomes a child of PID 1: one more child, that ends at once.
fn init_reaps_what_a_plain_command_leaves() -> Outcome {
    skip_unless!(need::namespaces());
    // The orphan lives on until the command is a cat: a shell would reap it in passing.
    let orphan = "(sleep 0.3 &); exec cat";
    let zombies = |parent: Process| {
        let states = parent
            .children()
            .into_iter()
            .map(|child| child.status("State"));
        states
            .flatten()
            .filter(|state| state.starts_with('Z'))
            .count()
    };
    let plain = Container::start(
        World::shared()
            .command("ch01-namespaces")
            .args(["sh", "-c", orphan]),
    );
    assert!(
        eventually(|| zombies(plain.first_process()) == 1),
        "cat as PID 1 reaps nobody"
    );

    let mut command = World::shared().command("ch01-namespaces");
    let container = Container::start(command.args(["--init", "sh", "-c", orphan]));
    let init = container.first_process();
    assert!(
        eventually(|| init.children().len() == 1),
        "the init leaves a zombie"
    );
    assert_eq!(zombies(init), 0);
    done()
}

fn init_is_pid_1_and_the_command_is_not() -> Outcome {
    skip_unless!(need::namespaces());
    let container = start(&["--init"]);
    let (init, cat) = (container.first_process(), container.cat());
    assert_eq!(init.status("NSpid"), Some(format!("{} 1", init.0)));
    assert_eq!(cat.status("NSpid"), Some(format!("{} 2", cat.0)));
    let (ended, error) = container.end();
    assert_eq!(ended.code(), Some(0), "{error}");
    done()
}

fn unprivileged_user_is_root_inside_alone() -> Outcome {
    skip_unless!(need::root_and_unprivileged_user());
    let container = Container::start(
        World::shared()
            .command_as_nobody("ch01-namespaces")
            .arg("cat"),
    );
    let cat = container.cat();
    let map =
        |file: &str| fs::read_to_string(format!("/proc/{}/{file}", cat.0)).unwrap_or_default();
    let words = |text: String| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let nobody = need::NOBODY.to_string();
    assert_eq!(words(map("uid_map")), ["0", &nobody, "1"]);
    assert_eq!(words(map("gid_map")), ["0", &nobody, "1"]);
    assert_eq!(map("setgroups"), "deny\n");
    assert_eq!(
        cat.status("Uid"),
        Some(format!("{nobody} {nobody} {nobody} {nobody}"))
    );
    assert_ne!(cat.namespace("user"), container.runtime().namespace("user"));
    done()
}

fn unprivileged_user_is_told_once() -> Outcome {
    skip_unless!(need::root_and_unprivileged_user());
    for name in ["ch01-namespaces", "ch02-rootfs"] {
        let run = run(World::shared().command_as_nobody(name).args(["id", "-u"]));
        assert_eq!((run.code, run.out.as_str()), (Some(0), "0\n"), "{run:?}");
        assert_eq!(run.err.lines().count(), 1, "{run:?}");
        assert!(
            run.err.contains("uid 65534 here is uid 0 (root) inside"),
            "{run:?}"
        );
    }
    done()
}

/// In a user namespace of the test's own the limit is lowered, and the capabilities are dropped.
fn forbidden_user_namespaces_name_the_sysctl() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["unshare", "setpriv"]));
    for name in ["ch01-namespaces", "ch02-rootfs"] {
        let limit = "echo 0 > /proc/sys/user/max_user_namespaces";
        let run = shell(&format!(
            "unshare -r sh -c '{limit}; exec setpriv --bounding-set=-all {name} true'"
        ));
        let sudo = format!("{name} true");
        assert_fails(
            &run,
            125,
            &[
                "clone3(",
                "CLONE_NEWUSER",
                "ENOSPC",
                "user.max_user_namespaces",
                "sudo ",
                &sudo,
            ],
        );
    }
    done()
}

/// As above, for a user of a machine where the limit is zero for all.
fn machine_without_user_namespaces_names_the_sysctl() -> Outcome {
    skip_unless!(need::user_namespaces_forbidden());
    for name in ["ch01-namespaces", "ch02-rootfs"] {
        let sudo = format!("{name} true");
        let words = ["ENOSPC", "user.max_user_namespaces", "sudo ", &sudo];
        assert_fails(&program(name, &["true"]), 125, &words);
    }
    done()
}
