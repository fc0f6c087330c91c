//! What a tree was cut from, written beside it, so that the next run need not look again.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::walk::outside;

use super::own_files;
use super::plan::{FORMAT, Node, Plan};
use super::selection::Selection;
use super::stamp::{Fnv, Stamp};

/// The first line. A manifest of another version is as good as none.
const HEADER: &str = "hull host rootfs 1";

/// The last line: without it the file was cut short.
const END: &str = "end";

/// File times move in steps of a timer tick, at most 10 ms (CONFIG_HZ=100). A file that changed so
/// shortly before it was looked at may change again and keep its times.
const TICK_NS: i128 = 10_000_000;

/// The record of one tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Manifest {
    /// What [`inputs`] gave.
    pub inputs: u64,
    /// When the host was looked at, in nanoseconds since 1970.
    pub taken: i128,
    /// The name of the tree's directory.
    pub tree: String,
    /// The tools that are not in the tree.
    pub left_out: Vec<String>,
    lines: Vec<Line>,
}

#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// A file or link of the host at this path inside, and in the tree at the same one.
    Taken(Stamp, PathBuf),
    /// A file of Hull's own in the tree, with its length in bytes.
    Own(u64, PathBuf),
    /// A path on the host that the search depended on. `None`: nothing was there.
    Watched(Option<Stamp>, PathBuf),
}

/// A number for everything that goes into a plan and is not on the host: the selection, Hull's own
/// files, and the version of the code.
pub fn inputs(selection: &Selection) -> u64 {
    let mut hash = Fnv::default();
    hash.write(own_files::fingerprint().as_bytes());
    FORMAT.hash(&mut hash);
    selection.hash(&mut hash);
    hash.finish()
}

/// Now, in nanoseconds since 1970.
pub fn now() -> i128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as i128)
}

impl Manifest {
    /// The record of the tree called `tree` that `plan` gave.
    pub fn new(plan: &Plan, selection: &Selection, taken: i128, tree: &str) -> Self {
        let entries = plan
            .entries
            .iter()
            .filter_map(|(path, entry)| match &entry.node {
                Node::File(found) | Node::Symlink(_, Some(found)) => {
                    Some(Line::Taken(*found, path.clone()))
                }
                Node::Text(text) => Some(Line::Own(text.len() as u64, path.clone())),
                Node::Directory(_) | Node::Symlink(_, None) => None,
            });
        let watched = plan
            .watched
            .iter()
            .map(|(path, found)| Line::Watched(*found, path.clone()));
        Self {
            inputs: inputs(selection),
            taken,
            tree: tree.to_string(),
            left_out: plan.left_out.clone(),
            lines: entries.chain(watched).collect(),
        }
    }

    /// Reads the record at `path`. `None` if there is none, or none that this version can use.
    ///
    /// # Errors
    ///
    /// When there is a file, and it cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Self::parse(&bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Whether the host is as it was when this was taken: every file that is in the tree, and all
    /// that the search for them depended on.
    pub fn is_unchanged(&self, root: &Path) -> bool {
        let watched = |line: &Line| match line {
            Line::Watched(found, path) => {
                *found == fs::metadata(path).ok().map(|now| Stamp::from(&now))
            }
            Line::Taken(..) | Line::Own(..) => true,
        };
        self.lines.iter().all(watched) && self.are_sources_unchanged(root)
    }

    /// Whether every file that is in the tree is as it was when this was taken.
    pub fn are_sources_unchanged(&self, root: &Path) -> bool {
        self.lines.iter().all(|line| match line {
            Line::Taken(found, path) => {
                let now = fs::symlink_metadata(outside(root, path));
                now.is_ok_and(|now| Stamp::from(&now) == *found)
            }
            Line::Watched(..) | Line::Own(..) => true,
        })
    }

    /// Whether [`Self::is_unchanged`] can be believed: nothing had changed so shortly before this
    /// was taken that it may have changed again and kept its times.
    pub fn is_settled(&self) -> bool {
        self.lines.iter().all(|line| match line {
            Line::Taken(found, _) | Line::Watched(Some(found), _) => {
                let changed = i128::from(found.ctime.0) * 1_000_000_000 + i128::from(found.ctime.1);
                changed + TICK_NS < self.taken
            }
            Line::Watched(None, _) | Line::Own(..) => true,
        })
    }

    /// Whether `tree` has every file, in its full length. Power lost during a build leaves empty
    /// ones; so may a hand that tidies up.
    pub fn is_whole(&self, tree: &Path) -> bool {
        self.lines.iter().all(|line| {
            let (size, path) = match line {
                Line::Taken(found, path) => (found.size, path),
                Line::Own(size, path) => (*size, path),
                Line::Watched(..) => return true,
            };
            fs::symlink_metadata(outside(tree, path)).is_ok_and(|found| found.len() == size)
        })
    }

    /// The record as text, one fact a line; a path comes last in its line.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self {
            inputs,
            taken,
            tree,
            left_out,
            lines,
        } = self;
        let mut bytes = format!("{HEADER}\n{inputs} {taken} {tree}\n").into_bytes();
        for tool in left_out {
            bytes.extend(format!("left-out {}\n", tool.replace('\n', " ")).as_bytes());
        }
        for line in lines {
            let (words, path) = match line {
                Line::Taken(found, path) => (format!("taken {found} "), path),
                Line::Own(size, path) => (format!("own {size} "), path),
                Line::Watched(Some(found), path) => (format!("watched {found} "), path),
                Line::Watched(None, path) => ("watched none ".to_string(), path),
            };
            bytes.extend(words.as_bytes());
            bytes.extend(path.as_os_str().as_bytes());
            bytes.push(b'\n');
        }
        bytes.extend(format!("{END}\n").as_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let body = bytes.strip_suffix(format!("\n{END}\n").as_bytes())?;
        let mut rows = body.split(|&byte| byte == b'\n');
        if rows.next()? != HEADER.as_bytes() {
            return None;
        }
        let mut first = std::str::from_utf8(rows.next()?).ok()?.split(' ');
        let mut manifest = Self {
            inputs: first.next()?.parse().ok()?,
            taken: first.next()?.parse().ok()?,
            tree: first.next()?.to_string(),
            left_out: Vec::new(),
            lines: Vec::new(),
        };
        // Whoever could write the manifest names no directory elsewhere by it.
        if !manifest.tree.starts_with("host-") || manifest.tree.contains('/') {
            return None;
        }
        for row in rows {
            if let Some(tool) = row.strip_prefix(b"left-out ") {
                manifest
                    .left_out
                    .push(String::from_utf8_lossy(tool).into_owned());
            } else {
                manifest.lines.push(Line::parse(row)?);
            }
        }
        Some(manifest)
    }
}

impl Line {
    fn parse(row: &[u8]) -> Option<Self> {
        let mut words = row.splitn(3, |&byte| byte == b' ');
        let kind = words.next()?;
        let value = std::str::from_utf8(words.next()?).ok()?;
        let path = PathBuf::from(std::ffi::OsString::from_vec(words.next()?.to_vec()));
        match (kind, value) {
            (b"taken", stamp) => Some(Self::Taken(stamp.parse().ok()?, path)),
            (b"own", size) => Some(Self::Own(size.parse().ok()?, path)),
            (b"watched", "none") => Some(Self::Watched(None, path)),
            (b"watched", stamp) => Some(Self::Watched(Some(stamp.parse().ok()?), path)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(nanoseconds: i64) -> Stamp {
        let time = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
        Stamp {
            dev: 1,
            ino: 2,
            mode: 0o100_755,
            size: 3,
            mtime: (0, 0),
            ctime: time,
        }
    }

    fn manifest(taken: i128, lines: Vec<Line>) -> Manifest {
        let (tree, left_out) = ("host-0".to_string(), vec!["nc (a b)".to_string()]);
        Manifest {
            inputs: u64::MAX,
            taken,
            tree,
            left_out,
            lines,
        }
    }

    #[test]
    fn a_manifest_survives_being_written_down() {
        let path = PathBuf::from(std::ffi::OsString::from_vec(b"/a b/\xff c".to_vec()));
        let lines = vec![
            Line::Taken(stamp(-5), path.clone()),
            Line::Own(0, path.clone()),
            Line::Watched(Some(stamp(i64::MAX)), path.clone()),
            Line::Watched(None, path),
        ];
        let manifest = manifest(-1, lines);
        assert_eq!(Manifest::parse(&manifest.to_bytes()), Some(manifest));
    }

    #[test]
    fn a_manifest_cut_short_anywhere_is_none() {
        let bytes = manifest(1, vec![Line::Own(1, "/x".into())]).to_bytes();
        for length in 0..bytes.len() {
            assert_eq!(Manifest::parse(&bytes[..length]), None);
        }
    }

    #[test]
    fn a_manifest_that_names_another_directory_is_none() {
        for tree in ["host-0/..", "../x", "x"] {
            let manifest = Manifest {
                tree: tree.to_string(),
                ..manifest(1, vec![])
            };
            assert_eq!(Manifest::parse(&manifest.to_bytes()), None);
        }
    }

    #[test]
    fn a_file_that_changed_within_a_tick_of_the_look_is_not_settled() {
        let at = |taken| manifest(taken, vec![Line::Taken(stamp(1_000_000_000), "/x".into())]);
        assert!(!at(1_000_000_000).is_settled());
        assert!(!at(1_000_000_000 + TICK_NS).is_settled());
        assert!(at(1_000_000_001 + TICK_NS).is_settled());
    }
}
