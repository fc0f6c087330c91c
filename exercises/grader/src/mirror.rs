//! Files written only where they differ: Cargo takes a newer file for a changed one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::rewrite::Files;

/// The paths of all files below a directory, relative to it, in order.
pub fn files_below(directory: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        let here = directory.join(&inner);
        let entries = fs::read_dir(&here).with_context(|| format!("listing {}", here.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("listing {}", here.display()))?;
            let path = inner.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path);
            } else {
                files.insert(path);
            }
        }
    }
    Ok(files)
}

/// Makes `to` hold the files of `from`, and no others.
pub fn directory(from: &Path, to: &Path) -> Result<()> {
    let files = files_below(from)?;
    for path in &files {
        let source = from.join(path);
        let content = fs::read(&source).with_context(|| format!("reading {}", source.display()))?;
        write_changed(&to.join(path), &content)?;
    }
    remove_others(to, &files)
}

/// Makes `to` hold these texts, and no other files.
pub fn texts(files: &Files, to: &Path) -> Result<()> {
    for (path, text) in files {
        write_changed(&to.join(path), text.as_bytes())?;
    }
    remove_others(to, &files.keys().cloned().collect())
}

/// Writes a file, unless it has this content already.
pub fn write_changed(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
    }
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}

fn remove_others(directory: &Path, files: &BTreeSet<PathBuf>) -> Result<()> {
    for path in files_below(directory)?.difference(files) {
        let path = directory.join(path);
        fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
    }
    Ok(())
}
