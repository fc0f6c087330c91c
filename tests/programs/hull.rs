//! `hull`: what the machine can do, and what is removed from it.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use crate::support::container::Container;
use crate::support::kernel::eventually;
use crate::support::run::{Run, assert_fails, program, run};
use crate::support::world::{World, directory, listing};
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![hull: [
        doctor_finds_what_works_here,
        doctor_says_what_is_forbidden_and_what_to_do,
        doctor_speaks_json,
        doctor_leaves_nothing,
        prune_removes_what_a_killed_run_left,
        prune_leaves_a_living_container_alone,
        prune_of_nothing_says_so,
        dry_run_removes_nothing,
        unknown_command_is_125,
    ]]
}

fn hull(hull_root: &Path, words: &[&str]) -> Run {
    let mut command = World::shared().command("hull");
    run(command.env("HULL_ROOT", hull_root).args(words))
}

fn start(hull_root: &Path) -> Container {
    let mut command = World::shared().command("ch04-overlay");
    command.env("HULL_ROOT", hull_root);
    Container::start(command.args(["sh", "-c", "echo x >/x; exec cat"]))
}

fn doctor_finds_what_works_here() -> Outcome {
    skip_unless!(need::namespaces());
    let hull_root = directory();
    let run = hull(hull_root.path(), &["doctor"]);
    for name in ["namespaces", "root filesystem", "seccomp"] {
        let line = format!("ok     {name}");
        assert!(run.out.contains(&line), "{line}: {run:?}");
    }
    done()
}

/// The limit of a user namespace is for all its users: user_namespaces(7).
fn doctor_says_what_is_forbidden_and_what_to_do() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "setpriv"]));
    let hull_root = directory();
    let line = "echo 0 >/proc/sys/user/max_user_namespaces; \
        exec setpriv --bounding-set=-all --inh-caps=-all hull doctor";
    let mut command = World::shared().command("unshare");
    let command = command.args(["-r", "sh", "-c", line]);
    let run = run(command.env("HULL_ROOT", hull_root.path()));
    assert_eq!(run.code, Some(1), "{run:?}");
    let found =
        run.out.contains("no     user namespace") && run.out.contains("max_user_namespaces");
    assert!(found, "{run:?}");
    done()
}

fn doctor_speaks_json() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["python3"]));
    let hull_root = directory();
    let script = "import json, subprocess as s; d = json.loads(s.run(['hull', 'doctor', '--json'], \
        stdout=s.PIPE).stdout); assert d['machine']['kernel']; c = {c['name']: c for c in d['checks']}; \
        assert c['namespaces']['ok'] is True and c['namespaces']['help'] == [] and len(c) > 12";
    let mut command = World::shared().command("python3");
    let run = run(command
        .env("HULL_ROOT", hull_root.path())
        .args(["-c", script]));
    assert_eq!(run.code, Some(0), "{run:?}");
    done()
}

fn doctor_leaves_nothing() -> Outcome {
    skip_unless!(need::namespaces());
    let hull_root = directory();
    hull(hull_root.path(), &["doctor"]);
    hull(hull_root.path(), &["system", "prune"]);
    let left: Vec<_> = listing(hull_root.path())
        .into_iter()
        .filter(|path| {
            path.is_file() && !path.ends_with("host.lock") && !path.ends_with("host.manifest")
        })
        .collect();
    assert!(left.is_empty(), "{left:?}");
    done()
}

fn prune_removes_what_a_killed_run_left() -> Outcome {
    skip_unless!(need::namespaces());
    let hull_root = directory();
    let mut container = start(hull_root.path());
    let place = hull_root.path().join("data/overlay/0");
    container.signal(Signal::SIGKILL);
    container.wait_for_silence();
    drop(container);
    assert!(place.join("upper/x").exists(), "this test tests nothing");
    let gone = eventually(|| {
        hull(hull_root.path(), &["system", "prune"]);
        !place.exists()
    });
    assert!(gone, "{:?}", listing(&place));
    done()
}

fn prune_leaves_a_living_container_alone() -> Outcome {
    skip_unless!(need::namespaces());
    let hull_root = directory();
    let container = start(hull_root.path());
    let run = hull(hull_root.path(), &["system", "prune"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let data = hull_root.path().join("data");
    assert!(data.join("overlay/0/upper/x").exists(), "{run:?}");
    let trees = fs::read_dir(data.join("rootfs"))?.flatten();
    assert!(
        trees.filter(|tree| tree.path().is_dir()).count() == 1,
        "{run:?}"
    );
    let (ended, error) = container.end();
    assert_eq!(ended.code(), Some(0), "{error}");
    done()
}

fn prune_of_nothing_says_so() -> Outcome {
    let hull_root = directory();
    let prune = || hull(hull_root.path(), &["system", "prune", "--dry-run"]);
    let run = prune();
    assert_eq!(run.code, Some(0), "{run:?}");
    // Parent groups of other tests may be empty just now.
    let nothing = run.out == "nothing to remove\n";
    assert!(
        nothing || run.out.lines().all(|line| line.contains("group")),
        "{run:?}"
    );
    done()
}

fn dry_run_removes_nothing() -> Outcome {
    skip_unless!(need::namespaces());
    let hull_root = directory();
    let mut command = World::shared().command("ch04-overlay");
    let warm = run(command.env("HULL_ROOT", hull_root.path()).arg("true"));
    assert_eq!(warm.code, Some(0), "{warm:?}");
    let before = listing(hull_root.path());
    let run = hull(hull_root.path(), &["system", "prune", "--dry-run"]);
    for kind in ["place for changes", "root filesystem"] {
        assert!(
            run.out.contains(&format!("would remove {kind}: ")),
            "{run:?}"
        );
    }
    assert!(listing(hull_root.path()) == before, "{run:?}");
    done()
}

fn unknown_command_is_125() -> Outcome {
    assert_fails(
        &program("hull", &["no-such-command"]),
        125,
        &["no-such-command"],
    );
    assert_fails(&program("hull", &["doctor", "--xml"]), 125, &["--xml"]);
    let help = Command::new(World::shared().bin().join("hull"))
        .arg("--help")
        .output()?;
    assert!(help.status.success());
    done()
}
