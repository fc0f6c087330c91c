//! Layers that are no good, and file systems that cannot take one.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use libtest_mimic::Trial;

use crate::ch04::{Stack, names};
use crate::support::container::Container;
use crate::support::run::{Run, assert_fails, run};
use crate::support::world::{World, directory, listing};
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![layers_refused: [
        bad_layer_is_refused_and_nothing_is_left,
        upper_directory_in_use_is_refused,
        upper_directory_on_an_overlay_is_refused_with_its_cause,
        upper_directory_that_is_a_mount_point_is_refused_with_its_cause,
        overlay_below_sends_the_changes_to_memory,
        read_only_file_system_is_an_error,
        full_file_system_is_an_error_and_keeps_nothing,
        more_layers_than_the_kernel_stacks_is_refused,
        kernel_without_overlay_is_told_of_the_copy,
    ]]
}

fn bad_layer_is_refused_and_nothing_is_left() -> Outcome {
    skip_unless!(need::namespaces());
    let stack = Stack::new()
        .file("layer", "in/file", "x")
        .file("plain", "x", "x");
    let at = |path: &str| stack.path(path).display().to_string();
    let (layer, inner, file) = (at("layer"), at("layer/in"), at("plain/x"));
    let new = at("layer/new");
    let cases: [(&[&str], &str); 13] = [
        (
            &["--lower", "/no/such"],
            "realpath(\"/no/such\"): No such file",
        ),
        (&["--lower", &file], "is not a directory"),
        (&["--lower="], "a value is required"),
        (
            &["--lower", &layer, "--lower", &layer],
            "are the same directory",
        ),
        (
            &["--lower", &layer, "--lower", &inner],
            "is inside the layer",
        ),
        (
            &["--lower", &inner, "--lower", &layer],
            "is inside the layer",
        ),
        (
            &["--lower", &layer, "--upper", &inner],
            "is inside the layer",
        ),
        (
            &["--lower", &inner, "--upper", &layer],
            "is inside the upper directory",
        ),
        (
            &["--lower", &layer, "--upper", &layer],
            "are the same directory",
        ),
        (&["--lower", &layer, "--upper", &new], "is inside the layer"),
        (&["--upper", &file], "is not a directory"),
        (&["--upper", "/no/such/upper"], "No such file"),
        (&["--upper", "/proc/self/x"], "mkdir("),
    ];
    let before = listing(&stack.path(""));
    for (flags, why) in cases {
        for driver in ["overlay", "vfs"] {
            let mut command = World::shared().command("ch04-overlay");
            let command = command.args(["--storage-driver", driver]).args(flags);
            assert_fails(&run(command.arg("true")), 125, &[why]);
            assert_eq!(listing(&stack.path("")), before, "{flags:?}");
        }
    }
    let mut command = World::shared().command("ch04-overlay");
    let unknown = run(command.args(["--storage-driver", "aufs", "true"]));
    assert_fails(&unknown, 125, &["aufs", "overlay", "vfs"]);
    done()
}

fn upper_directory_in_use_is_refused() -> Outcome {
    skip_unless!(need::namespaces());
    let stack = Stack::new();
    let command = || {
        let mut command = World::shared().command("ch04-overlay");
        command.arg("--upper").arg(stack.upper());
        command
    };
    let container = Container::start(command().arg("cat"));
    assert_fails(
        &run(command().arg("true")),
        125,
        &["in use by another container"],
    );
    let (ended, error) = container.end();
    assert_eq!(ended.code(), Some(0), "{error}");
    assert_eq!(run(command().arg("true")).code, Some(0));
    done()
}

/// A line of shell in a mount namespace of its own, with `$0` a directory of the test's.
fn with_mounts(line: &str) -> Run {
    let own = directory();
    let root = World::shared().built_in_rootfs();
    fs::set_permissions(own.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let mut command = World::shared().command("unshare");
    command.args(["-rm", "sh", "-c", line]).arg(own.path());
    run(command.env("R", root))
}

const OVERLAY: &str = "cd \"$0\" && mkdir l u w m h && mount -t overlay -o userxattr,lowerdir=l,upperdir=u,workdir=w overlay m && ";

fn upper_directory_on_an_overlay_is_refused_with_its_cause() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "mount"]));
    let run = with_mounts(&format!(
        "{OVERLAY} ch04-overlay --rootfs $R --upper $0/m/upper true; s=$?; ls -A m >&2; exit $s"
    ));
    assert_fails(
        &run,
        125,
        &["EINVAL", "cannot carry an upper layer", "ext4"],
    );
    assert!(run.err.ends_with("a tmpfs\n"), "something is left: {run:?}");
    done()
}

fn upper_directory_that_is_a_mount_point_is_refused_with_its_cause() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "mount"]));
    let line = "cd \"$0\" && mkdir up && mount -t tmpfs tmpfs up && ch04-overlay --rootfs $R --upper $0/up true";
    assert_fails(
        &with_mounts(line),
        125,
        &["is a mount point", "a directory inside it"],
    );
    done()
}

fn overlay_below_sends_the_changes_to_memory() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "mount"]));
    let run = with_mounts(&format!(
        "{OVERLAY} export HULL_ROOT=$0/m/hull; \
         ch04-overlay --rootfs $R sh -c 'echo x >/etc/new; rm /bin/ls; cat /etc/new; ls /' && ls -A m/hull/data/overlay"
    ));
    assert_eq!(run.code, Some(127), "{run:?}");
    assert_eq!(run.out, "x\n", "{run:?}");
    assert!(
        run.err
            .contains("cannot carry an upper layer: the changes go to memory"),
        "{run:?}"
    );
    done()
}

fn read_only_file_system_is_an_error() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "mount"]));
    let mount = "cd \"$0\" && mkdir ro && mount -t tmpfs -o ro tmpfs ro";
    let data = format!("{mount} && HULL_ROOT=$0/ro/hull ch04-overlay --rootfs $R true");
    assert_fails(
        &with_mounts(&data),
        125,
        &["Read-only file system", "HULL_ROOT names another"],
    );
    let upper = format!("{mount} && ch04-overlay --rootfs $R --upper $0/ro/up true");
    assert_fails(
        &with_mounts(&upper),
        125,
        &["Read-only file system", "upper directory"],
    );
    done()
}

/// With the plain copy, which needs the room. What was copied until then goes.
fn full_file_system_is_an_error_and_keeps_nothing() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "mount"]));
    let run = with_mounts(
        "cd \"$0\" && mkdir small && mount -t tmpfs -o size=1M tmpfs small && export HULL_ROOT=$0/small/hull; \
         ch04-overlay --rootfs $R --storage-driver vfs true; s=$?; find small/hull/data/overlay -type f; \
         ch04-overlay --rootfs $R sh -c 'cat /bin/* >/big'; echo $?; find small/hull/data/overlay -type f; exit $s",
    );
    assert_eq!(run.code, Some(125), "{run:?}");
    assert_eq!(run.out, "1\n", "{run:?}");
    assert!(
        run.err.contains("copy_file_range") && run.err.contains("(ENOSPC)"),
        "{run:?}"
    );
    assert!(run.err.contains("No space left on device"), "{run:?}");
    done()
}

fn more_layers_than_the_kernel_stacks_is_refused() -> Outcome {
    skip_unless!(need::namespaces());
    let stack = (0..501).fold(Stack::new(), |stack, n| {
        stack.file(&format!("l{n}"), "f", "x")
    });
    let mut command = World::shared().command("ch04-overlay");
    for layer in names(&stack.path("")) {
        command.arg("--lower").arg(stack.path(&layer));
    }
    assert_fails(&run(command.arg("true")), 125, &["502 layers", "500"]);
    done()
}

fn kernel_without_overlay_is_told_of_the_copy() -> Outcome {
    skip_unless!(need::namespaces());
    let known = fs::read_to_string("/proc/filesystems")?;
    skip_unless!(if known.contains("overlay") {
        Err("this kernel has overlay".to_string())
    } else {
        Ok(())
    });
    let mut command = World::shared().command("ch04-overlay");
    assert_fails(
        &run(command.arg("true")),
        125,
        &["ENODEV", "--storage-driver vfs"],
    );
    done()
}
