//! What is left when a container ends: nothing, however it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::ch02::own_root;
use crate::contract::PROGRAMS;
use crate::support::kernel::{Process, eventually, processes_with};
use crate::support::run::{program, run};
use crate::support::world::{World, directory, listing};
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![leaks: [
        ended_command_leaves_nothing,
        failed_start_leaves_nothing,
        sigkill_of_the_runtime_at_any_moment_leaves_nothing,
        thirty_at_once_leave_nothing,
    ]]
}

/// What one test could leave: processes with its needle in their command line,
/// mounts and files under its own `HULL_ROOT` and root filesystem.
struct Traces {
    needle: String,
    directories: Vec<PathBuf>,
    before: Vec<Vec<PathBuf>>,
}

impl Traces {
    fn watch(needle: &str, directories: &[&Path]) -> Self {
        let directories: Vec<_> = directories
            .iter()
            .map(|directory| directory.to_path_buf())
            .collect();
        let before = directories
            .iter()
            .map(|directory| listing(directory))
            .collect();
        Self {
            needle: needle.to_owned(),
            directories,
            before,
        }
    }

    /// A killed runtime's child dies a moment after it.
    fn assert_no_process(&self, when: &str) {
        let gone = eventually(|| processes_with(&self.needle).is_empty());
        let left = processes_with(&self.needle);
        for process in &left {
            let _ = kill(Pid::from_raw(process.0 as i32), Signal::SIGKILL);
        }
        assert!(gone, "{when}: processes are left: {left:?}");
    }

    fn assert_none(&self, when: &str) {
        self.assert_no_process(when);
        assert_eq!(
            self.files_left(),
            [""; 0].map(PathBuf::from),
            "{when}: files are left"
        );
        for directory in &self.directories {
            let path = directory.to_string_lossy().into_owned();
            let mounts = Process(std::process::id()).mounts();
            let left: Vec<_> = mounts
                .iter()
                .filter(|mount| mount.point.starts_with(&path))
                .collect();
            assert!(left.is_empty(), "{when}: mounts are left: {left:?}");
        }
    }

    fn files_left(&self) -> Vec<PathBuf> {
        let watched = self.directories.iter().zip(&self.before);
        let left = watched.flat_map(|(directory, before)| {
            let now = listing(directory).into_iter();
            now.filter(|path| !before.contains(path))
        });
        left.collect()
    }
}

/// A `HULL_ROOT` of the test's own, with all in it that stands between runs.
fn warm_hull_root() -> TempDir {
    let hull_root = directory();
    use_hull_root(hull_root.path());
    hull_root
}

fn use_hull_root(hull_root: &Path) {
    let run = run(World::shared()
        .command("ch04-overlay")
        .env("HULL_ROOT", hull_root)
        .arg("true"));
    assert_eq!(run.code, Some(0), "{run:?}");
}

fn needle(test: &str) -> String {
    format!("hull-needle-{test}-{}", std::process::id())
}

fn ended_command_leaves_nothing() -> Outcome {
    skip_unless!(need::namespaces());
    let needle = needle("ended");
    let hull_root = warm_hull_root();
    let traces = Traces::watch(&needle, &[hull_root.path()]);
    for (name, flags) in PROGRAMS {
        let mut command = World::shared().command(name);
        command.env("HULL_ROOT", hull_root.path()).args(flags);
        let run = run(command.args(["sh", "-c", "sh -c 'true &'; exit 4", &needle]));
        assert_eq!(run.code, Some(4), "{run:?}");
        traces.assert_none(name);
    }
    done()
}

fn failed_start_leaves_nothing() -> Outcome {
    skip_unless!(need::namespaces());
    let needle = needle("failed");
    let (root, source) = (own_root(), directory());
    let path = root.path().to_string_lossy().into_owned();
    let traces = Traces::watch(&needle, &[root.path()]);
    // The last step but one fails: all the mounts before it were made.
    let volume = format!("{}:/etc/passwd", source.path().display());
    let run = program(
        "ch02-rootfs",
        &["--rootfs", &path, "-v", &volume, "echo", &needle],
    );
    assert_eq!(run.code, Some(125), "{run:?}");
    traces.assert_none("a volume that does not fit");
    let run = program(
        "ch02-rootfs",
        &["--rootfs", &path, "no-such-command", &needle],
    );
    assert_eq!(run.code, Some(127), "{run:?}");
    traces.assert_none("no such command");
    done()
}

fn sigkill_of_the_runtime_at_any_moment_leaves_nothing() -> Outcome {
    skip_unless!(need::namespaces());
    let needle = needle("killed");
    let hull_root = warm_hull_root();
    let traces = Traces::watch(&needle, &[hull_root.path()]);
    for (name, flags) in PROGRAMS {
        // From before the fork to well after the exec, in steps of 100 microseconds.
        for step in 0..40 {
            let mut command = World::shared().command(name);
            command.env("HULL_ROOT", hull_root.path());
            command
                .args(flags)
                .args(["sh", "-c", "while :; do sleep 1; done", &needle]);
            let mut runtime = command.stdin(std::process::Stdio::null()).spawn()?;
            let kill_at = Instant::now() + Duration::from_micros(step * 100);
            while Instant::now() < kill_at {
                std::hint::spin_loop();
            }
            runtime.kill()?;
            runtime.wait()?;
            let when = format!("{name} {flags:?} killed after {step} x 100 us");
            traces.assert_no_process(&when);
            // What is on disk is removed by the next run: the kernel lets go of the lock when
            // the container's first process ends too, a moment later.
            let swept = eventually(|| {
                if name >= "ch04" {
                    use_hull_root(hull_root.path());
                }
                traces.files_left().is_empty()
            });
            assert!(swept, "{when}: files are left: {:?}", traces.files_left());
            traces.assert_none(&when);
        }
    }
    done()
}

fn thirty_at_once_leave_nothing() -> Outcome {
    skip_unless!(need::namespaces());
    let needle = needle("at-once");
    let hull_root = warm_hull_root();
    let traces = Traces::watch(&needle, &[hull_root.path()]);
    let threads: Vec<_> = (0..30)
        .map(|n: u8| {
            let mut command = World::shared().command("ch04-overlay");
            command.env("HULL_ROOT", hull_root.path());
            command.args(["sh", "-c", &format!("echo x >/x; exit {n}"), &needle]);
            std::thread::spawn(move || run(&mut command).code)
        })
        .collect();
    for (n, thread) in threads.into_iter().enumerate() {
        assert_eq!(thread.join().ok().flatten(), Some(n as i32));
    }
    // Each had a place for its changes, and the next run keeps one.
    use_hull_root(hull_root.path());
    traces.assert_none("thirty at once");
    // And the first run of all may be thirty runs: each finds the whole root filesystem.
    let fresh = directory();
    let threads: Vec<_> = (0..10)
        .map(|_| {
            let mut command = World::shared().command("ch04-overlay");
            command.env("HULL_ROOT", fresh.path()).arg("true");
            std::thread::spawn(move || run(&mut command))
        })
        .collect();
    for thread in threads {
        let run = thread.join().expect("a thread that ends");
        assert_eq!(run.code, Some(0), "{run:?}");
    }
    let trees = fs::read_dir(fresh.path().join("data/rootfs"))?
        .flatten()
        .filter(|entry| entry.path().is_dir());
    assert_eq!(
        trees.count(),
        1,
        "{:?}",
        listing(&fresh.path().join("data/rootfs")).len()
    );
    done()
}
