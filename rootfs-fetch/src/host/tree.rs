//! Writes a planned tree.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use anyhow::{Context, Result};

use crate::copy::{copy_file, new_directory, write_text};
use crate::walk::outside;

use super::plan::{Node, Plan};

/// Writes `plan` into the new directory `tree`, from the host rooted at `root`. The directory
/// stays closed to others until all is there.
///
/// # Errors
///
/// With the path: when something cannot be read, or not be written. What was written stays.
pub fn write(plan: &Plan, root: &Path, tree: &Path) -> Result<()> {
    new_directory(tree)?;
    for (path, entry) in &plan.entries {
        let to = outside(tree, path);
        match &entry.node {
            Node::Directory(_) => new_directory(&to)?,
            Node::Symlink(target, _) => symlink(target, &to)
                .with_context(|| format!("linking {} to {}", to.display(), target.display()))?,
            // Without set-user-id: the owner is whoever runs this, and ran no such program.
            Node::File(found) => copy_file(&outside(root, path), &to, found.mode & 0o777)?,
            Node::Text(text) => write_text(&to, text)?,
        }
    }
    for (path, entry) in &plan.entries {
        if let Node::Directory(mode) = entry.node {
            set_mode(&outside(tree, path), mode)?;
        }
    }
    set_mode(tree, 0o755)
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .with_context(|| format!("chmod {:o} {}", mode, path.display()))
}
