//! The moments that cannot be met from outside.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::elf::sample::Sample;

/// A host with a shell and no more.
fn host(root: &Path) -> Selection {
    fs::create_dir_all(root.join("bin")).unwrap();
    write_shell(root, &Sample::native().bytes());
    Selection {
        tools: vec!["sh".to_string()],
        path: vec!["/bin".into()],
        home: None,
        root: root.into(),
    }
}

fn write_shell(root: &Path, bytes: &[u8]) {
    fs::write(root.join("bin/sh"), bytes).unwrap();
    fs::set_permissions(root.join("bin/sh"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_source_that_changes_before_it_is_copied_spoils_the_tree() {
    let directory = tempfile::tempdir().unwrap();
    let (root, data) = (directory.path().join("host"), directory.path().join("data"));
    let selection = host(&root);
    let cache = Cache::new(&data, &selection);
    fs::create_dir_all(&cache.directory).unwrap();
    let plan = Plan::new(&selection).unwrap();
    let manifest = Manifest::new(&plan, &selection, 0, "host-0");

    let changed = [Sample::native().bytes(), b"more".to_vec()].concat();
    write_shell(&root, &changed);
    assert!(!cache.write_tree(&plan, &manifest).unwrap());
    fs::remove_file(root.join("bin/sh")).unwrap();
    assert!(
        !cache.write_tree(&plan, &manifest).unwrap(),
        "gone is changed too, and no error"
    );
    assert_eq!(cache.names().unwrap(), Vec::<String>::new());
}

#[test]
fn a_tree_that_was_removed_while_we_waited_for_its_lock_is_not_held() {
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("host-0");
    fs::create_dir(&tree).unwrap();
    let opened = File::open(&tree).unwrap();
    fs::rename(&tree, directory.path().join("gone")).unwrap();
    assert!(lock_shared(opened, &tree).unwrap().is_none());
    assert!(hold(&tree).unwrap().is_none());

    // Nor is another tree of the same name.
    let opened = File::open(directory.path().join("gone")).unwrap();
    fs::create_dir(&tree).unwrap();
    assert!(lock_shared(opened, &tree).unwrap().is_none());
    assert!(hold(&tree).unwrap().is_some());
}

#[test]
fn a_whole_tree_whose_manifest_was_never_written_is_used() {
    let directory = tempfile::tempdir().unwrap();
    let (root, data) = (directory.path().join("host"), directory.path().join("data"));
    let selection = host(&root);
    let cache = Cache::new(&data, &selection);
    let first = cache.build(false).unwrap();
    fs::remove_file(cache.manifest()).unwrap();
    let second = cache.build(false).unwrap();
    assert!(!second.is_fresh());
    assert_eq!(second.path(), first.path());
}
