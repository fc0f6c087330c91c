//! The units of the command line. What is wrong with a value is said here, before anything is made.

mod cpu;
mod io;
mod memory;
mod pids;

pub use cpu::{CpuSet, CpuShares, Cpus};
pub use io::{BytesPerSecond, Disk, DiskRate, IoWeight, OperationsPerSecond};
pub use memory::{Bytes, MemorySwap};
pub use pids::Pids;
