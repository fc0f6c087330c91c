//! Chapter 4: layers.
//!
//! An overlay file system shows several directories as one. The lower ones are
//! read and never written, so any number of containers can share them. All
//! that a container changes goes to the upper one: a file is copied there just
//! before it is first written to, and a deleted one leaves a mark.
//!
//! - [`LayerFlags`]: which directories, as the command line has them;
//! - [`Layers`]: the directories of one container, checked, and the upper one made;
//! - [`Layers::mount`]: the step of the child: many directories become one root;
//! - [`Layers::changes`]: the upper directory read back: added, changed, deleted;
//! - [`Driver`]: overlay, or a plain copy where overlay cannot be had.

mod changes;
mod copy;
mod flags;
mod layers;
mod lower;
mod many;
mod mount;
mod prune;
mod remedies;
mod remove;
mod scratch;
mod sys;
mod vfs;
mod whiteout;

pub use changes::{Change, Kind};
pub use flags::{Driver, LayerFlags};
pub use layers::Layers;
pub use prune::{free_places, remove_free_places};
pub use remedies::REMEDIES;
