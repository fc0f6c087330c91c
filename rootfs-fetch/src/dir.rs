//! A root filesystem that is there already, as a directory.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Checks.
pub fn dir(path: &Path) -> Result<PathBuf> {
    path.canonicalize()
        .with_context(|| format!("finding {}", path.display()))
}
