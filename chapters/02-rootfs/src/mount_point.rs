//! A mount point is a file or directory that is there already: make it so.

use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::{Result, ensure};
use process::SysResult;

/// A directory for a file system of the kernel's own. A symbolic link in its
/// place could lead the mount to anywhere in the tree, and is refused.
pub(crate) fn directory(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => {
            ensure!(
                metadata.is_dir(),
                "{path:?} in the root filesystem is not a directory"
            );
            Ok(())
        }
        Err(_) => make_directories(path),
    }
}

/// A mount point of the same kind as what will be mounted there: a mount
/// hides a directory with a directory and a file with a file.
pub(crate) fn like(is_directory: bool, path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() == is_directory => Ok(()),
        Ok(_) if is_directory => Err(anyhow::anyhow!(
            "{path:?} inside is a file, and the source is a directory"
        )),
        Ok(_) => Err(anyhow::anyhow!(
            "{path:?} inside is a directory, and the source is a file"
        )),
        Err(_) if is_directory => make_directories(path),
        Err(_) => file(path),
    }
}

/// An empty file.
pub(crate) fn file(path: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        make_directories(parent)?;
    }
    match File::create_new(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        result => Ok(result
            .map(drop)
            .syscall("open", || format!("{path:?}, O_CREAT|O_EXCL"))?),
    }
}

fn make_directories(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .syscall("mkdir", || format!("{path:?}, 0755"))?;
    Ok(())
}
