//! The sessions of chapter 3 about devices, disks, and a group that is stopped and counted.

use libtest_mimic::Trial;

use crate::support::disk::LoopDisk;
use crate::support::transcript::Transcript;
use crate::support::{Outcome, done, need};
use crate::transcripts::ch03::version_2;

pub fn trials() -> Vec<Trial> {
    trials![ch03: [device, shares, disk, steer, pressure, leave, disagree]]
}

const READ_LOG: &str = "sh -c 'mknod /dev/log c 1 11; head -c 0 /dev/log && echo opened'";

fn device() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(readable("/dev/kmsg"));
    Transcript::new()
        .shell(&format!("ch02-rootfs {READ_LOG}"))
        .shell(&format!("ch03-cgroups {READ_LOG}"))
        .shell(&format!(
            "ch03-cgroups --device-cgroup-rule 'c 1:11 r' {READ_LOG}"
        ))
        .snapshot("ch03-device");
    done()
}

fn readable(path: &str) -> Result<(), String> {
    let opened = std::fs::File::open(path);
    opened.map(drop).map_err(|error| format!("{path}: {error}"))
}

fn shares() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["awk", "pgrep"]));
    need_controller!("cpu");
    need_controller!("cpuset");
    let busy = |shares: &str, command: &str| {
        format!("ch03-cgroups --cpuset 0 --cpu-shares {shares} {command} >/dev/null")
    };
    Transcript::new()
        .background_line(&busy("4096", "yes 1075"), "yes 1075")
        .background_line(&busy("256", "yes 1076"), "yes 1076")
        .shell_until(
            "awk '{time[NR] = $14 + $15} END {if (time[2] > 5 && time[1] > 5 * time[2]) print \"more than 5 times as much\"}' \
             /proc/$(pgrep -fx \"yes 1075\")/stat /proc/$(pgrep -fx \"yes 1076\")/stat",
            |output| !output.is_empty(),
        )
        .snapshot("ch03-shares");
    done()
}

fn disk() -> Outcome {
    skip_unless!(LoopDisk::new().map(drop));
    need_controller!("io");
    Transcript::new()
        .in_a_directory()
        .shell(
            "sh -c '\n  \
             truncate -s 8M disk; D=$(losetup --find --show disk)\n  \
             ch03-cgroups --device-write-bps $D:1M --device-cgroup-rule \"b 7:* rwm\" sh -c \"\n    \
             mknod /dev/disk b 7 ${D#/dev/loop}\n    \
             dd if=/dev/zero of=/dev/disk bs=64k count=40 oflag=direct\" 2>dd.log\n  \
             losetup -d $D'",
        )
        .shell(
            "grep -o 'copied, [0-9.]*' dd.log | awk '{print ($2 >= 2 ? \"2 seconds or more\" : $0)}'",
        )
        .snapshot("ch03-disk");
    done()
}

fn steer() -> Outcome {
    skip_unless!(version_2());
    skip_unless!(need::built("steer"));
    need_controller!("memory");
    need_controller!("pids");
    Transcript::new()
        .shell(
            "printf '%s\\n' usage freeze events thaw events | steer --memory 64M --pids 9 sleep 1073 | grep -v hit",
        )
        .snapshot("ch03-steer");
    done()
}

fn pressure() -> Outcome {
    skip_unless!(version_2());
    skip_unless!(need::tools(&["find", "awk"]));
    skip_unless!(need::file("/proc/pressure/cpu"));
    need_controller!("cpu");
    Transcript::new()
        .background_line("ch03-cgroups --cpus 0.1 yes 1074 >/dev/null", "yes 1074")
        .shell_until(
            "sed 's/=/ /g' $(find /sys/fs/cgroup -path \"*/hull/$!-*/cpu.pressure\") | awk '{print $1, ($3 > 5 ? \"more than 5 percent\" : \"little\")}'",
            |output| !output.contains("little") && !output.is_empty(),
        )
        .snapshot("ch03-pressure");
    done()
}

fn leave() -> Outcome {
    skip_unless!(version_2());
    skip_unless!(readable("/dev/kmsg"));
    Transcript::new()
        .shell(
            "ch03-cgroups sh -c '\n  \
             mknod /dev/log c 1 11; head -c 0 /dev/log || echo refused\n  \
             mkdir /tmp/c; mount -t cgroup2 none /tmp/c\n  \
             echo $$ >/tmp/c/cgroup.procs\n  \
             head -c 0 /dev/log && echo opened'",
        )
        .snapshot("ch03-leave");
    done()
}

fn disagree() -> Outcome {
    skip_unless!(need::namespaces());
    Transcript::new()
        .shell("ch03-cgroups --memory 64M --memory-swap 32M true")
        .shell("ch03-cgroups --device-read-bps /dev/null:1M true 2>&1 | head -1")
        .shell("ch03-cgroups --device-cgroup-rule 'c 10:229' true 2>&1 | head -1")
        .snapshot("ch03-disagree");
    done()
}
