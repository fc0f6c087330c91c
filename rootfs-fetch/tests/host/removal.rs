//! When a tree goes, and when it must not.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use rootfs_fetch::host::{cut, prune};

use crate::support::{DONE, Outcome, fetch, is_root, skip, trees, trial};
use crate::tools::{Tools, settle};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("a_tree_in_use_is_not_removed", a_tree_in_use_is_not_removed),
        trial(
            "a_damaged_tree_is_built_again",
            a_damaged_tree_is_built_again,
        ),
        trial(
            "another_user_s_tree_is_not_used",
            another_user_s_tree_is_not_used,
        ),
        trial(
            "prune_removes_what_nobody_uses",
            prune_removes_what_nobody_uses,
        ),
    ]
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

fn another_user_s_tree_is_not_used(root: &Path) -> Outcome {
    if !is_root() {
        return skip("only root can give a tree to another user");
    }
    let tools = Tools::new(root);
    settle();
    let theirs = tools.cut();
    std::os::unix::fs::chown(theirs.path(), Some(65534), None)?;
    let ours = tools.cut();
    assert!(ours.is_fresh());
    assert_ne!(ours.path(), theirs.path());
    assert_eq!(fs::metadata(ours.path())?.uid(), 0);
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
