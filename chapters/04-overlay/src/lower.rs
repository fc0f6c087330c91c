//! The read-only layers, and where one of them has a path.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use process::SysResult;

use crate::whiteout;

/// fs/overlayfs/params.h, `OVL_MAX_STACK`.
const STACK_MAX: usize = 500;

/// The lower directories, the topmost first. None is inside another.
#[derive(Debug)]
pub(crate) struct Lowers(Vec<PathBuf>);

impl Lowers {
    /// Checks them before there is a child: each is a directory, there once.
    pub(crate) fn new<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<Self> {
        let paths: Vec<_> = paths.map(directory).collect::<Result<_>>()?;
        for (index, path) in paths.iter().enumerate() {
            for other in &paths[..index] {
                apart("layer", path, "layer", other)?;
            }
        }
        Ok(Self(paths))
    }

    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.0
    }

    pub(crate) fn check_count(&self) -> Result<()> {
        let count = self.0.len();
        ensure!(
            count <= STACK_MAX,
            "{count} layers are too many: overlay stacks {STACK_MAX}"
        );
        Ok(())
    }

    pub(crate) fn are_apart_from(&self, upper: &Path) -> Result<()> {
        let apart = |path: &PathBuf| apart("layer", path, "upper directory", upper);
        self.0.iter().try_for_each(apart)
    }

    pub(crate) fn topmost(&self) -> &Path {
        &self.0[0]
    }

    /// What is at `path`, relative to the root, when all layers are looked at
    /// from the top down. A whiteout ends the search, and so does a layer in
    /// which the directory is opaque, or is no directory.
    // ANCHOR: lookup
    pub(crate) fn find(&self, path: &Path) -> Option<(PathBuf, Metadata)> {
        for layer in &self.0 {
            let here = layer.join(path);
            if let Ok(found) = fs::symlink_metadata(&here) {
                return (!whiteout::is(&found)).then_some((here, found));
            }
            if hides_what_is_below(layer, path) {
                return None;
            }
        }
        None
    }
    // ANCHOR_END: lookup
}

/// Whether something on the way to `path` in this layer covers the layers below it.
fn hides_what_is_below(layer: &Path, path: &Path) -> bool {
    let mut here = layer.to_owned();
    for part in path.parent().into_iter().flat_map(Path::components) {
        here.push(part);
        match fs::symlink_metadata(&here) {
            Ok(found) if !found.is_dir() || whiteout::is_opaque(&here) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    false
}

/// The path of a directory that is there, without symbolic links.
fn directory(path: &Path) -> Result<PathBuf> {
    let absolute = fs::canonicalize(path)
        .syscall("realpath", || format!("{path:?}"))
        .with_context(|| format!("the layer {path:?} cannot be used"))?;
    ensure!(absolute.is_dir(), "the layer {path:?} is not a directory");
    Ok(absolute)
}

/// overlayfs.rst: what happens when one layer is part of another is undefined.
fn apart(kind: &str, path: &Path, other_kind: &str, other: &Path) -> Result<()> {
    ensure!(
        path != other,
        "the {kind} {path:?} and the {other_kind} are the same directory"
    );
    for ((inner_kind, inner), (outer_kind, outer)) in [
        ((kind, path), (other_kind, other)),
        ((other_kind, other), (kind, path)),
    ] {
        ensure!(
            !inner.starts_with(outer),
            "the {inner_kind} {inner:?} is inside the {outer_kind} {outer:?}"
        );
    }
    Ok(())
}
