//! When a tree is kept, and when it is built again because the host has changed.

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Stdio};

use libtest_mimic::Trial;
use rootfs_fetch::host::cut;

use crate::support::{DONE, Outcome, kept, rootfs_fetch, text, trial};
use crate::tools::{Tools, settle};

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_second_run_uses_the_first_one_s_tree",
            a_second_run_uses_the_first_one_s_tree,
        ),
        trial(
            "eight_first_runs_at_once_make_one_tree",
            eight_first_runs_at_once_make_one_tree,
        ),
        trial(
            "a_changed_tool_makes_a_new_tree",
            a_changed_tool_makes_a_new_tree,
        ),
        trial(
            "a_tool_replaced_in_disguise_is_noticed",
            a_tool_replaced_in_disguise_is_noticed,
        ),
        trial("a_tool_that_appears_is_taken", a_tool_that_appears_is_taken),
        trial("a_tool_that_goes_is_left_out", a_tool_that_goes_is_left_out),
        trial(
            "an_unrelated_change_keeps_the_tree",
            an_unrelated_change_keeps_the_tree,
        ),
        trial(
            "a_look_straight_after_a_change_is_not_relied_on",
            a_look_straight_after_a_change_is_not_relied_on,
        ),
    ]
}

fn a_second_run_uses_the_first_one_s_tree(root: &Path) -> Outcome {
    let tools = Tools::new(root);
    settle();
    let first = tools.cut();
    assert!(first.is_fresh());
    assert_eq!(first.left_out(), ["other"]);
    // A run that looks at the host again writes a new manifest, so this one must stay.
    let manifest = fs::metadata(root.join("data/rootfs/host.manifest"))?.ino();

    let second = tools.cut();
    assert!(!second.is_fresh());
    assert_eq!(
        (second.path(), second.left_out()),
        (first.path(), first.left_out())
    );
    assert_eq!(
        fs::metadata(root.join("data/rootfs/host.manifest"))?.ino(),
        manifest
    );

    let third = cut(&tools.data, &tools.selection, true)?;
    assert!(third.is_fresh());
    assert_ne!(third.path(), first.path());
    DONE
}

fn eight_first_runs_at_once_make_one_tree(root: &Path) -> Outcome {
    let mut start = rootfs_fetch(root);
    start
        .arg("host")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let children: Vec<Child> = (0..8).map(|_| start.spawn().unwrap()).collect();
    let outputs = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap());
    let mut paths: Vec<_> = outputs
        .map(|output| {
            assert!(output.status.success(), "{}", text(&output.stderr));
            text(&output.stdout)
        })
        .collect();
    paths.dedup();
    assert_eq!(paths.len(), 1, "{paths:?}");
    assert!(Path::new(paths[0].trim()).join("bin/sh").exists());
    assert_eq!(kept(root).len(), 3, "{:?}", kept(root));
    DONE
}

fn a_changed_tool_makes_a_new_tree(root: &Path) -> Outcome {
    let tools = Tools::new(root);
    let old = tools.cut().path().to_path_buf();
    File::options()
        .append(true)
        .open(tools.shell())?
        .write_all(b"more")?;

    let new = tools.cut();
    assert!(new.is_fresh());
    assert_ne!(new.path(), old);
    assert!(!old.exists(), "the old tree, which nobody uses, is gone");
    assert_eq!(
        fs::read(tools.copy_in(new.path()))?,
        fs::read(tools.shell())?
    );
    DONE
}

fn a_tool_replaced_in_disguise_is_noticed(root: &Path) -> Outcome {
    let tools = Tools::new(root);
    settle();
    drop(tools.cut());
    // Same length, same time, and the last byte is another: as a careless deployment may leave it.
    let found = fs::metadata(tools.shell())?;
    let mut bytes = fs::read(tools.shell())?;
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(tools.shell(), &bytes)?;
    let times = FileTimes::new().set_modified(found.modified()?);
    File::options()
        .write(true)
        .open(tools.shell())?
        .set_times(times)?;
    assert_eq!(fs::metadata(tools.shell())?.modified()?, found.modified()?);

    let new = tools.cut();
    assert!(new.is_fresh());
    assert_eq!(fs::read(tools.copy_in(new.path()))?, bytes);
    DONE
}

fn a_tool_that_appears_is_taken(root: &Path) -> Outcome {
    let tools = Tools::new(root);
    settle();
    assert_eq!(tools.cut().left_out(), ["other"]);
    fs::copy(tools.shell(), tools.directory.join("other"))?;
    let new = tools.cut();
    assert!(new.is_fresh());
    assert_eq!(new.left_out(), Vec::<String>::new());
    DONE
}

fn a_tool_that_goes_is_left_out(root: &Path) -> Outcome {
    let tools = Tools::new(root);
    fs::copy(tools.shell(), tools.directory.join("other"))?;
    settle();
    assert_eq!(tools.cut().left_out(), Vec::<String>::new());
    fs::remove_file(tools.directory.join("other"))?;
    let new = tools.cut();
    assert!(new.is_fresh());
    assert_eq!(new.left_out(), ["other"]);

    fs::remove_file(tools.shell())?;
    let error = format!(
        "{:#}",
        cut(&tools.data, &tools.selection, false).unwrap_err()
    );
    assert!(error.contains("this host has no `sh`"), "{error}");
    DONE
}

fn an_unrelated_change_keeps_the_tree(root: &Path) -> Outcome {
    let tools = Tools::new(root);
    settle();
    let first = tools.cut();
    fs::write(tools.directory.join("unrelated"), "")?;
    settle();
    let second = tools.cut();
    assert!(!second.is_fresh());
    assert_eq!(second.path(), first.path());
    DONE
}

fn a_look_straight_after_a_change_is_not_relied_on(root: &Path) -> Outcome {
    let tools = Tools::new(root);
    let manifest = || {
        fs::metadata(root.join("data/rootfs/host.manifest"))
            .unwrap()
            .ino()
    };
    // A busy machine may be slow to start the look, so several tries.
    for number in 0..20 {
        fs::write(tools.directory.join("unrelated"), number.to_string())?;
        fs::remove_file(tools.directory.join("unrelated"))?;
        drop(tools.cut());
        let first = manifest();
        drop(tools.cut());
        if manifest() != first {
            return DONE;
        }
    }
    panic!("every second run took the first one's word");
}
