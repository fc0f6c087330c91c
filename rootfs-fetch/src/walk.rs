//! Following a path one component at a time, and keeping note of every symbolic link on the way.
//!
//! `/bin/sh` may be `/bin` -> `usr/bin`, then `sh` -> `dash`. A tree in which `/bin/sh` is to work
//! needs both links and the file. The kernel follows them too, path_resolution(7), but does not
//! say which ones it met.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

/// path_resolution(7): the kernel gives up with `ELOOP` after 40 links.
const MOST_LINKS: usize = 40;

/// Where a path leads, and how.
#[derive(Debug)]
pub struct Walk {
    /// The links met, in order. No component of their paths is itself a link.
    pub links: Vec<Link>,
    /// The path of the file or directory at the end. No component of it is a link.
    pub real: PathBuf,
    /// What is at the end.
    pub found: Metadata,
}

/// A symbolic link.
#[derive(Debug)]
pub struct Link {
    /// Where it is.
    pub path: PathBuf,
    /// What it says: an absolute path, or one relative to the directory it is in.
    pub target: PathBuf,
    /// lstat(2) of the link.
    pub found: Metadata,
}

/// Follows `path` as a process would whose root directory is `root`: an absolute link starts again
/// at `root`, and `..` does not lead out of it. All paths, given and returned, are those inside.
///
/// # Errors
///
/// Those of lstat(2) and readlink(2), with the path; `ELOOP` (as `FilesystemLoop`, or "too many
/// links") after 40 links; `NotADirectory` where a file stands in the way.
pub fn walk(root: &Path, path: &Path) -> io::Result<Walk> {
    let mut links = Vec::new();
    let mut real = PathBuf::from("/");
    let mut found = fs::symlink_metadata(root)?;
    let mut rest = components(path);

    while let Some(name) = rest.pop() {
        if !found.is_dir() {
            return Err(about(io::ErrorKind::NotADirectory.into(), &real));
        }
        if name == ".." {
            real.pop();
            continue;
        }
        let here = real.join(&name);
        let there = outside(root, &here);
        let entry = fs::symlink_metadata(&there).map_err(|error| about(error, &here))?;
        if !entry.is_symlink() {
            (real, found) = (here, entry);
            continue;
        }

        if links.len() == MOST_LINKS {
            let error = io::Error::other(format!("more than {MOST_LINKS} symbolic links"));
            return Err(about(error, path));
        }
        let target = fs::read_link(&there).map_err(|error| about(error, &here))?;
        if target.is_absolute() {
            real = PathBuf::from("/");
        }
        rest.append(&mut components(&target));
        links.push(Link {
            path: here,
            target,
            found: entry,
        });
    }
    Ok(Walk { links, real, found })
}

/// The host's path for what a process rooted at `root` calls `path`.
pub fn outside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// The names in a path, last first, so that the next one is popped off the end.
fn components(path: &Path) -> Vec<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_os_string()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .rev()
        .collect()
}

fn about(error: io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("usr/bin")).unwrap();
        fs::write(root.path().join("usr/bin/dash"), "").unwrap();
        symlink("usr/bin", root.path().join("bin")).unwrap();
        symlink("dash", root.path().join("usr/bin/sh")).unwrap();
        root
    }

    #[test]
    fn every_link_on_the_way_is_noted() {
        let root = tree();
        let walk = walk(root.path(), Path::new("/bin/sh")).unwrap();
        let links: Vec<_> = walk
            .links
            .iter()
            .map(|link| (&*link.path, &*link.target))
            .collect();
        assert_eq!(
            links,
            [
                (Path::new("/bin"), Path::new("usr/bin")),
                (Path::new("/usr/bin/sh"), Path::new("dash")),
            ]
        );
        assert_eq!(walk.real, Path::new("/usr/bin/dash"));
        assert!(walk.found.is_file());
    }

    #[test]
    fn links_do_not_lead_out_of_the_root() {
        let root = tree();
        symlink("/usr/bin/dash", root.path().join("absolute")).unwrap();
        symlink("../../../../usr/bin/dash", root.path().join("usr/upwards")).unwrap();
        for path in ["/absolute", "/usr/upwards", "/../../bin/dash"] {
            assert_eq!(
                walk(root.path(), Path::new(path)).unwrap().real,
                Path::new("/usr/bin/dash")
            );
        }
    }

    #[test]
    fn a_loop_of_links_is_an_error() {
        let root = tree();
        symlink("two", root.path().join("one")).unwrap();
        symlink("one", root.path().join("two")).unwrap();
        let error = walk(root.path(), Path::new("/one")).unwrap_err();
        assert!(error.to_string().contains("40 symbolic links"), "{error}");
    }

    #[test]
    fn forty_links_are_followed_and_forty_one_are_not() {
        let root = tree();
        fs::write(root.path().join("0"), "").unwrap();
        for n in 1..=41 {
            symlink((n - 1).to_string(), root.path().join(n.to_string())).unwrap();
        }
        assert_eq!(walk(root.path(), Path::new("/40")).unwrap().links.len(), 40);
        assert!(walk(root.path(), Path::new("/41")).is_err());
    }

    #[test]
    fn a_file_or_nothing_in_the_way_is_an_error_that_names_it() {
        let root = tree();
        let error = walk(root.path(), Path::new("/bin/sh/x")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
        assert!(error.to_string().contains("/usr/bin/dash"), "{error}");
        let error = walk(root.path(), Path::new("/bin/no/x")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("/usr/bin/no"), "{error}");
    }
}
