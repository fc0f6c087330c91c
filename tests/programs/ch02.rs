//! Chapter 2: the root filesystem, read from the kernel's mount table.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::support::container::Container;
use crate::support::kernel::Mount;
use crate::support::run::{Run, program, run, shell};
use crate::support::world::{World, directory};
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch02: [
        root_is_the_given_directory_and_the_hosts_tree_is_gone,
        no_mount_is_in_a_peer_group,
        mounts_do_not_reach_a_host_whose_tree_is_shared,
        ps_shows_the_containers_processes_alone,
        built_in_root_is_read_only_and_has_scratch_space,
        given_root_is_writable,
        environment_of_the_host_does_not_leak,
        unprivileged_user_gets_the_same_tree,
    ]]
}

/// A root filesystem of the test's own: a copy of the built-in one, and so writable.
pub fn own_root() -> TempDir {
    let root = directory();
    let line = format!(
        "cp -a {}/. {}",
        World::shared().built_in_rootfs().display(),
        root.path().display()
    );
    let copied = shell(&line);
    assert_eq!(copied.code, Some(0), "{copied:?}");
    fs::set_permissions(root.path(), Permissions::from_mode(0o755))
        .expect("a directory open to all");
    root
}

pub fn inside(script: &str) -> Run {
    program("ch02-rootfs", &["sh", "-c", script])
}

pub fn start(flags: &[&str]) -> Container {
    Container::start(
        World::shared()
            .command("ch02-rootfs")
            .args(flags)
            .arg("cat"),
    )
}

pub fn at<'a>(mounts: &'a [Mount], point: &str) -> &'a Mount {
    let found = mounts.iter().rev().find(|mount| mount.point == point);
    found.unwrap_or_else(|| panic!("nothing is mounted on {point}"))
}

fn root_is_the_given_directory_and_the_hosts_tree_is_gone() -> Outcome {
    skip_unless!(need::namespaces());
    let root = own_root();
    let path = root.path().to_string_lossy().into_owned();
    let container = start(&["--rootfs", &path]);
    let mounts = container.cat().mounts();

    assert!(
        path.ends_with(&at(&mounts, "/").root),
        "{:?}",
        at(&mounts, "/")
    );
    // Each mount is the container's root, a fresh file system of the kernel's, or a part of one.
    for mount in mounts.iter().filter(|mount| mount.point != "/") {
        let own = [
            "proc", "tmpfs", "devpts", "sysfs", "devtmpfs", "cgroup", "cgroup2",
        ];
        let below_sys = mount.point.starts_with("/sys/");
        assert!(
            own.contains(&mount.kind.as_str()) || below_sys,
            "{mount:?} is the host's"
        );
    }
    assert_ne!(
        container.cat().namespace("mnt"),
        container.runtime().namespace("mnt")
    );
    // The root directory of the process is a root of its mount namespace: ".." leads nowhere.
    let up = program(
        "ch02-rootfs",
        &[
            "--rootfs",
            &path,
            "sh",
            "-c",
            "cd ../../../..; pwd -P; ls -d /work/main /proc/1/root/home",
        ],
    );
    assert!(up.out.starts_with("/\n"), "{up:?}");
    done()
}

fn no_mount_is_in_a_peer_group() -> Outcome {
    skip_unless!(need::namespaces());
    let container = start(&[]);
    for mount in container.cat().mounts() {
        assert_eq!(mount.propagation, "", "{mount:?}");
    }
    done()
}

/// The host's tree is played by a namespace in which every mount is shared, as systemd makes it.
fn mounts_do_not_reach_a_host_whose_tree_is_shared() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["unshare"]));
    let source = directory();
    let volume = format!("--volume={}:/mnt", source.path().display());
    let line = "mount --make-rshared / && exec ch02-rootfs \"$0\" cat";
    let mut command = World::shared().command("unshare");
    let container = Container::start(command.args(["-rm", "sh", "-c", line, &volume]));
    let outside = container.runtime().mounts();
    assert!(
        at(&outside, "/").propagation.contains("shared:"),
        "the test's host is shared"
    );
    let cut_off = at(&container.cat().mounts(), "/mnt").propagation.is_empty();
    assert!(cut_off, "the volume is in a peer group");
    let hull_root = World::shared().hull_root().to_string_lossy().into_owned();
    for mount in &outside {
        assert!(!mount.point.starts_with(&hull_root), "{mount:?} escaped");
        assert!(
            mount.point != "/mnt" || mount.kind != at(&container.cat().mounts(), "/mnt").kind,
            "{mount:?} escaped"
        );
    }
    done()
}

fn ps_shows_the_containers_processes_alone() -> Outcome {
    skip_unless!(need::namespaces());
    let run = inside("for p in /proc/[0-9]*; do echo ${p#/proc/}; done");
    assert_eq!(run.out, "1\n", "{run:?}");
    done()
}

fn built_in_root_is_read_only_and_has_scratch_space() -> Outcome {
    skip_unless!(need::namespaces());
    let before = crate::support::world::listing(&World::shared().built_in_rootfs());
    let run = inside(
        "for d in /tmp /var/tmp /run /root; do echo x > $d/x || exit 9; done; ! echo x > /x",
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.err.contains("Read-only file system"), "{run:?}");
    let after = crate::support::world::listing(&World::shared().built_in_rootfs());
    assert!(after == before, "the shared root filesystem has changed");
    done()
}

fn given_root_is_writable() -> Outcome {
    skip_unless!(need::namespaces());
    let root = own_root();
    let path = root.path().to_string_lossy().into_owned();
    let run = program(
        "ch02-rootfs",
        &["--rootfs", &path, "sh", "-c", "echo kept > /root/file"],
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(fs::read_to_string(root.path().join("root/file"))?, "kept\n");
    done()
}

fn environment_of_the_host_does_not_leak() -> Outcome {
    skip_unless!(need::namespaces());
    let mut command = World::shared().command("ch02-rootfs");
    command
        .env("SECRET", "needle")
        .env("TERM", "vt100")
        .args(["--hostname", "box", "env"]);
    let run = run(&mut command);
    let mut names: Vec<_> = run
        .out
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "HOSTNAME", "PATH", "TERM"], "{run:?}");
    done()
}

fn unprivileged_user_gets_the_same_tree() -> Outcome {
    skip_unless!(need::root_and_unprivileged_user());
    let container = Container::start(World::shared().command_as_nobody("ch02-rootfs").arg("cat"));
    let mounts = container.cat().mounts();
    for (point, kind) in [
        ("/proc", "proc"),
        ("/dev", "tmpfs"),
        ("/dev/pts", "devpts"),
        ("/sys", "sysfs"),
        ("/tmp", "tmpfs"),
    ] {
        assert_eq!(at(&mounts, point).kind, kind, "{point}");
    }
    for mount in mounts
        .iter()
        .filter(|mount| mount.point.starts_with("/sys"))
    {
        assert!(mount.options.starts_with("ro"), "{mount:?}");
    }
    let run = run(World::shared().command_as_nobody("ch02-rootfs").args([
        "sh",
        "-c",
        "echo x >/dev/null; echo $$",
    ]));
    assert_eq!(run.out, "1\n", "{run:?}");
    done()
}
