//! What a container changed: the upper directory read back.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use process::SysResult;

use crate::lower::Lowers;
use crate::whiteout;

/// How a path differs from what the lower layers have there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The lower layers have nothing there.
    Added,
    /// They have something else there, or a directory with other things in it.
    Changed,
    /// They have something there that is gone.
    Deleted,
}

/// One changed path. It is printed as `docker diff` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// How it differs.
    pub kind: Kind,
    /// Where, relative to the root.
    pub path: PathBuf,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.kind {
            Kind::Added => 'A',
            Kind::Changed => 'C',
            Kind::Deleted => 'D',
        };
        write!(f, "{letter} /{}", self.path.display())
    }
}

/// The changes that an overlay's upper directory stands for.
pub(crate) fn of_upper(upper: &Path, lowers: &Lowers) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    walk_upper(upper, Path::new(""), lowers, &mut changes)?;
    Ok(changes)
}

// ANCHOR: walk
fn walk_upper(
    upper: &Path,
    directory: &Path,
    lowers: &Lowers,
    changes: &mut Vec<Change>,
) -> Result<()> {
    let opaque = whiteout::is_opaque(&upper.join(directory));
    let mut names = names_in(&upper.join(directory))?;
    let here = names.clone();
    if opaque {
        names.extend(names_in_all(lowers, directory));
    }
    for name in names {
        let path = directory.join(&name);
        let below = lowers.find(&path).map(|(_, found)| found);
        let above = here.contains(&name).then(|| metadata(&upper.join(&path)));
        let above = above.transpose()?.filter(|found| !whiteout::is(found));
        let descend = above.as_ref().is_some_and(Metadata::is_dir);
        let kind = match (above, below) {
            (Some(_), None) => Kind::Added,
            (Some(_), Some(_)) => Kind::Changed,
            (None, Some(_)) => Kind::Deleted,
            (None, None) => continue,
        };
        changes.push(Change {
            kind,
            path: path.clone(),
        });
        if descend {
            walk_upper(upper, &path, lowers, changes)?;
        }
    }
    Ok(())
}
// ANCHOR_END: walk

/// The changes in a copy: it is compared with the layers it was made from.
pub(crate) fn of_copy(copy: &Path, lowers: &Lowers) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    walk_copy(copy, Path::new(""), lowers, &mut changes)?;
    Ok(changes)
}

fn walk_copy(
    copy: &Path,
    directory: &Path,
    lowers: &Lowers,
    changes: &mut Vec<Change>,
) -> Result<()> {
    let here = names_in(&copy.join(directory))?;
    let all: BTreeSet<_> = names_in_all(lowers, directory)
        .chain(here.iter().cloned())
        .collect();
    for name in all {
        let path = directory.join(&name);
        let below = lowers.find(&path);
        let above = here.contains(&name).then(|| metadata(&copy.join(&path)));
        let above = above.transpose()?;
        let descend = above.as_ref().is_some_and(Metadata::is_dir);
        let kind = match (above, below) {
            (Some(above), Some((original, below))) => {
                let same = is_same(&above, &below)
                    && fs::read_link(copy.join(&path)).ok() == fs::read_link(original).ok();
                (!same).then_some(Kind::Changed)
            }
            (Some(_), None) => Some(Kind::Added),
            (None, Some(_)) => Some(Kind::Deleted),
            (None, None) => None,
        };
        changes.extend(kind.map(|kind| Change {
            kind,
            path: path.clone(),
        }));
        if descend {
            walk_copy(copy, &path, lowers, changes)?;
        }
    }
    Ok(())
}

/// A file that was written to has another time. The size of a directory says nothing.
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    let facts = |found: &Metadata| {
        let size = if found.is_dir() { 0 } else { found.size() };
        let owner = (found.uid(), found.gid());
        let time = (found.mtime(), found.mtime_nsec());
        (found.mode(), owner, found.rdev(), size, time)
    };
    facts(one) == facts(other)
}

fn metadata(path: &Path) -> Result<Metadata> {
    Ok(fs::symlink_metadata(path).syscall("lstat", || format!("{path:?}"))?)
}

fn names_in(directory: &Path) -> Result<BTreeSet<OsString>> {
    let call = || format!("{directory:?}, O_DIRECTORY");
    let entries = fs::read_dir(directory).syscall("open", call)?;
    let names = entries.map(|entry| Ok(entry.syscall("getdents64", call)?.file_name()));
    names.collect()
}

/// The names that any lower layer has in a directory, hidden ones too.
fn names_in_all(lowers: &Lowers, directory: &Path) -> impl Iterator<Item = OsString> {
    let layers = lowers
        .paths()
        .iter()
        .map(move |layer| layer.join(directory));
    let entries = layers.flat_map(|path| fs::read_dir(path).into_iter().flatten().flatten());
    entries.map(|entry| entry.file_name())
}
