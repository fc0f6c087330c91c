//! When a tree is kept, when it is built again, and when it goes.

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use libtest_mimic::Trial;
use rootfs_fetch::Rootfs;
use rootfs_fetch::host::{Selection, cut, prune};

use crate::support::{DONE, Outcome, fetch, kept, rootfs_fetch, text, trees, trial, which};

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
        trial("a_tree_in_use_is_not_removed", a_tree_in_use_is_not_removed),
        trial(
            "a_damaged_tree_is_built_again",
            a_damaged_tree_is_built_again,
        ),
        trial(
            "prune_removes_what_nobody_uses",
            prune_removes_what_nobody_uses,
        ),
    ]
}

/// Tools to cut from: a shell in a directory of the test's own.
struct Tools {
    directory: PathBuf,
    data: PathBuf,
    selection: Selection,
}

impl Tools {
    fn new(root: &Path) -> Self {
        let directory = root.join("tools");
        fs::create_dir(&directory).unwrap();
        fs::copy(which("sh").unwrap(), directory.join("sh")).unwrap();
        let selection = Selection {
            tools: vec!["sh".to_string(), "other".to_string()],
            path: vec![directory.clone()],
            home: None,
            root: "/".into(),
        };
        Self {
            directory,
            data: root.join("data"),
            selection,
        }
    }

    fn cut(&self) -> Rootfs {
        cut(&self.data, &self.selection, false).unwrap()
    }

    fn shell(&self) -> PathBuf {
        self.directory.join("sh")
    }

    /// The shell's copy in `tree`.
    fn copy_in(&self, tree: &Path) -> PathBuf {
        tree.join(self.shell().strip_prefix("/").unwrap())
    }
}

/// Lets the clock of file times move on, as it does between a person's commands. What is changed
/// before is then not taken for possibly changing still.
fn settle() {
    std::thread::sleep(Duration::from_millis(25));
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

fn a_tree_in_use_is_not_removed(root: &Path) -> Outcome {
    let tools = Tools::new(root);
    let used = tools.cut();
    for word in ["one", "two"] {
        File::options()
            .append(true)
            .open(tools.shell())?
            .write_all(word.as_bytes())?;
        drop(tools.cut());
    }
    assert!(tools.copy_in(used.path()).exists());
    assert_eq!(trees(root).len(), 2, "the one in use, and the newest");

    let duplicate = used.as_fd().try_clone_to_owned()?;
    drop(used);
    drop(cut(&tools.data, &tools.selection, true)?);
    assert_eq!(trees(root).len(), 2, "a duplicate of the lock holds it too");
    drop(duplicate);
    drop(cut(&tools.data, &tools.selection, true)?);
    assert_eq!(trees(root).len(), 1);
    DONE
}

fn a_damaged_tree_is_built_again(root: &Path) -> Outcome {
    let damages: [fn(&Path); 5] = [
        |tree| fs::remove_file(tree.join("bin/sh")).unwrap(),
        |tree| fs::write(tree.join("etc/passwd"), "").unwrap(),
        |tree| drop(File::create(fs::canonicalize(tree.join("bin/ls")).unwrap()).unwrap()),
        |tree| fs::remove_dir_all(tree.join("etc")).unwrap(),
        |tree| fs::remove_dir_all(tree).unwrap(),
    ];
    for damage in damages {
        let tree = fetch(root, &[]);
        damage(&tree);
        let tree = fetch(root, &[]);
        for file in ["bin/sh", "bin/ls", "etc/passwd"] {
            assert_ne!(
                fs::metadata(tree.join(file))
                    .map(|found| found.len())
                    .unwrap(),
                0,
                "{file}"
            );
        }
        assert_eq!(trees(root).len(), 1);
    }
    DONE
}

fn prune_removes_what_nobody_uses(root: &Path) -> Outcome {
    let tools = Tools::new(root);
    assert_eq!(prune(&tools.data)?, Vec::<PathBuf>::new());
    assert!(!tools.data.exists(), "nothing is created for it");
    let used = tools.cut();
    assert_eq!(prune(&tools.data)?, Vec::<PathBuf>::new());
    let path = used.path().to_path_buf();
    drop(used);
    assert_eq!(prune(&tools.data)?, [path]);
    assert!(tools.cut().is_fresh());
    DONE
}
