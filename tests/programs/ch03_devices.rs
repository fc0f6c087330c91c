//! Chapter 3: devices, opened from inside.

use libtest_mimic::Trial;

use crate::support::disk::LoopDisk;
use crate::support::need;
use crate::support::run::{Run, assert_fails, program, run, shell};
use crate::support::world::World;
use crate::support::{Outcome, done};

pub fn trials() -> Vec<Trial> {
    trials![ch03: [
        device_off_the_list_can_be_made_and_not_opened,
        disk_of_the_host_cannot_be_read,
        usual_devices_can_be_opened,
        rule_allows_what_it_names_and_no_more,
        rule_for_everything_allows_everything,
        version_1_holds_devices_where_version_2_is_not_mounted,
        devices_that_cannot_be_held_are_said,
        bad_device_rule_is_refused,
        device_rule_without_root_is_refused,
    ]]
}

/// Makes a node of the kernel's log, and opens it: it is on nobody's list.
const READ_LOG: &str = "mknod /dev/log c 1 11 && echo made && : </dev/log && echo opened";

/// The host's root may open the kernel's log, and chapter 2's too.
fn kernel_log() -> Result<(), String> {
    need::root()?;
    let found = program("ch02-rootfs", &["sh", "-c", READ_LOG]);
    if found.out == "made\nopened\n" {
        Ok(())
    } else {
        Err(format!(
            "needs a /dev/kmsg that root may open: {}",
            found.err.trim()
        ))
    }
}

fn inside(flags: &[&str], script: &str) -> Run {
    program("ch03-cgroups", &[flags, &["sh", "-c", script]].concat())
}

fn device_off_the_list_can_be_made_and_not_opened() -> Outcome {
    skip_unless!(kernel_log());
    let run = inside(&[], READ_LOG);
    assert_eq!(run.out, "made\n", "{run:?}");
    assert!(run.err.contains("Operation not permitted"), "{run:?}");
    done()
}

fn disk_of_the_host_cannot_be_read() -> Outcome {
    let disk = match LoopDisk::new() {
        Ok(disk) => disk,
        Err(why) => return Ok(libtest_mimic::Completion::ignored_with(why)),
    };
    let script = format!("{} && head -c 512 /dev/disk | wc -c", disk.mknod());
    let before = program("ch02-rootfs", &["sh", "-c", &script]);
    assert_eq!(before.out, "512\n", "chapter 2 lets root: {before:?}");
    let run = inside(&[], &script);
    assert_eq!(run.out, "0\n", "{run:?}");
    assert!(run.err.contains("Operation not permitted"), "{run:?}");
    done()
}

fn usual_devices_can_be_opened() -> Outcome {
    skip_unless!(need::namespaces());
    let script = "for d in null zero full random urandom ptmx; do : <>/dev/$d && echo $d; done";
    let run = inside(&[], script);
    assert_eq!(
        run.out, "null\nzero\nfull\nrandom\nurandom\nptmx\n",
        "{run:?}"
    );
    done()
}

fn rule_allows_what_it_names_and_no_more() -> Outcome {
    skip_unless!(kernel_log());
    let script = format!("{READ_LOG}; : >/dev/log && echo written");
    let run = inside(&["--device-cgroup-rule", "c 1:11 r"], &script);
    assert_eq!(run.out, "made\nopened\n", "{run:?}");
    let run = inside(&["--device-cgroup-rule", "c 1:10 r"], READ_LOG);
    assert_eq!(run.out, "made\n", "{run:?}");
    done()
}

fn rule_for_everything_allows_everything() -> Outcome {
    skip_unless!(kernel_log());
    let flags = [
        "--device-cgroup-rule",
        "c 1:10 r",
        "--device-cgroup-rule",
        "a *:* rwm",
    ];
    let run = inside(&flags, READ_LOG);
    assert_eq!(run.out, "made\nopened\n", "{run:?}");
    done()
}

/// A line of shell in a mount namespace where no version 2 is mounted.
fn without_version_2(line: &str) -> Run {
    let hide = "for m in $(findmnt -nlo TARGET -t cgroup2); do umount -l $m; done";
    run(World::shared()
        .command("unshare")
        .args(["-m", "sh", "-c", &format!("{hide}; {line}")]))
}

fn version_1_holds_devices_where_version_2_is_not_mounted() -> Outcome {
    skip_unless!(kernel_log());
    skip_unless!(need::tools(&["unshare", "umount", "findmnt"]));
    need_controller!("devices");
    let run = without_version_2(&format!("ch03-cgroups sh -c '{READ_LOG}'"));
    assert_eq!(run.out, "made\n", "{run:?}");
    let allow = "--device-cgroup-rule 'c 1:11 r'";
    let run = without_version_2(&format!("ch03-cgroups {allow} sh -c '{READ_LOG}'"));
    assert_eq!(run.out, "made\nopened\n", "{run:?}");
    let run = shell("find /sys/fs/cgroup/devices/hull -mindepth 1 -type d -name \"$$-*\"");
    assert_eq!(run.out, "", "a group is left: {run:?}");
    done()
}

fn devices_that_cannot_be_held_are_said() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["unshare", "umount"]));
    let nothing = |line: &str| {
        run(World::shared().command("unshare").args([
            "-m",
            "sh",
            "-c",
            &format!("umount -R -l /sys/fs/cgroup; {line}"),
        ]))
    };
    let said = nothing("ch03-cgroups echo runs");
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(0), "runs\n"),
        "{said:?}"
    );
    assert!(
        said.err.contains("every device can be used inside"),
        "{said:?}"
    );
    let refused = nothing("ch03-cgroups --device-cgroup-rule 'c 1:11 r' true");
    assert_fails(&refused, 125, &["--device-cgroup-rule"]);
    done()
}

fn bad_device_rule_is_refused() -> Outcome {
    let cases = [
        ("c 10:229", "a kind, numbers and accesses"),
        ("x 10:229 rwm", "no kind of device"),
        ("c 10:-1 rwm", "neither * nor a device number"),
        ("c 10:99999999999 rwm", "neither * nor a device number"),
        ("c 10:229 rx", "r, w and m"),
        ("a 1:3 rwm", "everything"),
    ];
    for (rule, why) in cases {
        let run = inside(&["--device-cgroup-rule", rule], "true");
        assert_fails(&run, 125, &["--device-cgroup-rule", why]);
    }
    done()
}

fn device_rule_without_root_is_refused() -> Outcome {
    skip_unless!(need::root_and_unprivileged_user());
    let mut command = World::shared().command_as_nobody("ch03-cgroups");
    let run = run(command.args(["--device-cgroup-rule", "c 10:229 rwm", "true"]));
    assert_fails(&run, 125, &["--device-cgroup-rule needs root"]);
    done()
}
