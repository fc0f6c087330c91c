//! Chapter 4: layers, seen from the host's side.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::support::container::Container;
use crate::support::run::{Run, run};
use crate::support::world::{World, directory, listing};
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch04: [
        root_is_an_overlay_whose_changes_end_with_it,
        upper_directory_keeps_the_changes,
        first_write_copies_the_whole_file_up,
        deleted_file_leaves_a_whiteout,
        topmost_layer_is_seen_first,
        mode_of_the_root_directory_is_that_of_the_topmost_layer,
        volume_is_not_in_the_layer,
        mount_points_of_volumes_are_no_change,
        changes_of_a_killed_runtime_are_removed_by_the_next_run,
        living_containers_layer_is_not_swept,
        setuid_file_in_a_layer_is_out_of_other_users_reach,
        containers_share_the_pages_of_a_layer_and_not_of_a_copy,
        unprivileged_user_gets_the_same_layers,
    ]]
}

/// The built-in root and some layers over it, for one test.
pub struct Stack(TempDir);

impl Stack {
    pub fn new() -> Self {
        Self(directory())
    }

    /// A file of a layer, and the layer with it.
    pub fn file(self, layer: &str, path: &str, content: &str) -> Self {
        let path = self.path(layer).join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, content).expect("a file");
        self
    }

    pub fn path(&self, layer: &str) -> PathBuf {
        self.0.path().join(layer)
    }

    pub fn upper(&self) -> PathBuf {
        self.path("upper")
    }

    /// Runs a script on these layers, the topmost first, with the upper directory kept.
    pub fn run(&self, layers: &[&str], flags: &[&str], script: &str) -> Run {
        let mut command = World::shared().command("ch04-overlay");
        for layer in layers {
            command.arg("--lower").arg(self.path(layer));
        }
        command.arg("--upper").arg(self.upper()).args(flags);
        let run = run(command.args(["sh", "-c", script]));
        assert_eq!(run.code, Some(0), "{run:?}");
        run
    }
}

/// The program, with a data directory of the test's own.
fn ch04(hull_root: &Path) -> Command {
    let mut command = World::shared().command("ch04-overlay");
    command.env("HULL_ROOT", hull_root);
    command
}

/// What stands between runs: a place without changes.
fn place(layers: &Path) -> [PathBuf; 2] {
    ["0", "0/work"].map(|path| layers.join(path))
}

pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn root_is_an_overlay_whose_changes_end_with_it() -> Outcome {
    skip_unless!(need::namespaces());
    let hull_root = directory();
    let mut command = ch04(hull_root.path());
    let container = Container::start(command.args([
        "sh",
        "-c",
        "rm /bin/ls; echo new >/etc/new; chmod 700 /home; exec cat",
    ]));
    let mounts = container.cat().mounts();
    let root = mounts.iter().find(|mount| mount.point == "/");
    assert_eq!(root.map(|mount| mount.kind.as_str()), Some("overlay"));
    let info = fs::read_to_string(format!("/proc/{}/mountinfo", container.cat().0))?;
    assert!(info.contains("volatile"), "{info}");
    let layers = hull_root.path().join("data/overlay");
    assert!(layers.join("0/upper/etc/new").exists());
    let built_in = rootfs_fetch::host(&hull_root.path().join("data"))?;
    assert!(built_in.path().join("bin/ls").exists() && !built_in.path().join("etc/new").exists());
    let (ended, error) = container.end();
    assert_eq!(ended.code(), Some(0), "{error}");
    assert_eq!(listing(&layers), place(&layers), "an empty place stands");
    done()
}

fn upper_directory_keeps_the_changes() -> Outcome {
    skip_unless!(need::namespaces());
    let stack = Stack::new();
    stack.run(&[], &[], "echo one >/etc/kept");
    assert_eq!(fs::read_to_string(stack.upper().join("etc/kept"))?, "one\n");
    let second = stack.run(&[], &[], "cat /etc/kept; echo two >>/etc/kept");
    assert_eq!(second.out, "one\n");
    assert_eq!(
        fs::read_to_string(stack.upper().join("etc/kept"))?,
        "one\ntwo\n"
    );
    assert_eq!(
        names(stack.0.path()),
        ["upper"],
        "nothing is left beside it"
    );
    assert_eq!(
        listing(&stack.upper()).len(),
        2,
        "what was not changed is not there"
    );
    done()
}

fn first_write_copies_the_whole_file_up() -> Outcome {
    skip_unless!(need::namespaces());
    let text = "x".repeat(3 << 20);
    let stack = Stack::new().file("big", "file", &text);
    stack.run(&["big"], &[], "cat /file >/dev/null");
    assert_eq!(names(&stack.upper()), [""; 0], "reading copies nothing");
    stack.run(&["big"], &[], "printf y >>/file");
    assert_eq!(
        fs::metadata(stack.upper().join("file"))?.len(),
        (3 << 20) + 1
    );
    assert_eq!(fs::read_to_string(stack.path("big").join("file"))?, text);
    done()
}

/// overlayfs.rst, "whiteouts and opaque directories".
fn deleted_file_leaves_a_whiteout() -> Outcome {
    skip_unless!(need::namespaces());
    let stack = Stack::new()
        .file("layer", "file", "x")
        .file("layer", "tree/old", "x");
    stack.run(
        &["layer"],
        &[],
        "rm /file; rm -r /tree; mkdir /tree; echo y >/tree/new",
    );
    let whiteout = fs::symlink_metadata(stack.upper().join("file"))?;
    assert!(whiteout.file_type().is_char_device() && whiteout.rdev() == 0);
    let again = stack.run(&["layer"], &[], "ls -d /file /tree/* 2>/dev/null; true");
    assert_eq!(again.out, "/tree/new\n", "{again:?}");
    done()
}

fn topmost_layer_is_seen_first() -> Outcome {
    skip_unless!(need::namespaces());
    let stack = Stack::new()
        .file("top", "f", "top\n")
        .file("middle", "f", "middle\n")
        .file("middle", "g", "middle\n");
    let run = stack.run(&["top", "middle"], &[], "cat /f /g; test -e /etc/passwd");
    assert_eq!(run.out, "top\nmiddle\n", "{run:?}");
    let run = stack.run(&["middle", "top"], &[], "cat /f");
    assert_eq!(run.out, "middle\n", "{run:?}");
    done()
}

fn mode_of_the_root_directory_is_that_of_the_topmost_layer() -> Outcome {
    skip_unless!(need::namespaces());
    let stack = Stack::new().file("layer", "f", "x");
    fs::set_permissions(stack.path("layer"), fs::Permissions::from_mode(0o751))?;
    let run = stack.run(&["layer"], &[], "stat -c %a /");
    assert_eq!(run.out, "751\n");
    done()
}

fn volume_is_not_in_the_layer() -> Outcome {
    skip_unless!(need::namespaces());
    let source = directory();
    let stack = Stack::new();
    let volume = format!("{}:/data", source.path().display());
    stack.run(&[], &["-v", &volume], "echo x >/data/file");
    assert_eq!(fs::read_to_string(source.path().join("file"))?, "x\n");
    assert_eq!(names(&stack.upper()), [""; 0]);
    done()
}

fn mount_points_of_volumes_are_no_change() -> Outcome {
    skip_unless!(need::namespaces());
    let source = directory();
    let stack = Stack::new().file("bare", "deep/file", "x");
    let volume = format!("{}:/deep/down/here", source.path().display());
    let run = stack.run(&["bare"], &["-v", &volume, "--diff"], "true");
    assert!(!run.err.contains("/deep"), "{run:?}");
    assert_eq!(names(&stack.upper()), [""; 0]);
    done()
}

fn changes_of_a_killed_runtime_are_removed_by_the_next_run() -> Outcome {
    skip_unless!(need::namespaces());
    let hull_root = directory();
    let command = || ch04(hull_root.path());
    let script = "mkdir -p /a/b; chmod 0 /a/b; echo x >/c; exec cat";
    let mut container = Container::start(command().args(["sh", "-c", script]));
    container.signal(nix::sys::signal::Signal::SIGKILL);
    container.wait_for_silence();
    drop(container);
    let layers = hull_root.path().join("data/overlay");
    assert!(layers.join("0/upper/c").exists(), "this test tests nothing");
    let next = run(command().arg("true"));
    assert_eq!(next.code, Some(0), "{next:?}");
    assert_eq!(listing(&layers), place(&layers));
    done()
}

fn living_containers_layer_is_not_swept() -> Outcome {
    skip_unless!(need::namespaces());
    let hull_root = directory();
    let command = || ch04(hull_root.path());
    let [one, two] =
        [0, 1].map(|_| Container::start(command().args(["sh", "-c", "echo >/x; cat"])));
    let upper = |n: u8| hull_root.path().join(format!("data/overlay/{n}/upper/x"));
    two.end();
    assert_eq!(run(command().arg("true")).code, Some(0));
    assert!(upper(0).exists() && !upper(1).exists());
    let (ended, error) = one.end();
    assert_eq!(ended.code(), Some(0), "{error}");
    done()
}

/// A program that is set-user-ID for the container must not be one for the host's users.
fn setuid_file_in_a_layer_is_out_of_other_users_reach() -> Outcome {
    skip_unless!(need::namespaces());
    let hull_root = directory();
    let mut command = ch04(hull_root.path());
    let script = "cp /bin/cat /cat; chmod 4755 /cat; exec cat";
    let container = Container::start(command.args(["sh", "-c", script]));
    let layers = hull_root.path().join("data/overlay");
    for directory in [layers.clone(), layers.join(&names(&layers)[0])] {
        let mode = fs::metadata(&directory)?.mode();
        assert_eq!(mode & 0o077, 0, "{directory:?} has mode {mode:o}");
    }
    let (ended, error) = container.end();
    assert_eq!(ended.code(), Some(0), "{error}");
    done()
}

/// The C library's code, as the first of two containers has it mapped.
fn containers_share_the_pages_of_a_layer_and_not_of_a_copy() -> Outcome {
    skip_unless!(need::namespaces());
    for (driver, shared) in [("overlay", true), ("vfs", false)] {
        let hull_root = directory();
        let start = || {
            let mut command = World::shared().command("ch04-overlay");
            command.env("HULL_ROOT", hull_root.path());
            Container::start(command.args(["--storage-driver", driver, "cat"]))
        };
        let (one, _two) = (start(), start());
        let maps = fs::read_to_string(format!("/proc/{}/smaps", one.cat().0))?;
        let text = |line: &&str| line.contains(" r-xp ") && line.contains("libc.so");
        let lines = maps.lines().skip_while(|line| !text(line));
        // Not yet written to the disk, a page counts as dirty.
        let kilobytes = lines.take(20).filter_map(|line| {
            let shared = line.strip_prefix("Shared_")?;
            shared.split_whitespace().nth(1)?.parse::<u32>().ok()
        });
        let found: u32 = kilobytes.sum();
        assert_eq!(found > 0, shared, "{driver}: {found} kB are shared");
    }
    done()
}

fn unprivileged_user_gets_the_same_layers() -> Outcome {
    skip_unless!(need::root_and_unprivileged_user());
    let script = "rm -r /home; mkdir /home; echo x >/home/new; mkdir /a; chmod 0 /a/../a; exit 3";
    let run = run(World::shared()
        .command_as_nobody("ch04-overlay")
        .args(["sh", "-c", script]));
    assert_eq!(run.code, Some(3), "{run:?}");
    let root = run.err.lines().count();
    assert_eq!(root, 1, "one line about the user namespace: {run:?}");
    done()
}
