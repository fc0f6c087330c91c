//! Chapter 2's /dev, /sys and /proc: what is there, and what is out of reach.

use crate::ch02::{at, inside, start};
use crate::support::{Outcome, done, need};
use libtest_mimic::Trial;
use std::path::Path;

pub fn trials() -> Vec<Trial> {
    trials![kernel_files: [
        devices_are_there_and_work,
        sys_is_read_only_all_the_way_down,
        kernel_paths_are_masked_or_read_only,
    ]]
}

fn devices_are_there_and_work() -> Outcome {
    skip_unless!(need::namespaces());
    let run = inside("ls /dev");
    let names = "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero";
    assert_eq!(
        run.out.split_whitespace().collect::<Vec<_>>().join(" "),
        names,
        "{run:?}"
    );
    let script = "echo lost >/dev/null && head -c 3 /dev/zero | od -An -tx1 && head -c 9 /dev/urandom | wc -c \
                  && head -c 9 /dev/random | wc -c && echo to-fd >/dev/fd/1 && echo to-stdout >/dev/stdout \
                  && exec 3<>/dev/ptmx && echo ptmx && echo x >/dev/shm/x && cat /dev/shm/x; exec dd if=/dev/zero of=/dev/full count=1";
    let run = inside(script);
    let words: Vec<_> = run.out.split_whitespace().collect();
    assert_eq!(
        words,
        [
            "00",
            "00",
            "00",
            "9",
            "9",
            "to-fd",
            "to-stdout",
            "ptmx",
            "x"
        ],
        "{run:?}"
    );
    assert!(
        run.code != Some(0) && run.err.contains("No space left"),
        "/dev/full: {run:?}"
    );
    let block = inside("find /dev -type b | wc -l");
    assert_eq!(
        block.out, "0\n",
        "a disk of the host's is in /dev: {block:?}"
    );
    done()
}

fn sys_is_read_only_all_the_way_down() -> Outcome {
    skip_unless!(need::namespaces());
    let container = start(&[]);
    let mounts = container.cat().mounts();
    for mount in mounts
        .iter()
        .filter(|mount| mount.point == "/sys" || mount.point.starts_with("/sys/"))
    {
        assert!(
            mount.options.split(',').any(|option| option == "ro"),
            "{mount:?}"
        );
    }
    done()
}

fn kernel_paths_are_masked_or_read_only() -> Outcome {
    skip_unless!(need::namespaces());
    let container = start(&[]);
    let mounts = container.cat().mounts();
    let there = |path: &&&str| Path::new(path).exists();
    for path in [
        "/proc/kcore",
        "/proc/keys",
        "/proc/interrupts",
        "/proc/timer_list",
    ]
    .iter()
    .filter(there)
    {
        assert_eq!(
            at(&mounts, path).root,
            "/null",
            "{path} is not covered by /dev/null"
        );
    }
    for path in ["/proc/acpi", "/proc/scsi", "/sys/firmware"]
        .iter()
        .filter(there)
    {
        assert_eq!(at(&mounts, path).kind, "tmpfs", "{path} is not covered");
    }
    for path in [
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/sys",
        "/proc/sysrq-trigger",
    ]
    .iter()
    .filter(there)
    {
        assert!(
            at(&mounts, path).options.starts_with("ro"),
            "{path} is writable"
        );
    }
    let run = inside("cat /proc/keys; echo x > /proc/sys/kernel/domainname");
    assert!(
        run.out.is_empty() && run.err.contains("Read-only file system"),
        "{run:?}"
    );
    done()
}
