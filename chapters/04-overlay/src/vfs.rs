//! The plain-copy driver: all layers copied into one directory, the bottom first.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use process::SysResult;

use crate::copy;
use crate::lower::Lowers;
use crate::remove::remove_tree;
use crate::whiteout;

/// Copies the layers into `tree`, unless an earlier run has. Half a copy is
/// never seen there: it is made at `unfinished`, on the same file system.
// ANCHOR: vfs
pub(crate) fn copy(lowers: &Lowers, tree: &Path, unfinished: &Path) -> Result<()> {
    let mut entries = fs::read_dir(tree).syscall("open", || format!("{tree:?}, O_DIRECTORY"))?;
    if entries.next().is_some() {
        return Ok(());
    }
    fs::create_dir(unfinished).syscall("mkdir", || format!("{unfinished:?}"))?;
    for layer in lowers.paths().iter().rev() {
        let apply = Apply {
            layer,
            tree: unfinished,
            links: HashMap::new(),
        };
        apply
            .whole()
            .with_context(|| format!("copying the layer {layer:?}"))?;
    }
    fs::rename(unfinished, tree).syscall("rename", || format!("{unfinished:?}, {tree:?}"))?;
    Ok(())
}
// ANCHOR_END: vfs

/// One layer, on its way over those below it.
struct Apply<'a> {
    layer: &'a Path,
    tree: &'a Path,
    /// The first name of each file that has several.
    links: HashMap<u64, PathBuf>,
}

impl Apply<'_> {
    fn whole(mut self) -> Result<()> {
        self.directory(Path::new(""))?;
        copy::metadata(self.layer, self.tree)
    }

    fn directory(&mut self, directory: &Path) -> Result<()> {
        let from = self.layer.join(directory);
        let call = || format!("{from:?}, O_DIRECTORY");
        for entry in fs::read_dir(&from).syscall("open", call)? {
            let name = entry.syscall("getdents64", call)?.file_name();
            self.entry(&directory.join(name))?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path) -> Result<()> {
        let (from, to) = (self.layer.join(path), self.tree.join(path));
        let found = fs::symlink_metadata(&from).syscall("lstat", || format!("{from:?}"))?;
        if !found.is_dir() {
            remove_tree(&to)?;
            return if whiteout::is(&found) {
                Ok(())
            } else {
                self.file(&from, &to, &found)
            };
        }
        let there = fs::symlink_metadata(&to);
        if there.is_ok_and(|there| !there.is_dir()) || whiteout::is_opaque(&from) {
            remove_tree(&to)?;
        }
        if !to.exists() {
            fs::create_dir(&to).syscall("mkdir", || format!("{to:?}"))?;
        }
        self.directory(path)?;
        // Last: what is made in a directory changes its time.
        copy::metadata(&from, &to)
    }

    fn file(&mut self, from: &Path, to: &Path, found: &Metadata) -> Result<()> {
        if found.nlink() > 1 {
            if let Some(first) = self.links.get(&found.ino()) {
                return Ok(
                    fs::hard_link(first, to).syscall("link", || format!("{first:?}, {to:?}"))?
                );
            }
            self.links.insert(found.ino(), to.to_owned());
        }
        copy::file(from, to, found)?;
        copy::metadata(from, to)
    }
}
