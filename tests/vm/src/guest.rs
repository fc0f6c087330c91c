//! The inside of the machine: what its first process does.
//!
//! [`boot`] stands on the initramfs and leads to the disk. From there [`session`] goes on: it makes
//! what a distribution's own init would have made ([`mounts`], [`cgroup`], [`learner`]), runs the
//! script, and powers off ([`power`]).

pub mod boot;
pub mod cgroup;
pub mod learner;
pub mod mounts;
pub mod power;
pub mod session;
mod sys;
