//! Builds that end badly.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Trial};

use crate::support::{
    DONE, Outcome, fetch, files_below, kept, rootfs_fetch, text, trees, trial, with_mounts,
};

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_first_build_killed_at_any_moment_does_no_harm",
            first_build_killed,
        ),
        trial(
            "a_rebuild_killed_at_any_moment_does_no_harm",
            rebuild_killed,
        ),
        trial(
            "a_full_disk_is_said_and_nothing_half_there_stays",
            full_disk,
        ),
        trial("a_read_only_data_directory_is_said", read_only),
        trial(
            "a_tree_is_used_from_a_read_only_data_directory",
            used_read_only,
        ),
    ]
}

/// How many moments of a build that takes `length` to kill it at. Each costs some three builds, and
/// where the processor is emulated one build takes a second.
fn moments(length: Duration) -> u32 {
    let enough = Duration::from_secs(10).div_duration_f32(length * 3);
    (enough as u32).clamp(4, 16)
}

/// Starts a build, and kills it after `delay`.
fn kill_after(delay: Duration, root: &Path, arguments: &[&str]) {
    let mut start = rootfs_fetch(root);
    let mut child = start
        .arg("host")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// How long a build takes here.
fn build_time(root: &Path) -> Duration {
    let start = Instant::now();
    fetch(&root.join("timing"), &[]);
    start.elapsed()
}

fn first_build_killed(root: &Path) -> Outcome {
    let length = build_time(root);
    let moments = moments(length);
    let whole = files_below(&fetch(&root.join("timing"), &[])).len();
    for moment in 0..moments {
        let root = root.join(moment.to_string());
        kill_after(length * moment / moments, &root, &[]);
        let tree = fetch(&root, &[]);
        assert_eq!(
            files_below(&tree).len(),
            whole,
            "killed at {moment}/{moments}"
        );
        assert_eq!(
            kept(&root).len(),
            3,
            "killed at {moment}/{moments}: {:?}",
            kept(&root)
        );
        fs::remove_dir_all(root)?;
    }
    DONE
}

fn rebuild_killed(root: &Path) -> Outcome {
    let length = build_time(root);
    let moments = moments(length);
    let data = root.join("rebuilt");
    let whole = files_below(&fetch(&data, &[])).len();
    let mut cut_short = 0;
    for moment in 0..moments {
        kill_after(length * moment / moments, &data, &["--fresh"]);
        cut_short += usize::from(kept(&data).iter().any(|name| name.starts_with('.')));
        // Whatever was left, the tree of before or a new one is there, and whole.
        let tree = fetch(&data, &[]);
        assert_eq!(
            files_below(&tree).len(),
            whole,
            "killed at {moment}/{moments}"
        );
        fetch(&data, &["--fresh"]);
        assert_eq!(
            kept(&data).len(),
            3,
            "killed at {moment}/{moments}: {:?}",
            kept(&data)
        );
        assert_eq!(
            trees(&data).len(),
            1,
            "killed at {moment}/{moments}: {:?}",
            kept(&data)
        );
    }
    assert!(
        cut_short > 0,
        "not one build was killed half-way, so nothing was tried"
    );
    DONE
}

fn full_disk(root: &Path) -> Outcome {
    let script = "mount -t tmpfs -o size=4m none \"$1\" && HULL_ROOT=\"$1\" \"$0\" host; \
        echo status $?; ls -A \"$1/data/rootfs\"";
    let output = match in_namespace(script, root) {
        Ok(output) => output,
        Err(skip) => return Ok(skip),
    };
    let err = text(&output.stderr);
    assert!(err.contains("No space left on device"), "{err}");
    assert!(err.contains("copying /"), "{err}");
    assert_eq!(text(&output.stdout), "status 1\nhost.lock\n", "{err}");
    DONE
}

fn read_only(root: &Path) -> Outcome {
    let script = "mount -t tmpfs -o ro none \"$1\" && HULL_ROOT=\"$1\" \"$0\" host; echo status $?";
    let output = match in_namespace(script, root) {
        Ok(output) => output,
        Err(skip) => return Ok(skip),
    };
    let err = text(&output.stderr);
    let expected = format!(
        "creating {}/data/rootfs: Read-only file system",
        root.display()
    );
    assert!(err.contains(&expected), "{err}");
    assert_eq!(text(&output.stdout), "status 1\n");
    DONE
}

fn used_read_only(root: &Path) -> Outcome {
    let tree = fetch(root, &[]);
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" && \
        HULL_ROOT=\"$1\" \"$0\" host";
    let output = match in_namespace(script, root) {
        Ok(output) => output,
        Err(skip) => return Ok(skip),
    };
    let expected = format!("{}\n", tree.display());
    assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));
    DONE
}

/// Runs `script` in a mount namespace: `$0` is the program, `$1` is `root`.
fn in_namespace(script: &str, root: &Path) -> Result<Output, Completion> {
    let mut command = with_mounts(script)?;
    command.arg(env!("CARGO_BIN_EXE_rootfs-fetch")).arg(root);
    Ok(command.output().unwrap())
}
