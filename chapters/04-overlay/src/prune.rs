//! What stands between runs, and what runtimes left that were killed.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::scratch::Scratch;

/// The places for changes below `data` that no container has: each may have
/// the changes of a runtime in it that was killed.
pub fn free_places(data: &Path) -> Vec<PathBuf> {
    let free = Scratch::free(&data.join("overlay"));
    let paths = free.iter().map(|place| place.path().to_owned()).collect();
    // To look must not remove.
    free.into_iter().for_each(Scratch::leave);
    paths
}

/// Removes them.
///
/// # Errors
/// When one cannot be removed.
pub fn remove_free_places(data: &Path) -> Result<()> {
    let free = Scratch::free(&data.join("overlay"));
    free.into_iter().try_for_each(Scratch::remove)
}
