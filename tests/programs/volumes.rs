//! Volumes, and root filesystems that are no good.

use std::fs;
use std::os::unix::fs::symlink;

use libtest_mimic::Trial;

use crate::ch02::own_root;
use crate::support::container::Container;
use crate::support::run::{program, shell};
use crate::support::world::{World, directory, listing};
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![volumes: [
        directory_is_shared_with_the_host,
        read_only_volume_cannot_be_written,
        read_only_reaches_the_mounts_below,
        file_is_mounted_on_a_file,
        mount_point_is_made_in_a_root_of_ones_own,
        mount_points_that_were_made_are_removed_by_the_last_run,
        symbolic_link_in_the_root_leads_nowhere_outside,
        symbolic_link_in_the_source_is_followed_on_the_host,
        volume_over_dev_does_not_choose_what_masks,
    ]]
}

fn directory_is_shared_with_the_host() -> Outcome {
    skip_unless!(need::namespaces());
    let source = directory();
    fs::write(source.path().join("from-host"), "one")?;
    let volume = format!("{}:/data", source.path().display());
    let run = program(
        "ch02-rootfs",
        &[
            "-v",
            &volume,
            "sh",
            "-c",
            "cat /data/from-host; echo two > /data/from-inside",
        ],
    );
    assert_eq!((run.code, run.out.as_str()), (Some(0), "one"), "{run:?}");
    assert_eq!(
        fs::read_to_string(source.path().join("from-inside"))?,
        "two\n"
    );
    done()
}

fn read_only_volume_cannot_be_written() -> Outcome {
    skip_unless!(need::namespaces());
    let source = directory();
    let volume = format!("{}:/data:ro", source.path().display());
    let run = program(
        "ch02-rootfs",
        &["-v", &volume, "sh", "-c", "echo two > /data/x"],
    );
    assert!(
        run.code != Some(0) && run.err.contains("Read-only file system"),
        "{run:?}"
    );
    assert_eq!(listing(source.path()).len(), 0);
    done()
}

/// A bind mount with MS_RDONLY would leave the file system below writable.
fn read_only_reaches_the_mounts_below() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["unshare", "mount"]));
    let source = directory();
    fs::create_dir(source.path().join("below"))?;
    let path = source.path().display();
    let mount = format!("mount -t tmpfs below {path}/below");
    let run = shell(&format!(
        "unshare -rm sh -c '{mount} && ch02-rootfs -v {path}:/data:ro touch /data/below/x'"
    ));
    assert!(
        run.code == Some(1) && run.err.contains("Read-only file system"),
        "{run:?}"
    );
    done()
}

fn file_is_mounted_on_a_file() -> Outcome {
    skip_unless!(need::namespaces());
    let source = directory();
    let file = source.path().join("passwd");
    fs::write(&file, "needle:x:0:0::/:/bin/sh\n")?;
    let volume = format!("{}:/etc/passwd:ro", file.display());
    let run = program("ch02-rootfs", &["-v", &volume, "cat", "/etc/passwd"]);
    assert_eq!(run.out, "needle:x:0:0::/:/bin/sh\n", "{run:?}");
    done()
}

fn mount_point_is_made_in_a_root_of_ones_own() -> Outcome {
    skip_unless!(need::namespaces());
    let (root, source) = (own_root(), directory());
    let root = root.path().to_string_lossy().into_owned();
    fs::write(source.path().join("file"), "x")?;
    let one = format!("{}:/deep/down", source.path().display());
    let two = format!("{}/file:/deep/file", source.path().display());
    let args = [
        "--rootfs",
        &root,
        "-v",
        &one,
        "-v",
        &two,
        "ls",
        "/deep/down",
        "/deep/file",
    ];
    let run = program("ch02-rootfs", &args);
    assert_eq!(run.code, Some(0), "{run:?}");
    done()
}

/// One that is removed would take the mounts of another container with it.
fn mount_points_that_were_made_are_removed_by_the_last_run() -> Outcome {
    skip_unless!(need::namespaces());
    let (root, source) = (own_root(), directory());
    for place in ["proc", "dev", "sys"] {
        fs::remove_dir(root.path().join(place))?;
    }
    fs::write(source.path().join("file"), "x")?;
    let before = listing(root.path());
    let path = root.path().to_string_lossy().into_owned();
    let deep = format!("{}:/deep/down", source.path().display());
    let file = format!("{}/file:/deep/file", source.path().display());
    let args = ["--rootfs", &path, "-v", &deep, "-v", &file, "cat"];
    let first = Container::start(World::shared().command("ch02-rootfs").args(args));

    let second = program("ch02-rootfs", &["--rootfs", &path, "ls", "/proc/self/fd/0"]);
    assert_eq!(second.code, Some(0), "{second:?}");
    let has_proc = |container: &Container| {
        container
            .cat()
            .mounts()
            .iter()
            .any(|mount| mount.point == "/proc")
    };
    assert!(
        has_proc(&first),
        "the second run took the mounts of the first"
    );

    let (ended, error) = first.end();
    assert_eq!(ended.code(), Some(0), "{error}");
    let failed = program("ch02-rootfs", &["--rootfs", &path, "no-such-command"]);
    assert_eq!(failed.code, Some(127), "{failed:?}");
    assert!(
        listing(root.path()) == before,
        "mount points are left: {:?}",
        listing(root.path()).len()
    );
    done()
}

/// The link is followed inside: to the container's own /etc, whatever stands there on the host.
fn symbolic_link_in_the_root_leads_nowhere_outside() -> Outcome {
    skip_unless!(need::namespaces());
    let (root, source) = (own_root(), directory());
    for (name, target) in [("absolute", "/opt"), ("climbing", "../../../../../../srv")] {
        symlink(target, root.path().join(name))?;
    }
    let root = root.path().to_string_lossy().into_owned();
    for (name, point) in [("absolute", "/opt"), ("climbing", "/srv")] {
        let volume = format!("{}:/{name}", source.path().display());
        let mut command = World::shared().command("ch02-rootfs");
        let container = Container::start(command.args(["--rootfs", &root, "-v", &volume, "cat"]));
        assert!(
            container
                .cat()
                .mounts()
                .iter()
                .any(|mount| mount.point == point),
            "{name}"
        );
    }
    done()
}

fn symbolic_link_in_the_source_is_followed_on_the_host() -> Outcome {
    skip_unless!(need::namespaces());
    let source = directory();
    fs::create_dir(source.path().join("real"))?;
    fs::write(source.path().join("real/needle"), "found")?;
    symlink(source.path().join("real"), source.path().join("link"))?;
    let volume = format!("{}/link:/data", source.path().display());
    let run = program("ch02-rootfs", &["-v", &volume, "cat", "/data/needle"]);
    assert_eq!(run.out, "found", "{run:?}");
    done()
}

/// CVE-2025-31133: a false /dev/null, bound over a masked file, made another file writable.
fn volume_over_dev_does_not_choose_what_masks() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::file("/proc/keys"));
    let false_dev = directory();
    symlink("/proc/sys/kernel/domainname", false_dev.path().join("null"))?;
    let volume = format!("{}:/dev", false_dev.path().display());
    let mut command = World::shared().command("ch02-rootfs");
    let container = Container::start(command.args(["-v", &volume, "cat"]));
    let mounts = container.cat().mounts();
    let masks = mounts.iter().filter(|mount| mount.point == "/proc/keys");
    assert_eq!(
        masks.map(|mount| mount.root.as_str()).collect::<Vec<_>>(),
        ["/null"]
    );
    done()
}
