//! Chapter 3: a group that is stopped, counted, changed and killed, through its example `steer`.

use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use crate::ch03::{group, read};
use crate::support::disk::LoopDisk;
use crate::support::kernel::{Process, eventually};
use crate::support::steer::Steer;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch03: [
        frozen_group_gets_no_time_until_it_is_thawed,
        killed_group_ends_frozen_or_not,
        usage_is_the_kernels,
        disk_usage_is_counted,
        pressure_is_read_where_it_is_counted,
        events_count_what_the_limits_did,
        update_sets_new_limits_and_leaves_the_others,
        version_1_freezes_and_kills_where_version_2_is_not_mounted,
    ]]
}

/// The example is built, and this is root.
fn steer() -> Result<(), String> {
    need::root()?;
    need::built("steer")
}

const BUSY: &str = "sh -c 'while :; do :; done'";

/// Freezes a busy group, looks, and thaws it.
fn assert_freezes(steer: &mut Steer) {
    let command = steer.command();
    assert!(eventually(|| command.ticks() > 2), "it is busy");
    steer.order("freeze");
    assert!(steer.ask("events").contains("frozen: true"));
    let before = command.ticks();
    let end = Instant::now() + Duration::from_millis(100);
    eventually(|| command.ticks() > before || Instant::now() > end);
    assert_eq!(command.ticks(), before, "it gets no time");
    steer.order("thaw");
    assert!(steer.ask("events").contains("frozen: false"));
    assert!(eventually(|| command.ticks() > before + 2), "it goes on");
}

fn frozen_group_gets_no_time_until_it_is_thawed() -> Outcome {
    skip_unless!(steer());
    let mut steer = Steer::start(&[BUSY]);
    assert_freezes(&mut steer);
    assert_eq!(steer.end(), Some(137));
    done()
}

fn killed_group_ends_frozen_or_not() -> Outcome {
    skip_unless!(steer());
    for freeze in ["events", "freeze"] {
        let mut steer = Steer::start(&["sh", "-c", "'sleep 1061 & sleep 1061; wait'"]);
        let command = steer.command();
        assert!(eventually(|| command.children().len() == 2));
        let children = command.children();
        steer.order(freeze);
        steer.order("kill");
        let alive = |process: &Process| {
            let state = process.status("State");
            state.is_some_and(|state| !state.starts_with('Z'))
        };
        assert!(eventually(|| !children.iter().any(alive)), "{children:?}");
        assert_eq!(steer.end(), Some(137), "{freeze}");
    }
    done()
}

/// The number after `what` in an answer.
fn number(answer: &str, what: &str) -> f64 {
    let (_, rest) = answer
        .split_once(what)
        .unwrap_or_else(|| panic!("no {what:?} in {answer}"));
    let digits = rest.split(|c: char| !c.is_ascii_digit() && c != '.');
    digits
        .map(str::trim)
        .find_map(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("no number after {what:?} in {answer}"))
}

fn usage_is_the_kernels() -> Outcome {
    skip_unless!(steer());
    let memory = need_controller!("memory");
    need_controller!("pids");
    let mut steer = Steer::start(&["--memory", "64M", "--pids", "9", "sleep", "1062"]);
    let group = group(steer.command(), memory.clone());
    let kib = || {
        let bytes = read(&group, &memory, "memory.current", "memory.usage_in_bytes");
        bytes.parse::<f64>().expect("bytes") / 1024.0
    };
    // It is still starting: the two agree when it has.
    let mut answer = String::new();
    let agree = eventually(|| {
        answer = steer.ask("usage");
        let number = number(&answer, "memory ");
        let unit = if answer.contains(" MiB, peak") {
            1024.0
        } else {
            1.0
        };
        kib() > 0.0 && (number * unit - kib()).abs() < 100.0
    });
    assert!(agree, "{} KiB: {answer}", kib());
    assert_eq!(number(&answer, "processes "), 1.0, "{answer}");
    let swap = ["swap 0 bytes", "swap unknown"];
    assert!(swap.iter().any(|swap| answer.contains(swap)), "{answer}");
    if version_2_is_mounted() {
        let mut answer = String::new();
        let counted = eventually(|| {
            answer = steer.ask("usage");
            number(&answer, "processors ") > 0.0
        });
        assert!(counted, "{answer}");
        assert!(number(&answer, "us: user ") <= number(&answer, "processors "));
    }
    steer.end();
    done()
}

fn version_2_is_mounted() -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounts.contains(" - cgroup2 ")
}

fn disk_usage_is_counted() -> Outcome {
    skip_unless!(steer());
    need_controller!("io");
    let disk = match LoopDisk::new() {
        Ok(disk) => disk,
        Err(why) => return Ok(libtest_mimic::Completion::ignored_with(why)),
    };
    let read = format!(
        "dd if={} of=/dev/null bs=4k count=5 iflag=direct 2>&1; sleep 1063",
        disk.path
    );
    // A rate, so that version 1 has a group that counts.
    let rate = format!("{}:99M", disk.path);
    let rule = format!("'{}'", disk.rule());
    let mut steer = Steer::start(&[
        "--device-read-bps",
        &rate,
        "--device-cgroup-rule",
        &rule,
        "sh",
        "-c",
        &format!("'{read}'"),
    ]);
    let expected = format!("disk {}: read 20480 in 5, wrote 0 in 0", disk.numbers);
    let mut answer = String::new();
    eventually(|| {
        answer = steer.ask("usage");
        answer.contains(&expected)
    });
    assert!(answer.contains(&expected), "{answer}");
    steer.end();
    done()
}

fn pressure_is_read_where_it_is_counted() -> Outcome {
    skip_unless!(steer());
    skip_unless!(need::file("/proc/pressure/cpu"));
    let mut steer = Steer::start(&["sleep", "1064"]);
    let answer = steer.ask("pressure");
    assert_eq!(number(&answer, "memory: some waited "), 0.0, "{answer}");
    assert!(answer.contains("io: some waited 0 %"), "{answer}");
    steer.end();
    done()
}

fn events_count_what_the_limits_did() -> Outcome {
    skip_unless!(steer());
    let memory = need_controller!("memory");
    need_controller!("pids");
    let script = "'tail /dev/zero; timeout 1 true; timeout 1 true; sleep 1065'";
    let flags = ["--memory", "16M", "--pids", "2", "sh", "-c", script];
    let mut steer = Steer::start(&flags);
    let mut answer = String::new();
    eventually(|| {
        answer = steer.ask("events");
        answer.contains("oom kills 1\n") && !answer.contains("pids 0;")
    });
    assert!(answer.contains("oom kills 1\n"), "{answer}");
    assert!(
        !memory.v2 || number(&answer, "limits hit: memory ") > 0.0,
        "{answer}"
    );
    assert!(number(&answer, ", pids ") > 0.0, "{answer}");
    steer.end();
    done()
}

fn update_sets_new_limits_and_leaves_the_others() -> Outcome {
    skip_unless!(steer());
    let (memory, pids) = (need_controller!("memory"), need_controller!("pids"));
    let mut steer = Steer::start(&["--memory", "32M", "sh", "-c", "'sleep 1066; exit'"]);
    let limit = |process| {
        let group = group(process, memory.clone());
        read(&group, &memory, "memory.max", "memory.limit_in_bytes")
    };
    let command = steer.command();
    // More than before, and than memory and swap together were; then less.
    for (bytes, mib) in [("64M", 64), ("24M", 24)] {
        steer.ask(&format!("update --memory {bytes}"));
        assert_eq!(limit(command), (mib << 20).to_string());
    }
    // A limit of a kind that there was none of, for all that run.
    let answer = steer.ask("update --pids 7");
    assert!(eventually(|| !command.children().is_empty()));
    for process in [command, command.children()[0]] {
        let found = read(&group(process, pids.clone()), &pids, "pids.max", "pids.max");
        assert_eq!(found, "7", "{answer}");
        assert_eq!(limit(process), (24 << 20).to_string());
    }
    assert!(steer.ask("update --memory 8k").contains("smallest limit"));
    steer.end();
    done()
}

fn version_1_freezes_and_kills_where_version_2_is_not_mounted() -> Outcome {
    skip_unless!(steer());
    skip_unless!(need::tools(&["unshare", "umount", "findmnt"]));
    need_controller!("freezer");
    let hide = "for m in $(findmnt -nlo TARGET -t cgroup2); do umount -l $m; done";
    let line = format!("exec unshare -m sh -c \"{hide}; exec steer {BUSY}\"");
    let mut steer = Steer::start_line(&line);
    assert_freezes(&mut steer);
    steer.order("freeze");
    assert_eq!(steer.end(), Some(137), "frozen, and killed");
    done()
}
