//! A directory or file of the host's, mounted into the container.

use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::mount_point;
use crate::pivot_root::HostTree;
use crate::sys::DetachedMount;

/// One `--volume SRC:DST[:ro]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    source: PathBuf,
    target: PathBuf,
    read_only: bool,
}

impl FromStr for Volume {
    type Err = anyhow::Error;

    /// The source must be there. Symbolic links in it are followed now, on the host.
    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.split(':');
        let (Some(source), Some(target)) = (parts.next(), parts.next()) else {
            bail!("SRC:DST is expected, or SRC:DST:ro");
        };
        let read_only = match parts.next() {
            None | Some("rw") => false,
            Some("ro") => true,
            Some(option) => bail!("unknown option {option:?}: ro and rw are known"),
        };
        ensure!(
            parts.next().is_none(),
            "too many colons: SRC:DST:ro is expected"
        );
        let target = PathBuf::from(target);
        ensure!(
            target.is_absolute(),
            "the place inside, {target:?}, is not an absolute path"
        );
        ensure!(
            target.components().count() > 1,
            "the place inside cannot be the root directory itself"
        );
        let source = fs::canonicalize(source)
            .map_err(|error| anyhow!("the source {source:?} cannot be used: {error}"))?;
        Ok(Self {
            source,
            target,
            read_only,
        })
    }
}

impl Volume {
    /// Its place, relative to the root of the container.
    pub(crate) fn inside(&self) -> PathBuf {
        let inside = self.target.components();
        inside
            .filter(|part| matches!(part, Component::Normal(_)))
            .collect()
    }
}

/// A volume taken from the host's tree, and not yet attached to the container's.
#[must_use = "a volume that is not attached is not there"]
pub struct TakenVolume<'a> {
    volume: &'a Volume,
    tree: DetachedMount,
}

// ANCHOR: volume
impl HostTree {
    /// Copies the mounts of the volumes, while the host's tree can still be reached.
    ///
    /// # Errors
    /// When a source is gone.
    pub fn take<'a>(&self, volumes: &'a [Volume]) -> Result<Vec<TakenVolume<'a>>> {
        let take = |volume: &'a Volume| {
            let tree = self.open_tree(&volume.source)?;
            if volume.read_only {
                tree.set(libc::MOUNT_ATTR_RDONLY)?;
            }
            Ok(TakenVolume { volume, tree })
        };
        volumes.iter().map(take).collect()
    }
}

impl TakenVolume<'_> {
    /// Attaches it, once the host's tree is gone: then no symbolic link in the
    /// root filesystem, and no "..", can lead the mount out of it.
    ///
    /// # Errors
    /// When its mount point cannot be made, or is of the other kind.
    pub fn attach(self) -> Result<()> {
        let target = &self.volume.target;
        self.tree
            .is_directory()
            .and_then(|is_directory| mount_point::like(is_directory, target))
            .and_then(|()| self.tree.attach(target))
            .with_context(|| format!("mounting the volume {}", self.volume))
    }
}
// ANCHOR_END: volume

impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = if self.read_only { ":ro" } else { "" };
        write!(
            f,
            "{}:{}{option}",
            self.source.display(),
            Path::display(&self.target)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        format!("{:#}", text.parse::<Volume>().unwrap_err())
    }

    #[test]
    fn a_volume_is_read_as_docker_reads_it() {
        let volume: Volume = "/tmp:/data".parse().unwrap();
        assert!(!volume.read_only);
        assert_eq!(
            volume.to_string(),
            format!("{}:/data", fs::canonicalize("/tmp").unwrap().display())
        );
        assert!("/tmp:/data:ro".parse::<Volume>().unwrap().read_only);
    }

    #[test]
    fn a_bad_volume_is_refused_with_its_reason() {
        assert!(problem("/tmp").contains("SRC:DST is expected"));
        assert!(problem("/tmp:data").contains("not an absolute path"));
        assert!(problem("/tmp:/").contains("root directory itself"));
        assert!(problem("/tmp:/x:z").contains("unknown option \"z\""));
        assert!(problem("/tmp:/x:ro:y").contains("too many colons"));
        assert!(problem("/not-there:/x").contains("No such file"));
        assert!(problem(":/x").contains("No such file"));
    }
}
