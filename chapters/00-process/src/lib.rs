//! Chapter 0: a process.
//!
//! A container is a process. So this crate starts one, and looks after it:
//! [`spawn`] makes the child, [`Program::exec`] turns the child into the
//! command, and [`Child::wait`] passes signals on and takes the exit status
//! back. Every later chapter gives [`spawn`] more flags and the child more
//! steps to take; nothing here changes.

mod diagnose;
mod error;
mod exec;
mod remedies;
mod report;
mod signals;
mod spawn;
mod status;
mod sys;
mod wait;

pub use error::{Remedy, SysError, SysResult, advice, fail, sudo_line};
pub use exec::Program;
pub use remedies::REMEDIES;
pub use report::Parent;
pub use signals::Received;
pub use spawn::{spawn, spawn_into};
pub use status::Status;
pub use sys::{CloneFlags, exit_now};
pub use wait::Child;
