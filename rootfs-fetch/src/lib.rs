//! Where a root filesystem comes from.
//!
//! A container needs a tree of files to stand on: a shell, a few tools, the loader and the
//! libraries they name. [`host()`] cuts such a tree from this machine's own files, so it works with
//! no network, on any distribution and any architecture. [`dir()`] takes a tree that is there.
//!
//! What an image really contains is no more than this: programs, the files their ELF headers
//! name, a few files under `/etc`, and empty directories to mount on.

pub mod copy;
pub mod dir;
pub mod directories;
pub mod elf;
pub mod host;
pub mod machine;
pub mod walk;

pub use dir::dir;
pub use directories::Directories;
pub use host::{Rootfs, host};
