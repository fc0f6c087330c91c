//! `xray` beside the kernel and beside other tools.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use nix::unistd::geteuid;
use serde_json::Value;

use crate::support::container::Container;
use crate::support::kernel::{Process, eventually};
use crate::support::run::{Run, assert_fails, program, run};
use crate::support::world::{World, directory};
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![xray: [
        every_chapter_is_seen_from_both_sides,
        namespaces_are_those_of_lsns,
        mounts_are_those_of_findmnt,
        capabilities_are_those_of_capsh,
        network_is_the_one_that_ip_sees_inside,
        port_of_this_process_is_seen,
        limits_and_use_are_those_of_the_group,
        ids_of_a_rootless_container_are_mapped,
        process_that_was_sent_in_is_in_the_tree,
        container_of_bwrap_is_seen,
        container_of_runc_is_seen_with_its_filter,
        two_processes_are_compared,
        ordinary_user_is_told_what_cannot_be_read,
        bad_input_is_named,
        process_that_ends_meanwhile_is_named,
        table_fits_80_columns,
        every_key_is_documented,
    ]]
}

fn container(name: &str, args: &[&str]) -> Container {
    Container::start(World::shared().command(name).args(args).arg("cat"))
}

/// The report of a process, as JSON.
fn report(process: Process) -> Value {
    let run = program("xray", &["--json", &process.0.to_string()]);
    assert_eq!(run.code, Some(0), "{run:?}");
    serde_json::from_str(&run.out).expect("JSON")
}

fn tool(command: &str, args: &[&str]) -> Vec<String> {
    let run = run(Command::new(command).args(args));
    assert_eq!(run.code, Some(0), "{run:?}");
    run.out.lines().map(|line| line.trim().to_owned()).collect()
}

/// The values of `key` in a list of objects.
fn all<'a>(list: &'a Value, key: &str) -> Vec<&'a Value> {
    let objects = list
        .as_array()
        .unwrap_or_else(|| panic!("{list} is no list"));
    objects.iter().map(|object| &object[key]).collect()
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

fn namespaces_are_those_of_lsns() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["lsns"]));
    let container = container("ch04-overlay", &[]);
    let first = container.first_process();
    let pid = first.0.to_string();
    let mut theirs = tool("lsns", &["--noheadings", "-o", "TYPE,NS", "-p", &pid]);
    let report = report(first);
    let namespaces = report["namespaces"].as_array().expect("namespaces");
    let mut ours: Vec<_> = namespaces
        .iter()
        .map(|one| {
            format!(
                "{} {}",
                one["kind"].as_str().unwrap_or_default(),
                one["container"]
            )
        })
        .collect();
    let words = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
    theirs = theirs.iter().map(words).collect();
    theirs.sort();
    ours.sort();
    assert_eq!(ours, theirs);
    done()
}

fn mounts_are_those_of_findmnt() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["findmnt"]));
    let container = container("ch04-overlay", &[]);
    let first = container.first_process();
    let pid = first.0.to_string();
    let columns = "TARGET,FSTYPE,PROPAGATION";
    let mut theirs = tool("findmnt", &["--task", &pid, "-rn", "-o", columns]);
    let report = report(first);
    let tree = report["mounts"]["tree"].as_array().expect("mounts");
    assert_eq!(report["mounts"]["shared"], false);
    let mut ours: Vec<_> = tree
        .iter()
        .map(|mount| {
            let text = |key: &str| mount[key].as_str().unwrap_or_default().to_owned();
            let private = mount["propagation"].as_array().is_some_and(Vec::is_empty);
            assert!(private, "{mount}");
            format!("{} {} private", text("point"), text("kind"))
        })
        .collect();
    theirs.sort();
    ours.sort();
    assert_eq!(ours, theirs);
    let layers = &tree[0]["layers"];
    let lower = layers["lower"].as_array().expect("lower layers");
    assert_eq!(lower.len(), 1);
    done()
}

fn capabilities_are_those_of_capsh() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["capsh"]));
    let container = container("ch01-namespaces", &[]);
    let first = container.first_process();
    let report = report(first);
    for (set, field) in [("effective", "CapEff"), ("bounding", "CapBnd")] {
        let bits = first.status(field).expect("a set");
        let line = tool("capsh", &[&format!("--decode={bits}")]).join("");
        let names = line
            .split_once('=')
            .map_or("", |(_, names)| names)
            .to_uppercase();
        let mut theirs: Vec<_> = names.split(',').filter(|name| !name.is_empty()).collect();
        let mut ours: Vec<_> = report["capabilities"][set]
            .as_array()
            .expect("a set")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        theirs.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, theirs, "{set}");
    }
    done()
}

fn network_is_the_one_that_ip_sees_inside() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["unshare", "nsenter", "ip"]));
    let script = "ip link set lo up; ip link add d0 type veth peer name d1; ip link set d1 up; ip addr add 10.9.8.7/24 dev d0; \
        ip addr add fd00:9::7/64 dev d0 nodad; ip link set d0 up; \
        ip route add default via 10.9.8.1; exec cat";
    let container = Container::start(Command::new("unshare").args(["-n", "sh", "-c", script]));
    let process = container.runtime();
    let pid = process.0.to_string();
    let network = &report(process)["network"];
    assert_eq!(network["shared"], false);
    let inside = |args: &[&str]| {
        let enter = [&["-t", &pid, "-n", "ip", "-o"], args].concat();
        tool("nsenter", &enter)
    };
    let addresses = network["addresses"].as_array().expect("addresses");
    let mut ours: Vec<_> = addresses
        .iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            format!("{} {}/{}", text("link"), text("address"), one["prefix"])
        })
        .collect();
    let words = |line: &String| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let mut theirs: Vec<_> = inside(&["addr"])
        .iter()
        .map(|line| format!("{} {}", words(line)[1], words(line)[3]))
        .collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
    let mut links = all(&network["links"], "name");
    links.sort_by_key(|name| name.to_string());
    assert_eq!(links, ["d0", "d1", "lo"]);
    let routes = network["routes"].as_array().expect("routes");
    let default = routes
        .iter()
        .find(|route| route["prefix"] == 0)
        .expect("a default route");
    assert_eq!(
        (&default["gateway"], &default["link"]),
        (&"10.9.8.1".into(), &"d0".into())
    );
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

fn container_of_bwrap_is_seen() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["bwrap"]));
    let mut command = Command::new("bwrap");
    command.args([
        "--unshare-all",
        "--ro-bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "cat",
    ]);
    let container = Container::start(&mut command);
    let report = report(container.runtime());
    assert_eq!(report["runtime"]["name"], "bwrap");
    assert_eq!(report["seccomp"]["no_new_privs"], true);
    let namespaces = report["namespaces"].as_array().expect("namespaces");
    let kind = |one: &&Value| one["kind"] == "net";
    let net = namespaces.iter().find(kind).expect("a network namespace");
    assert_eq!(net["shared"], false);
    done()
}

fn container_of_runc_is_seen_with_its_filter() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["runc"]));
    let bundle = directory();
    let root = World::shared().built_in_rootfs();
    let config = include_str!("xray/runc.json").replace("ROOT", &root.to_string_lossy());
    std::fs::write(bundle.path().join("config.json"), config)?;
    let state = bundle.path().join("state");
    let mut command = Command::new("runc");
    let name = format!("hull-test-{}", std::process::id());
    command
        .arg("--root")
        .arg(state)
        .args(["run", "-b"])
        .arg(bundle.path())
        .arg(name);
    let container = Container::start(&mut command);
    let pid = container.runtime().0.to_string();
    let run = program("xray", &["--json", "--filter", &pid]);
    let report: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!(report["runtime"]["name"], "runc");
    assert_eq!(report["seccomp"]["mode"], "filter");
    let lengths = report["seccomp"]["instructions"].as_array();
    let lengths = lengths.unwrap_or_else(|| panic!("{}", report["seccomp"]));
    assert!(
        lengths[0].as_u64().is_some_and(|length| length > 3),
        "{lengths:?}"
    );
    assert_eq!(
        report["capabilities"]["effective"],
        serde_json::json!(["CAP_KILL"])
    );
    // It was stopped for that, and goes on.
    let (ended, error) = container.end();
    assert_eq!(ended.code(), Some(0), "{error}");
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

fn ordinary_user_is_told_what_cannot_be_read() -> Outcome {
    skip_unless!(need::root_and_unprivileged_user());
    let world = World::shared();
    let container = container("ch01-namespaces", &[]);
    let pid = container.first_process().0.to_string();
    let run = run(world.command_as_nobody("xray").arg(&pid));
    assert_eq!(run.code, Some(0), "{run:?}");
    let cause = format!(
        "process {pid} belongs to user 0, and this is user {}",
        need::NOBODY
    );
    assert!(run.out.contains(&cause), "{run:?}");
    assert!(run.out.contains("sudo "), "{run:?}");
    let not_readable = run.out.matches("not readable:").count();
    assert!(not_readable >= 2, "namespaces, descriptors: {run:?}");
    done()
}

fn bad_input_is_named() -> Outcome {
    let fails = |args: &[&str], words: &str| assert_fails(&program("xray", args), 125, &[words]);
    fails(&["0"], "\"0\" is no PID");
    fails(&["cat"], "\"cat\" is no PID");
    fails(&["4194305"], "there is no process 4194305");
    fails(&["--svg", "1", "1"], "--svg draws one process");
    fails(&["--json", "--svg", "1"], "cannot be used with");
    fails(&[], "required");
    done()
}

fn process_that_ends_meanwhile_is_named() -> Outcome {
    let mut ended = Command::new("true").spawn()?;
    let pid = ended.id().to_string();
    let mut last: Option<Run> = None;
    let zombie = eventually(|| {
        let run = program("xray", &[&pid]);
        let said = run.err.contains("has not yet asked for its status");
        last = Some(run);
        said
    });
    ended.wait()?;
    assert!(zombie, "{last:?}");
    // One that ends at some moment of the look: it is whole, or the reason is named.
    for _ in 0..40 {
        let mut short = Command::new("true").spawn()?;
        let run = program("xray", &[&short.id().to_string()]);
        short.wait()?;
        let named = ["has ended", "ended while", "there is no process"];
        let named = named.iter().any(|words| run.err.contains(words));
        assert!(run.code == Some(0) || named, "{run:?}");
    }
    done()
}

fn table_fits_80_columns() -> Outcome {
    skip_unless!(need::namespaces());
    let long = "x".repeat(300);
    let mut command = World::shared().command("ch04-overlay");
    let container = Container::start(command.args(["--hostname", "box", "sh", "-c"]).arg(format!(
        "mkdir /{long:.200}; : {long}; exec 9>/{long:.90}; exec cat"
    )));
    for args in [
        vec![container.runtime().0],
        vec![container.runtime().0, std::process::id()],
    ] {
        let args: Vec<_> = args.iter().map(u32::to_string).collect();
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let run = program("xray", &args);
        let wide = run.out.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None);
        assert_eq!(run.code, Some(0), "{run:?}");
    }
    done()
}

/// Every key of both reports, as `a.b.c`.
fn keys(value: &Value, above: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = if above.is_empty() {
                    key.clone()
                } else {
                    format!("{above}.{key}")
                };
                keys(value, &key, found);
                found.push(key);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(value, above, found)),
        _ => {}
    }
}

fn every_key_is_documented() -> Outcome {
    skip_unless!(need::namespaces());
    let container = container("ch04-overlay", &[]);
    let pid = container.runtime().0.to_string();
    let own = std::process::id().to_string();
    let page = include_str!("../../book/src/xray.md");
    let mut found = Vec::new();
    for args in [vec!["--json", &*pid], vec!["--json", &*pid, &*own]] {
        let run = program("xray", &args);
        keys(
            &serde_json::from_str(&run.out).expect("JSON"),
            "",
            &mut found,
        );
    }
    found.sort();
    found.dedup();
    let missing: Vec<_> = found
        .iter()
        .filter(|key| !page.contains(&format!("`{}`", key.rsplit('.').next().unwrap_or(key))))
        .collect();
    assert!(missing.is_empty(), "book/src/xray.md has no {missing:?}");
    assert!(found.len() > 50, "as {}: {found:?}", geteuid());
    done()
}
