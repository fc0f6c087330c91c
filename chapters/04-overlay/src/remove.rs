//! A tree removed, also where a directory in it has no permission for its owner.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;
use process::SysResult;

/// Removes a file or a whole tree; it is no error if it is not there. Symbolic links are not followed.
///
/// Overlay's own work directory has mode 000, and a container may leave such
/// directories too: an ordinary user must open them up first.
pub(crate) fn remove_tree(path: &Path) -> Result<()> {
    let failed = match remove(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            open_up(path);
            remove(path)
        }
        result => result,
    };
    Ok(failed.syscall("unlink", || format!("{path:?}"))?)
}

fn remove(path: &Path) -> std::io::Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// chmod(2) of every directory. What cannot be changed shows when it is removed.
fn open_up(directory: &Path) {
    let _ = fs::set_permissions(directory, Permissions::from_mode(0o700));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}
