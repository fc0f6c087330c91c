//! The marks that overlay leaves in an upper directory: overlayfs.rst,
//! "whiteouts and opaque directories".

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// The name of the mark on an opaque directory, where root mounted and where a
/// user namespace did.
const OPAQUE: [&str; 2] = ["trusted.overlay.opaque", "user.overlay.opaque"];

// ANCHOR: marks
/// Deleted: a character device 0/0 stands where the file was.
pub(crate) fn is(found: &Metadata) -> bool {
    found.file_type().is_char_device() && found.rdev() == 0
}

/// Opaque: nothing of the directory in the layers below is seen.
pub(crate) fn is_opaque(directory: &Path) -> bool {
    OPAQUE
        .iter()
        .any(|name| matches!(xattr::get(directory, name), Ok(Some(value)) if value == b"y"))
}
// ANCHOR_END: marks

/// Whether an extended attribute is overlay's own, and no part of the file.
pub(crate) fn is_overlays_own(name: &str) -> bool {
    name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.")
}
