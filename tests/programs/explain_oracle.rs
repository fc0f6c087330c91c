//! What `explain` tells of the chapter programs, held to what strace(1) tells;
//! and that other people's runtimes run under it.

use std::collections::HashMap;
use std::fs;
use std::process::Command;

use libtest_mimic::Trial;
use regex::Regex;
use serde_json::Value;

use super::explain::explain;
use crate::support::run::{run, shell};
use crate::support::world::{World, directory};
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![explain_oracle: [
        list_is_straces_for_every_chapter_program,
        filter_leaves_out_nothing,
        json_is_one_object_a_line,
        unshare_is_told,
        bwrap_is_told,
        runc_is_told,
        crun_is_told,
    ]]
}

/// Told always, and not only for some arguments. Left out are those that depend on what
/// other tests do beside this one, as `rmdir` of a control group that they left.
const ALWAYS: &str = "clone,clone3,fork,vfork,execve,execveat,exit_group,setsid,close_range,\
    unshare,setns,sethostname,setdomainname,mount,umount2,pivot_root,chroot,chdir,fchdir,mknod,\
    mknodat,open_tree,move_mount,fsopen,fsconfig,fsmount,fspick,mount_setattr,capset,setuid,\
    setgid,setresuid,setresgid,setgroups,kill,pidfd_send_signal";

/// The calls of every process, in the order in which the processes appear.
type Calls = Vec<Vec<String>>;

fn list_is_straces_for_every_chapter_program() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["strace"]));
    let lines: [&[&str]; 6] = [
        &["ch00-process"],
        &["ch01-namespaces", "--hostname", "box"],
        &["ch01-namespaces", "--init"],
        &["ch02-rootfs", "--volume", "/etc:/mnt:ro"],
        &["ch03-cgroups"],
        &["ch04-overlay", "--init"],
    ];
    for line in lines {
        let line = [line, &["sh", "-c", "sh -c true; exit 3"]].concat();
        // The built-in root filesystem is made by the first, and the second finds it.
        run(World::shared().command(line[0]).args(&line[1..]));
        let (ours, theirs) = (by_explain(&line), by_strace(&line));
        assert!(ours.concat().len() > 5, "{line:?}: {ours:?}");
        assert_eq!(ours, theirs, "{line:?}");
    }
    done()
}

fn by_explain(line: &[&str]) -> Calls {
    let (run, told) = explain(&["--json"], line);
    assert_eq!(run.code, Some(3), "{run:?}");
    let mut calls = Processes::default();
    for line in told.lines() {
        let event: Value = serde_json::from_str(line).expect("a line of JSON");
        let Some(call) = event["call"].as_str().filter(|call| is_always(call)) else {
            continue;
        };
        let args = event["args"].as_array().expect("arguments");
        let args: Vec<_> = args.iter().filter_map(Value::as_str).collect();
        let outcome = event["errno"].as_str().unwrap_or("");
        calls.add(&event["pid"].to_string(), call, &args.join(", "), outcome);
    }
    calls.list
}

fn by_strace(line: &[&str]) -> Calls {
    let directory = directory();
    let file = directory.path().join("trace");
    let mut command: Command = World::shared().command("strace");
    command.args(["-f", "-qq", "-s", "4096", "-e", "signal=none", "-e"]);
    command.arg(format!("trace={ALWAYS}")).arg("-o").arg(&file);
    // strace looks the program up in its own PATH, as explain does.
    assert_eq!(run(command.args(line)).code, Some(3), "{line:?}");
    let trace = fs::read_to_string(&file).expect("a trace");
    let begun = Regex::new(r"^(\d+) +(\w+)\((.*)$").expect("a pattern");
    let resumed = Regex::new(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$").expect("a pattern");
    let failed = Regex::new(r"= -1 (\w+)").expect("a pattern");
    let mut unfinished: HashMap<String, String> = HashMap::new();
    let mut calls = Processes::default();
    for line in trace.lines() {
        let whole = match resumed.captures(line) {
            Some(rest) => unfinished.remove(&rest[1]).unwrap_or_default() + &rest[2],
            None => line.to_owned(),
        };
        let Some(found) = begun.captures(&whole) else {
            continue;
        };
        if let Some(first) = whole.strip_suffix(" <unfinished ...>") {
            unfinished.insert(found[1].to_owned(), first.to_owned());
            continue;
        }
        let errno = failed.captures(&found[3]).map(|errno| errno[1].to_owned());
        let errno = errno.unwrap_or_default();
        calls.add(&found[1], &found[2], &found[3], &errno);
    }
    calls.list
}

/// Without CAP_SYS_ADMIN every call stops, and the table alone decides what is told.
fn filter_leaves_out_nothing() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["setpriv"]));
    let script = "echo 7 >/proc/self/oom_score_adj; ulimit -n 99; kill -0 $$; cd /; \
                  setpriv --no-new-privs --pdeathsig TERM true; exec 3>/proc/self/comm; echo x >&3";
    let told = |runner: &[&str]| -> Vec<String> {
        let line = [runner, &["explain", "--json", "sh", "-c", script]].concat();
        let run = run(World::shared().command(line[0]).args(&line[1..]));
        let events = run.err.lines().map(|line| {
            let event: Value = serde_json::from_str(line).expect("a line of JSON");
            format!("{} {}", event["call"], event["errno"])
        });
        events.filter(|event| !event.contains("execve")).collect()
    };
    let filtered = told(&["env"]);
    for call in ["prlimit64", "prctl", "kill", "chdir", "write"] {
        assert!(
            filtered.iter().any(|told| told.contains(call)),
            "{call}: {filtered:?}"
        );
    }
    assert_eq!(filtered, told(&["setpriv", "--bounding-set=-sys_admin"]));
    done()
}

fn is_always(call: &str) -> bool {
    ALWAYS.split(',').any(|known| known == call)
}

#[derive(Default)]
struct Processes {
    known: HashMap<String, usize>,
    list: Calls,
}

impl Processes {
    /// A call by its name, the strings among its arguments, and its errno. Numbers that differ
    /// from run to run, as PIDs in paths do, are all the same.
    fn add(&mut self, pid: &str, call: &str, args: &str, errno: &str) {
        let number = self.known.len();
        let at = *self.known.entry(pid.to_owned()).or_insert(number);
        if at == number {
            self.list.push(Vec::new());
        }
        let string = Regex::new(r#""[^"]*""#).expect("a pattern");
        let strings: Vec<_> = string.find_iter(args).map(|found| found.as_str()).collect();
        let strings = Regex::new(r"\d+")
            .expect("a pattern")
            .replace_all(&strings.join(" "), "#")
            .into_owned();
        let flags =
            Regex::new(r"\b(MS|MNT|AT|MOUNT_ATTR|MOVE_MOUNT|OPEN_TREE)_\w+").expect("a pattern");
        let mut flags: Vec<_> = flags.find_iter(args).map(|found| found.as_str()).collect();
        flags.sort_unstable();
        let call = format!("{call} {strings} {} {errno}", flags.join("|"));
        self.list[at].push(call);
    }
}

fn json_is_one_object_a_line() -> Outcome {
    let (_, told) = explain(
        &["--json", "--all"],
        &["sh", "-c", "true '\"\\ \u{e9}\t'; exit 2"],
    );
    let events: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let execve = &events[0];
    assert_eq!(execve["call"], "execve");
    assert_eq!(execve["chapter"], 0);
    assert!(
        execve["args"][1]
            .as_str()
            .is_some_and(|argv| argv.contains('\u{e9}')),
        "{execve}"
    );
    assert_eq!(
        events.last().map(|last| last["status"].clone()),
        Some(2.into())
    );
    done()
}

fn unshare_is_told() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["unshare"]));
    let line = [
        "unshare", "-r", "--mount", "--pid", "--fork", "sh", "-c", "exit 6",
    ];
    let (run, told) = explain(&[], &line);
    assert_eq!(run.code, Some(6), "{run:?}");
    assert_tells(
        &told,
        &[
            "unshare(CLONE_NEWUSER|CLONE_NEWNS|CLONE_NEWPID) = 0",
            "/uid_map>",
            "(1) ",
        ],
    );
    done()
}

fn bwrap_is_told() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["bwrap"]));
    let line = "bwrap --unshare-all --ro-bind / / true";
    let plain = shell(line);
    if plain.code != Some(0) {
        return Ok(libtest_mimic::Completion::ignored_with(format!(
            "bwrap cannot run here: {}",
            plain.err
        )));
    }
    let (run, told) = explain(&[], &line.split(' ').collect::<Vec<_>>());
    assert_eq!(run.code, Some(0), "{run:?}");
    let words = [
        "pivot_root(",
        "{RTM_NEWADDR, index=1, local=127.0.0.1/8}",
        "PR_SET_NO_NEW_PRIVS",
    ];
    assert_tells(&told, &words);
    done()
}

fn runc_is_told() -> Outcome {
    bundle(
        "runc",
        &["sethostname(\"runc\", 4) = 0", "PR_CAPBSET_DROP", "capset("],
    )
}

/// crun refuses a hybrid of both versions of control groups. Without the mount of the second
/// one, in a mount namespace of its own, it takes the first.
fn crun_is_told() -> Outcome {
    bundle("crun", &["sethostname(", "pivot_root("])
}

/// A runtime that takes a bundle as the OCI has it, on the built-in root filesystem.
fn bundle(runtime: &str, words: &[&str]) -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&[runtime, "unshare", "umount"]));
    let directory = directory();
    let shell_in = |line: &str| {
        let mut command = World::shared().command("sh");
        run(command.args(["-c", line]).current_dir(directory.path()))
    };
    let rootfs = World::shared().built_in_rootfs();
    let made = shell_in(&format!(
        "mkdir rootfs && cp -a {}/. rootfs && {runtime} spec",
        rootfs.display()
    ));
    assert_eq!(made.code, Some(0), "{made:?}");
    let config = directory.path().join("config.json");
    let mut spec: Value = serde_json::from_str(&fs::read_to_string(&config)?)?;
    spec["process"]["terminal"] = false.into();
    spec["process"]["args"] = vec!["sh", "-c", "exit 8"].into();
    spec["linux"]["seccomp"] = serde_json::json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}],
    });
    fs::write(&config, spec.to_string())?;
    let state = format!("{runtime} --root {}/state", directory.path().display());
    let alone = "unshare --mount sh -c";
    let hide = "umount -l /sys/fs/cgroup/unified 2>/dev/null";
    let plain = shell_in(&format!(
        "{alone} '{hide}; {state} run hull-test-explain-plain'"
    ));
    if plain.code != Some(8) {
        let why = format!("{runtime} cannot run here: {}", plain.err.trim());
        return Ok(libtest_mimic::Completion::ignored_with(why));
    }
    let run = shell_in(&format!(
        "{alone} '{hide}; explain -o told {state} run hull-test-explain'"
    ));
    assert_eq!(run.code, Some(8), "{run:?}");
    let told = fs::read_to_string(directory.path().join("told"))?;
    assert_tells(&told, words);
    assert_tells(&told, &[" instructions, actions: ALLOW, ERRNO(EPERM)"]);
    done()
}

fn assert_tells(told: &str, words: &[&str]) {
    for word in words {
        assert!(told.contains(word), "{word}: {told}");
    }
}
