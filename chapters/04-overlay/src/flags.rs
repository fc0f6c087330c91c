//! The layers as the command line has them.

use std::path::PathBuf;

/// The flags that ask for layers.
// ANCHOR: flags
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LayerFlags {
    /// A read-only layer over the root filesystem; of several, the topmost first
    #[arg(long, value_name = "DIR")]
    pub lower: Vec<PathBuf>,
    /// Keep the changes in this directory [default: they end with the container]
    #[arg(long, value_name = "DIR")]
    pub upper: Option<PathBuf>,
    /// Print what was changed, when the command has ended
    #[arg(long)]
    pub diff: bool,
    /// How the layers become one directory
    #[arg(long, value_name = "NAME", value_enum, default_value_t)]
    pub storage_driver: Driver,
}
// ANCHOR_END: flags

/// How the layers become one directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Driver {
    /// An overlay mount: nothing is copied before it is written to
    #[default]
    Overlay,
    /// A plain copy of everything: slow, and works on any file system
    Vfs,
}
