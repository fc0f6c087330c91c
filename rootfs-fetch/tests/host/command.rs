//! The program from outside.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use libtest_mimic::Trial;

use crate::support::{DONE, Outcome, fetch, files_below, rootfs_fetch, text, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "output_is_a_copy_of_one_s_own",
            output_is_a_copy_of_one_s_own,
        ),
        trial(
            "output_does_not_touch_a_full_directory",
            output_does_not_touch_a_full_directory,
        ),
        trial(
            "list_says_why_each_file_is_there",
            list_says_why_each_file_is_there,
        ),
        trial("fresh_builds_again", fresh_builds_again),
        trial(
            "dir_prints_the_canonical_path",
            dir_prints_the_canonical_path,
        ),
        trial(
            "an_error_is_said_once_with_status_1",
            an_error_is_said_once_with_status_1,
        ),
        trial(
            "a_wrong_command_line_has_status_2",
            a_wrong_command_line_has_status_2,
        ),
        trial(
            "a_missing_tool_is_named_on_one_line",
            a_missing_tool_is_named_on_one_line,
        ),
    ]
}

fn output_is_a_copy_of_one_s_own(root: &Path) -> Outcome {
    let tree = fetch(root, &[]);
    let copy = root.join("copy");
    assert_eq!(
        fetch(root, &["--output", copy.to_str().unwrap()]),
        copy.canonicalize()?
    );
    assert_eq!(files_below(&copy).len(), files_below(&tree).len());
    for file in files_below(&copy) {
        let (ours, theirs) = (fs::symlink_metadata(&file)?, {
            let inside = file.strip_prefix(&copy).unwrap();
            fs::symlink_metadata(tree.join(inside))?
        });
        assert_eq!(
            (ours.mode(), ours.len()),
            (theirs.mode(), theirs.len()),
            "{}",
            file.display()
        );
        assert_ne!(ours.ino(), theirs.ino(), "{}", file.display());
    }
    fs::write(copy.join("etc/passwd"), "changed")?;
    assert!(fs::read_to_string(tree.join("etc/passwd"))?.starts_with("root:"));
    DONE
}

fn output_does_not_touch_a_full_directory(root: &Path) -> Outcome {
    let full = root.join("full");
    fs::create_dir(&full)?;
    fs::write(full.join("mine"), "")?;
    let output = rootfs_fetch(root)
        .args(["host", "--output"])
        .arg(&full)
        .output()?;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("is not empty"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(fs::read_dir(&full)?.count(), 1);
    DONE
}

fn list_says_why_each_file_is_there(root: &Path) -> Outcome {
    let output = rootfs_fetch(root).args(["host", "--list"]).output()?;
    assert!(output.status.success());
    let list = text(&output.stdout);
    for reason in [
        "(tool ls)",
        "(own file)",
        "(directory)",
        "(own link to /proc/self/mounts)",
    ] {
        assert!(list.contains(reason), "no {reason} in {list}");
    }
    assert!(!root.join("data").exists(), "a list builds nothing");

    let sizes = list
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let sizes: Vec<_> = sizes.collect();
    let (total, sizes) = sizes.split_last().unwrap();
    assert_eq!(*total, sizes.iter().sum::<u64>());
    let tree = fetch(root, &[]);
    let regular = files_below(&tree).into_iter().filter_map(|file| {
        let found = fs::symlink_metadata(file).unwrap();
        found.is_file().then_some(found.len())
    });
    assert_eq!(*total, regular.sum::<u64>());
    DONE
}

fn fresh_builds_again(root: &Path) -> Outcome {
    let first = fetch(root, &[]);
    let inode = fs::metadata(&first)?.ino();
    assert_eq!(fs::metadata(fetch(root, &[]))?.ino(), inode);
    let again = fetch(root, &["--fresh"]);
    assert!(again != first || fs::metadata(&again)?.ino() != inode);
    assert!(!first.exists() || again == first);
    DONE
}

fn dir_prints_the_canonical_path(root: &Path) -> Outcome {
    let tree = fetch(root, &[]);
    let link = root.join("link");
    std::os::unix::fs::symlink(&tree, &link)?;
    let output = rootfs_fetch(root).arg("dir").arg(&link).output()?;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout).trim_end(),
        tree.canonicalize()?.to_str().unwrap()
    );
    assert_eq!(text(&output.stderr), "");

    let bare = root.join("bare");
    fs::create_dir_all(bare.join("bin"))?;
    let output = rootfs_fetch(root).arg("dir").arg(&bare).output()?;
    assert!(output.status.success());
    assert!(
        text(&output.stderr).contains("has no sh"),
        "{}",
        text(&output.stderr)
    );
    DONE
}

fn an_error_is_said_once_with_status_1(root: &Path) -> Outcome {
    let output = rootfs_fetch(root)
        .arg("dir")
        .arg(root.join("nothing"))
        .output()?;
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "rootfs-fetch: error: opening {}: No such file or directory (os error 2)\n",
        root.join("nothing").display()
    );
    assert_eq!(text(&output.stderr), expected);
    DONE
}

fn a_wrong_command_line_has_status_2(root: &Path) -> Outcome {
    for arguments in [
        &["host", "--no-such"][..],
        &["alpine"],
        &[],
        &["host", "--list", "--fresh"],
    ] {
        let output = rootfs_fetch(root).args(arguments).output()?;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    DONE
}

fn a_missing_tool_is_named_on_one_line(root: &Path) -> Outcome {
    let output = rootfs_fetch(root).arg("host").output()?;
    let expected = rootfs_fetch::host(&root.join("data"))?
        .left_out()
        .join(", ");
    let said = text(&output.stderr);
    if expected.is_empty() {
        assert_eq!(said, "");
    } else {
        assert_eq!(said, format!("rootfs-fetch: left out: {expected}\n"));
    }
    DONE
}
