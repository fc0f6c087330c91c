//! Chapter 3: how much of a disk, read back from the kernel and measured.

use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use crate::ch03::{group, read, run, start};
use crate::support::disk::LoopDisk;
use crate::support::run::{assert_fails, shell};
use crate::support::world::directory;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch03: [
        rates_are_the_kernels,
        writer_is_held_to_its_bytes,
        reader_is_held_to_its_operations,
        io_weight_is_the_kernels,
        rate_needs_a_whole_disk,
        bad_rate_is_refused,
    ]]
}

/// A disk of this test's own, or a skip aloud.
macro_rules! need_loop_disk {
    () => {
        match LoopDisk::new() {
            Ok(disk) => disk,
            Err(reason) => return Ok(libtest_mimic::Completion::ignored_with(reason)),
        }
    };
}

fn rates_are_the_kernels() -> Outcome {
    let disk = need_loop_disk!();
    let io = need_controller!("io");
    let container = start(&[
        "--device-read-bps",
        &format!("{}:1M", disk.path),
        "--device-write-bps",
        &format!("{}:2M", disk.path),
        "--device-read-iops",
        &format!("{}:30", disk.path),
        "--device-write-iops",
        &format!("{}:40", disk.path),
    ]);
    let group = group(container.cat(), io.clone());
    let rates = |v1: &str| read(&group, &io, "io.max", v1);
    let numbers = &disk.numbers;
    if io.v2 {
        let all = format!("{numbers} rbps=1048576 wbps=2097152 riops=30 wiops=40");
        assert_eq!(rates(""), all);
    } else {
        for (file, rate) in [
            ("read_bps", "1048576"),
            ("write_bps", "2097152"),
            ("read_iops", "30"),
            ("write_iops", "40"),
        ] {
            let found = rates(&format!("blkio.throttle.{file}_device"));
            assert_eq!(found, format!("{numbers} {rate}"), "{file}");
        }
    }
    done()
}

/// How long `script` takes in a container that may use the disk, with `flags`.
fn took(disk: &LoopDisk, flags: &[&str], script: &str) -> Duration {
    let rule = disk.rule();
    let script = format!("{} && {script}", disk.mknod());
    let first = ["--device-cgroup-rule", &rule];
    let start = Instant::now();
    let run = run(&[&first, flags, &["sh", "-c", &script]].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    start.elapsed()
}

fn writer_is_held_to_its_bytes() -> Outcome {
    let disk = need_loop_disk!();
    need_controller!("io");
    let write =
        "dd if=/dev/zero of=/dev/disk bs=64k count=32 oflag=direct conv=notrunc 2>/dev/null";
    let rate = format!("{}:1M", disk.path);
    let held = took(&disk, &["--device-write-bps", &rate], write);
    // 2 MiB at 1 MiB a second.
    assert!(held > Duration::from_millis(1500), "{held:?}");
    let free = took(&disk, &["--device-read-bps", &rate], write);
    assert!(free < held, "only reading is held: {free:?}, {held:?}");
    done()
}

fn reader_is_held_to_its_operations() -> Outcome {
    let disk = need_loop_disk!();
    need_controller!("io");
    let read = "dd if=/dev/disk of=/dev/null bs=4k count=20 iflag=direct 2>/dev/null";
    let rate = format!("{}:10", disk.path);
    let held = took(&disk, &["--device-read-iops", &rate], read);
    assert!(held > Duration::from_millis(1500), "{held:?}");
    done()
}

fn io_weight_is_the_kernels() -> Outcome {
    skip_unless!(need::root());
    let io = need_controller!("io");
    let weights = if io.v2 {
        "io.weight"
    } else {
        "blkio.bfq.weight"
    };
    let parent = io.mount.join("hull");
    // The files of the root's children, and of them alone, show it.
    std::fs::create_dir_all(&parent)?;
    skip_unless!(need::file(&parent.join(weights).to_string_lossy()));
    let container = start(&["--io-weight", "250"]);
    let group = group(container.cat(), io.clone());
    let found = read(&group, &io, "io.weight", "blkio.bfq.weight");
    assert!(found == "default 250" || found == "250", "{found}");
    done()
}

fn rate_needs_a_whole_disk() -> Outcome {
    let disk = need_loop_disk!();
    let Some(part) = disk.part() else {
        return Ok(libtest_mimic::Completion::ignored_with("needs a partition"));
    };
    let directory = directory();
    let node = directory.path().join("part").to_string_lossy().into_owned();
    let made = shell(&format!("mknod {node} b {}", part.replace(':', " ")));
    assert_eq!(made.code, Some(0), "{made:?}");
    let run = run(&["--device-read-bps", &format!("{node}:1M"), "true"]);
    assert_fails(&run, 125, &["--device-read-bps", "a part of a disk"]);
    done()
}

fn bad_rate_is_refused() -> Outcome {
    let cases = [
        ("--device-read-bps", "/dev/null:1M", "no disk"),
        ("--device-write-bps", "/nowhere:1M", "ENOENT"),
        ("--device-write-bps", "/dev/null:0", "for ever"),
        ("--device-read-bps", "/dev/null:1Q", "no unit"),
        ("--device-read-iops", "/dev/null", "as in /dev/sda:1M"),
        ("--device-read-iops", "/dev/null:-1", "whole number"),
        (
            "--device-write-iops",
            "/dev/null:99999999999",
            "whole number",
        ),
    ];
    for (flag, value, why) in cases {
        assert_fails(&run(&[flag, value, "true"]), 125, &[flag, why]);
    }
    done()
}
