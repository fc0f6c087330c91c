//! `xray` beside the tools that read the same, and on containers of other runtimes.

use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::container::Container;
use crate::support::run::{program, run};
use crate::support::world::{World, directory};
use crate::support::{Outcome, done, need};
use crate::xray::{container, report};

pub fn trials() -> Vec<Trial> {
    trials![xray_tools: [
        namespaces_are_those_of_lsns,
        mounts_are_those_of_findmnt,
        capabilities_are_those_of_capsh,
        network_is_the_one_that_ip_sees_inside,
        container_of_bwrap_is_seen,
        container_of_runc_is_seen_with_its_filter,
    ]]
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
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["findmnt", "unshare"]));
    let own = container("ch04-overlay", &[]);
    let mut unshare = Command::new("unshare");
    let peers = Container::start(unshare.args(["-rm", "--propagation", "shared", "cat"]));
    for process in [own.first_process(), peers.runtime()] {
        let pid = process.0.to_string();
        let columns = "TARGET,FSTYPE,PROPAGATION";
        let mut theirs = tool("findmnt", &["--task", &pid, "-rn", "-o", columns]);
        let report = report(process);
        assert_eq!(report["mounts"]["shared"], false);
        let tree = report["mounts"]["tree"].as_array().expect("mounts");
        let mut ours: Vec<_> = tree.iter().map(as_findmnt).collect();
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs);
    }
    let tree = &report(own.first_process())["mounts"]["tree"];
    let lower = tree[0]["layers"]["lower"].as_array();
    assert_eq!(lower.map(Vec::len), Some(1));
    done()
}

/// A mount as findmnt(8) words it.
fn as_findmnt(mount: &Value) -> String {
    let tags = mount["propagation"].as_array().expect("tags");
    let has = |kind: &str| {
        let mut tags = tags.iter().filter_map(Value::as_str);
        tags.any(|tag| tag.starts_with(kind))
    };
    let propagation = match (has("shared:"), has("master:")) {
        (true, true) => "shared,slave",
        (true, false) => "shared",
        (false, true) => "private,slave",
        (false, false) => "private",
    };
    let text = |key: &str| mount[key].as_str().unwrap_or_default();
    format!("{} {} {propagation}", text("point"), text("kind"))
}

fn capabilities_are_those_of_capsh() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["capsh", "bwrap"]));
    let all = container("ch01-namespaces", &[]);
    // It has none, and its bounding set has all.
    let mut bwrap = Command::new("bwrap");
    let none = Container::start(bwrap.args(["--unshare-all", "--ro-bind", "/", "/", "cat"]));
    for process in [all.first_process(), none.first_process()] {
        let report = report(process);
        for (set, field) in [("effective", "CapEff"), ("bounding", "CapBnd")] {
            let bits = process.status(field).expect("a set");
            let ours = report["capabilities"][set].as_array().expect("a set");
            let mut ours: Vec<_> = ours.iter().filter_map(Value::as_str).collect();
            ours.sort_unstable();
            assert_eq!(ours, decoded(&bits), "{set}");
        }
    }
    done()
}

/// The names in a set, as capsh(1) has them.
fn decoded(bits: &str) -> Vec<String> {
    let line = tool("capsh", &[&format!("--decode={bits}")]).join("");
    let names = line.split_once('=').map_or("", |(_, names)| names);
    let names = names.split(',').filter(|name| !name.is_empty());
    let mut names: Vec<_> = names.map(str::to_uppercase).collect();
    names.sort_unstable();
    names
}

fn network_is_the_one_that_ip_sees_inside() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["unshare", "nsenter", "ip"]));
    // Without addresses that come by themselves, at some later moment.
    let script = "ip link set lo up; ip link add d0 type veth peer name d1; \
        ip link set d0 addrgenmode none; ip link set d1 addrgenmode none; ip link set d1 up; \
        ip addr add 10.9.8.7/20 dev d0; ip addr add fd00:9::7/64 dev d0 nodad; \
        ip link set d0 up; ip route add default via 10.9.8.1; exec cat";
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
        .arg(&state)
        .args(["run", "-b"])
        .arg(bundle.path())
        .arg(&name);
    // Dropped after the container: when a line below fails, runc is killed and cleans nothing up.
    let _remains = Remains { state, name };
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

/// What a killed runc leaves: its container and the control groups of that.
struct Remains {
    state: PathBuf,
    name: String,
}

impl Drop for Remains {
    fn drop(&mut self) {
        let mut runc = Command::new("runc");
        let delete = runc.arg("--root").arg(&self.state);
        let _ = delete.args(["delete", "--force", &self.name]).output();
    }
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
