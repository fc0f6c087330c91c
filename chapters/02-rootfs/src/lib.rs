//! Chapter 2: a root filesystem.
//!
//! In a mount namespace of its own, a process may rearrange the tree of mounts
//! and nobody else sees it. So the child makes a directory the root of its
//! tree, mounts the kernel's own file systems into it, and lets go of the
//! host's tree. The steps, in the order that the child takes them:
//!
//! 1. [`make_private`]: no mount made from here on reaches the host;
//! 2. [`Root::pivot`]: the directory becomes `/`, the host's tree a [`HostTree`];
//! 3. [`mount_proc`], [`mount_dev`], [`mount_sys`]: the kernel's own file systems;
//! 4. [`protect_kernel_paths`]: what no container should read or write in them;
//! 5. [`mount_scratch`]: places to write to, on a shared root filesystem;
//! 6. [`HostTree::take`]: the volumes, by descriptor;
//! 7. [`HostTree::detach`]: the host's tree is gone;
//! 8. [`TakenVolume::attach`]: the volumes, where they belong.
//!
//! The parent keeps [`MountPoints`] meanwhile, and so leaves the directory as it was.

mod dev;
mod environment;
mod mount;
mod mount_point;
mod pivot_root;
mod proc;
mod remedies;
mod sys;
mod sysfs;
mod volume;

pub use dev::mount_dev;
pub use environment::environment;
pub use mount::{make_private, mount_scratch};
pub use mount_point::MountPoints;
pub use pivot_root::{HostTree, Root};
pub use proc::{mount_proc, protect_kernel_paths};
pub use remedies::REMEDIES;
pub use sysfs::mount_sys;
pub use volume::{TakenVolume, Volume};

use process::CloneFlags;

// ANCHOR: flag
/// The namespace of this chapter: the tree of mounts. "NEWNS", because it was the first kind.
pub const FLAG: CloneFlags = CloneFlags::CLONE_NEWNS;
// ANCHOR_END: flag
