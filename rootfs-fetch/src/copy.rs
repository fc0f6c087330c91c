//! Copies of files and of trees.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown, symlink,
};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;

/// Copies the contents of the file `from` to the new file `to`, and gives it `mode` whatever the
/// umask.
///
/// A copy, never a hard link: a write to a linked file inside a container would change the host's.
/// The standard library copies with copy_file_range(2), which shares the blocks where the file
/// system can.
///
/// # Errors
///
/// With both paths: when either cannot be opened, `to` is there, or the disk is full.
pub fn copy_file(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let context = || format!("copying {} to {}", from.display(), to.display());
    let mut source = File::open(from).with_context(context)?;
    let mut target = new_file(to).with_context(context)?;
    io::copy(&mut source, &mut target).with_context(context)?;
    target
        .set_permissions(Permissions::from_mode(mode))
        .with_context(context)
}

/// Writes `text` to the new file `path`, with mode 0644 whatever the umask.
///
/// # Errors
///
/// With the path: when it is there already, or cannot be written.
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    let write = || {
        let mut file = new_file(path)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.set_permissions(Permissions::from_mode(0o644))
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// Makes the directory `path`, open to nobody else until its mode is set.
///
/// # Errors
///
/// With the path: when something is there already, or the directory above cannot be written.
pub fn new_directory(path: &Path) -> Result<()> {
    let made = DirBuilder::new().mode(0o700).create(path);
    made.with_context(|| format!("creating {}", path.display()))
}

/// Copies the tree at `from` into `to`, which must be an empty directory or not be there: modes
/// and symbolic links as they are, owners too if root does it. Gives back what cannot be copied
/// so: devices, sockets and FIFOs.
///
/// # Errors
///
/// When `to` holds something, or is inside `from`; and with the paths, when a file cannot be
/// copied. What was copied until then is taken away again.
pub fn copy_tree(from: &Path, to: &Path) -> Result<Vec<PathBuf>> {
    let was_there = prepare(from, to)?;
    let mut left_out = Vec::new();
    let copied = copy_directory(from, to, &mut left_out);
    if copied.is_err() {
        // Best effort: the error to tell is the first one.
        let _ = if was_there {
            clear(to)
        } else {
            fs::remove_dir_all(to)
        };
    }
    copied.map(|()| left_out)
}

/// Whether `to` was there. It is there afterwards.
fn prepare(from: &Path, to: &Path) -> Result<bool> {
    let was_there = match fs::read_dir(to) {
        Ok(mut entries) => match entries.next() {
            None => true,
            Some(_) => bail!("{} is not empty", to.display()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            new_directory(to)?;
            false
        }
        Err(error) => return Err(error).with_context(|| format!("opening {}", to.display())),
    };
    let canonical = |path: &Path| {
        path.canonicalize()
            .with_context(|| format!("finding {}", path.display()))
    };
    if canonical(to)?.starts_with(canonical(from)?) {
        if !was_there {
            fs::remove_dir(to).with_context(|| format!("removing {}", to.display()))?;
        }
        bail!("{} is inside {}", to.display(), from.display());
    }
    Ok(was_there)
}

fn clear(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn copy_directory(from: &Path, to: &Path, left_out: &mut Vec<PathBuf>) -> Result<()> {
    let listing = || format!("listing {}", from.display());
    for entry in fs::read_dir(from).with_context(listing)? {
        let entry = entry.with_context(listing)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let found = entry
            .metadata()
            .with_context(|| format!("lstat {}", source.display()))?;
        let kind = found.file_type();

        if kind.is_dir() {
            new_directory(&target)?;
            copy_directory(&source, &target, left_out)?;
            continue;
        } else if kind.is_symlink() {
            let link = || -> io::Result<()> { symlink(fs::read_link(&source)?, &target) };
            link().with_context(|| format!("copying link {}", source.display()))?;
        } else if kind.is_file() {
            copy_file(&source, &target, 0o600)?;
        } else {
            left_out.push(source);
            continue;
        }
        finish(&target, &found)?;
    }
    let found = fs::metadata(from).with_context(|| format!("stat {}", from.display()))?;
    // Last, for a directory without write permission.
    finish(to, &found)
}

/// Gives `target` the owner and mode of what it is a copy of.
fn finish(target: &Path, found: &fs::Metadata) -> Result<()> {
    if Uid::effective().is_root() {
        lchown(target, Some(found.uid()), Some(found.gid()))
            .with_context(|| format!("chown {}", target.display()))?;
    }
    if found.is_symlink() {
        return Ok(());
    }
    // After chown(2), which takes the set-user-id bit away.
    let mode = Permissions::from_mode(found.mode() & 0o7777);
    fs::set_permissions(target, mode).with_context(|| format!("chmod {}", target.display()))
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_tree_is_copied_with_its_modes_and_links() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        fs::create_dir_all(from.join("closed")).unwrap();
        fs::write(from.join("closed/file"), "text").unwrap();
        for (path, mode) in [("closed/file", 0o4751), ("closed", 0o1550), ("", 0o711)] {
            fs::set_permissions(from.join(path), Permissions::from_mode(mode)).unwrap();
        }
        symlink("/nowhere", from.join("link")).unwrap();

        assert_eq!(copy_tree(&from, &to).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(fs::read_to_string(to.join("closed/file")).unwrap(), "text");
        assert_eq!(
            fs::read_link(to.join("link")).unwrap(),
            Path::new("/nowhere")
        );
        assert_eq!(mode(&to.join("closed/file")), 0o4751);
        assert_eq!(mode(&to.join("closed")), 0o1550);
        assert_eq!(mode(&to), 0o711);
        // Whoever is not root could not remove what is in there.
        for tree in [from, to] {
            fs::set_permissions(tree.join("closed"), Permissions::from_mode(0o700)).unwrap();
        }
    }

    #[test]
    fn what_is_neither_file_nor_directory_nor_link_is_named() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        fs::create_dir(&from).unwrap();
        let fifo = from.join("fifo");
        assert!(
            Command::new("mkfifo")
                .arg(&fifo)
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(copy_tree(&from, &to).unwrap(), [fifo]);
    }

    #[test]
    fn a_directory_that_holds_something_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        fs::create_dir(&from).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(to.join("mine"), "").unwrap();
        let error = copy_tree(&from, &to).unwrap_err();
        assert!(error.to_string().contains("is not empty"), "{error}");
        assert!(to.join("mine").exists());
    }

    #[test]
    fn a_tree_is_not_copied_into_itself() {
        let root = tempfile::tempdir().unwrap();
        let inside = root.path().join("inside");
        let error = copy_tree(root.path(), &inside).unwrap_err();
        assert!(error.to_string().contains("is inside"), "{error}");
        assert!(!inside.exists());
    }
}
