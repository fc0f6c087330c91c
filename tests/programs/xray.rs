//! `xray` beside the kernel.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::container::Container;
use crate::support::kernel::{Process, eventually};
use crate::support::run::{program, run};
use crate::support::world::World;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![xray: [
        every_chapter_is_seen_from_both_sides,
        port_of_this_process_is_seen,
        limits_and_use_are_those_of_the_group,
        ids_of_a_rootless_container_are_mapped,
        process_that_was_sent_in_is_in_the_tree,
        descriptor_of_the_host_is_told_from_one_of_the_container,
        two_processes_are_compared,
    ]]
}

pub fn container(name: &str, args: &[&str]) -> Container {
    Container::start(World::shared().command(name).args(args).arg("cat"))
}

/// The report of a process, as JSON.
pub fn report(process: Process) -> Value {
    let run = program("xray", &["--json", &process.0.to_string()]);
    assert_eq!(run.code, Some(0), "{run:?}");
    serde_json::from_str(&run.out).expect("JSON")
}

fn every_chapter_is_seen_from_both_sides() -> Outcome {
    skip_unless!(need::namespaces());
    for chapter in [
        "ch00-process",
        "ch01-namespaces",
        "ch02-rootfs",
        "ch03-cgroups",
        "ch04-overlay",
    ] {
        let container = container(chapter, &[]);
        let first = container.first_process();
        // The runtime is named, and its child is meant.
        let report = report(container.runtime());
        assert_eq!(report["pid"], first.0, "{chapter}");
        assert_eq!(report["runtime"]["pid"], container.runtime().0);
        assert_eq!(report["command"], "cat");
        let last = report["processes"].as_array().and_then(|list| list.last());
        let last = last.expect("a process");
        assert_eq!(last["host_pid"], first.0);
        let pids = first.status("NSpid").expect("its PIDs");
        let inside: u32 = pids.rsplit(' ').next().unwrap_or_default().parse()?;
        assert_eq!(last["container_pid"], inside, "{chapter}");
        for namespace in report["namespaces"].as_array().expect("namespaces") {
            let kind = namespace["kind"].as_str().expect("a kind");
            let inode = |process: Process| process.namespace(kind);
            assert!(inode(first).contains(&namespace["container"].to_string()));
            let shared = inode(first) == inode(Process(std::process::id()));
            assert_eq!(namespace["shared"], shared, "{chapter}: {kind}");
        }
    }
    done()
}

fn port_of_this_process_is_seen() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let network = &report(Process(std::process::id()))["network"];
    assert_eq!(network["shared"], true);
    let ports = network["listening"].as_array().expect("ports");
    let own = ports
        .iter()
        .find(|one| one["port"] == port)
        .expect("our port");
    assert_eq!(
        (&own["protocol"], &own["address"]),
        (&"tcp".into(), &"127.0.0.1".into())
    );
    done()
}

fn limits_and_use_are_those_of_the_group() -> Outcome {
    skip_unless!(need::root());
    need_controller!("memory");
    need_controller!("pids");
    need_controller!("cpu");
    let flags = ["--memory", "64M", "--pids", "20", "--cpus", "0.5"];
    let container = container("ch03-cgroups", &flags);
    let report = report(container.first_process());
    let cgroup = &report["cgroup"];
    assert_eq!(cgroup["limits"]["memory"], 64 << 20);
    assert_eq!(cgroup["limits"]["pids"], 20);
    assert_eq!(cgroup["limits"]["cpu_millis"], 500);
    assert_eq!(cgroup["use"]["pids"], 1);
    let memory = cgroup["use"]["memory"].as_u64().expect("memory in use");
    assert!((1..64 << 20).contains(&memory), "{memory}");
    let groups = cgroup["groups"].as_array().expect("groups");
    let own: Vec<_> = groups
        .iter()
        .filter(|group| group["shared"] == false)
        .collect();
    let name = format!("/hull/{}-", container.runtime().0);
    for group in &own {
        assert!(
            group["path"].as_str().unwrap_or_default().contains(&name),
            "{group}"
        );
    }
    assert!(!own.is_empty());
    done()
}

fn ids_of_a_rootless_container_are_mapped() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::root_and_unprivileged_user());
    let world = World::shared();
    let container = Container::start(world.command_as_nobody("ch02-rootfs").arg("cat"));
    let pid = container.first_process().0.to_string();
    // Its own user can read all of it.
    let run = run(world.command_as_nobody("xray").args(["--json", &pid]));
    let report: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!(report["ids"]["user"]["real"]["host"], need::NOBODY);
    assert_eq!(report["ids"]["user"]["real"]["container"], 0);
    assert_eq!(report["hint"], Value::Null);
    assert!(!run.out.contains("unreadable\": \""), "{}", run.out);
    done()
}

fn process_that_was_sent_in_is_in_the_tree() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["nsenter"]));
    let container = container("ch01-namespaces", &[]);
    let first = container.first_process();
    let target = first.0.to_string();
    let mut visitor = Command::new("nsenter")
        .args(["-t", &target, "-p", "sleep", "1300"])
        .stdin(Stdio::null())
        .spawn()
        .expect("nsenter");
    let inside = || {
        report(first)["processes"]
            .to_string()
            .contains("\"sleep 1300\"")
    };
    let seen = eventually(inside);
    let children = Process(visitor.id()).children();
    for child in children {
        container.signal_inside(child, nix::sys::signal::Signal::SIGKILL);
    }
    visitor.wait()?;
    assert!(seen, "{}", report(first)["processes"]);
    done()
}

fn descriptor_of_the_host_is_told_from_one_of_the_container() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["bwrap"]));
    // bwrap leaves open what it was given.
    let line = "exec bwrap --unshare-all --ro-bind / / --proc /proc \
        sh -c 'exec 8</proc/version; exec cat' 7</proc/version";
    let container = Container::start(Command::new("sh").args(["-c", line]));
    let command = container.runtime().children()[0].children()[0];
    let report = report(command);
    let descriptors = report["descriptors"].as_array().expect("descriptors");
    let outside = |name: &str| {
        let mut all = descriptors.iter();
        let found = all.find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}: {descriptors:?}"))["outside"].clone()
    };
    assert!(outside("7").is_string());
    assert_eq!(outside("8"), Value::Null);
    assert_eq!(outside("cwd"), Value::Null);
    // The pipe that bwrap and the test hold too.
    let holder = outside("0");
    let holder = holder.as_str().expect("a holder");
    let runtime = format!("{} (bwrap) has it open too", container.runtime().0);
    assert_eq!(holder, runtime);
    done()
}

fn two_processes_are_compared() -> Outcome {
    skip_unless!(need::namespaces());
    let (one, other) = (
        container("ch04-overlay", &[]),
        container("ch04-overlay", &[]),
    );
    let pids = [&one, &other].map(|one| one.first_process().0.to_string());
    let run = program("xray", &["--json", &pids[0], &pids[1]]);
    let found: Value = serde_json::from_str(&run.out).expect("JSON");
    for kind in found["namespaces"].as_array().expect("namespaces") {
        let name = kind["kind"].as_str().expect("a kind");
        let same = one.first_process().namespace(name) == other.first_process().namespace(name);
        assert_eq!(kind["shared"], same, "{kind}");
    }
    // Two overlays on one image.
    assert_eq!(found["root"]["shared"], false);
    assert_eq!(found["layers"].as_array().map(Vec::len), Some(1), "{found}");
    let itself = program("xray", &["--json", &pids[0], &pids[0]]);
    assert!(!itself.out.contains("\"shared\": false"), "{}", itself.out);
    done()
}
