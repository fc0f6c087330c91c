//! Chapter 1: namespaces.
//!
//! A namespace gives the processes in it their own copy of something that is
//! otherwise one for the whole machine: the process IDs, the host name, the
//! System V message queues. clone3(2) makes them, by one flag each; what is
//! left to do is small, and here:
//!
//! - [`handshake`]: the child waits until the parent has prepared its world;
//! - [`UserNamespace`]: the right to make the others, for those who are not root;
//! - [`set_hostname`] and [`set_domainname`]: the two values of a UTS namespace;
//! - [`run_init`]: a real init as PID 1, and [`Insist`] for when there is none.

// For the starter: what the bodies will use is unused while they say todo!().
// Remove this line when you have written them.
#![allow(unused)]

mod handshake;
mod init;
mod insist;
mod remedies;
mod sys;
mod user;
mod uts;

pub use handshake::{Go, WaitForGo, handshake};
pub use init::run_init;
pub use insist::Insist;
pub use remedies::REMEDIES;
pub use user::UserNamespace;
pub use uts::{set_domainname, set_hostname};

use process::CloneFlags;

/// The namespaces of this chapter: process IDs, host name, System V IPC.
pub const FLAGS: CloneFlags = CloneFlags::empty();
