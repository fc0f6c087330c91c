//! What runtimes left that were killed, and what stands between runs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use process::SysResult;

use crate::cgroup::remove;
use crate::hierarchy::Hierarchies;
use crate::name;

/// The groups of runtimes that were killed, in every hierarchy of this machine.
///
/// # Errors
/// When the mount table cannot be read.
pub fn orphans() -> Result<Vec<PathBuf>> {
    let hierarchies = Hierarchies::find()?;
    let parents = hierarchies.groups_of_hull();
    Ok(parents.flat_map(|parent| below(&parent)).collect())
}

/// Removes a group, and kills what is in it. One that is gone is no error.
///
/// # Errors
/// When rmdir(2) fails.
pub fn remove_orphan(group: &Path) -> Result<()> {
    remove(group)
}

/// The groups called `hull` that all others are in, where they have none and
/// this user may remove them.
///
/// # Errors
/// When the mount table cannot be read.
pub fn empty_parents() -> Result<Vec<PathBuf>> {
    let removable = |group: &PathBuf| {
        let above = group.parent().unwrap_or(group);
        access(above, AccessFlags::W_OK).is_ok()
    };
    let hierarchies = Hierarchies::find()?;
    let mut empty: Vec<_> = hierarchies
        .empty_groups_of_hull()
        .filter(removable)
        .collect();
    // Where root's groups and the caller's own are the same.
    empty.dedup();
    Ok(empty)
}

/// Removes such a group. One that was used again meanwhile stays.
///
/// # Errors
/// When rmdir(2) fails.
pub fn remove_parent(group: &Path) -> Result<()> {
    match fs::remove_dir(group).syscall("rmdir", || format!("{group:?}")) {
        Err(failed) if matches!(failed.errno, Errno::EBUSY | Errno::ENOENT) => Ok(()),
        result => Ok(result?),
    }
}

pub(crate) fn below(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| name::is_orphan(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect()
}
