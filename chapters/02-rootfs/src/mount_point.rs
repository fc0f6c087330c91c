//! A mount point is a file or directory that is there already: make it so.

use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use process::SysResult;

use crate::volume::Volume;

/// The mount points that a root filesystem lacks. The child makes them; when
/// the container has ended and this is dropped, they are removed again.
///
/// Others may run on the same root filesystem, and a mount point that is
/// removed takes their mount with it. So each run holds a shared lock on the
/// root directory, and only the last one removes.
// ANCHOR: mount_points
#[must_use = "dropped at once, it removes nothing"]
pub struct MountPoints {
    root: File,
    missing: Vec<PathBuf>,
}

impl MountPoints {
    /// To be called before the child makes them.
    ///
    /// # Errors
    /// When the root directory cannot be opened or locked.
    pub fn missing_in(path: &Path, volumes: &[Volume]) -> Result<Self> {
        let file = File::open(path).syscall("open", || format!("{path:?}, O_RDONLY"))?;
        file.lock_shared()
            .syscall("flock", || format!("{path:?}, LOCK_SH"))?;
        let kernels = ["proc", "dev", "sys"].map(PathBuf::from).into_iter();
        let wanted = kernels.chain(volumes.iter().map(Volume::inside));
        let mut missing: Vec<_> = wanted
            .flat_map(|inside| missing_parts(path, &inside))
            .collect();
        missing.dedup();
        Ok(Self {
            root: file,
            missing,
        })
    }
}

impl Drop for MountPoints {
    fn drop(&mut self) {
        if self.root.try_lock().is_err() {
            return;
        }
        // The innermost first. One with something in it is not ours to remove.
        for path in self.missing.iter().rev() {
            let empty_file = |found: fs::Metadata| found.is_file() && found.len() == 0;
            if fs::remove_dir(path).is_err() && fs::symlink_metadata(path).is_ok_and(empty_file) {
                let _ = fs::remove_file(path);
            }
        }
    }
}
// ANCHOR_END: mount_points

/// The parts of a path below `root` that are not there, the outermost first.
fn missing_parts(root: &Path, inside: &Path) -> Vec<PathBuf> {
    let path = root.join(inside);
    let mut parts: Vec<_> = path
        .ancestors()
        .take_while(|part| *part != root)
        .map(Path::to_owned)
        .collect();
    parts.retain(|part| fs::symlink_metadata(part).is_err());
    parts.reverse();
    parts
}

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
