//! Disks.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};
use nix::sys::stat::{SFlag, major, minor, stat};
use process::SysResult;

use crate::units::memory::in_powers_of_1024;

/// A share of the disk's time beside other groups: 1 to 10000, and 100 if nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoWeight(pub u32);

impl FromStr for IoWeight {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number: u32 = text.parse().ok().context("a whole number is expected")?;
        ensure!(
            (1..=10_000).contains(&number),
            "an I/O weight is from 1 to 10000"
        );
        Ok(Self(number))
    }
}

/// A whole disk, by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Which driver.
    pub major: u64,
    /// Which of its disks.
    pub minor: u64,
}

impl Disk {
    /// The disk behind a device node.
    ///
    /// # Errors
    /// When there is none at `path`, or it is a part of a disk: the kernel
    /// slows down whole disks only.
    pub fn at(path: &Path) -> Result<Self> {
        let found = stat(path).syscall("stat", || format!("{path:?}"))?;
        let kind = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT;
        ensure!(kind == SFlag::S_IFBLK, "{path:?} is no disk");
        let disk = Self {
            major: major(found.st_rdev),
            minor: minor(found.st_rdev),
        };
        // sysfs has this file for parts alone.
        let is_part = Path::new("/sys/dev/block").join(disk.to_string());
        ensure!(
            !is_part.join("partition").exists(),
            "{path:?} is a part of a disk, and only whole disks can be held to a rate"
        );
        Ok(disk)
    }
}

/// As the kernel's files have it: `8:0`.
impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

impl FromStr for Disk {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (major, minor) = text
            .split_once(':')
            .context("two numbers are expected, as in 8:0")?;
        Ok(Self {
            major: major.parse()?,
            minor: minor.parse()?,
        })
    }
}

/// How fast one disk may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskRate<R> {
    /// The disk.
    pub disk: Disk,
    /// How much in a second.
    pub rate: R,
}

/// `PATH:RATE`, as in Docker.
impl<R: FromStr<Err = Error>> FromStr for DiskRate<R> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (path, rate) = text
            .rsplit_once(':')
            .context("a disk and a rate are expected, as in /dev/sda:1M")?;
        Ok(Self {
            rate: rate.parse()?,
            disk: Disk::at(Path::new(path))?,
        })
    }
}

/// Bytes read or written in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BytesPerSecond(pub u64);

impl FromStr for BytesPerSecond {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bytes = in_powers_of_1024(text)?;
        ensure!(bytes > 0, "a rate of 0 would stop the command for ever");
        Ok(Self(bytes))
    }
}

/// Reads or writes in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationsPerSecond(pub u32);

impl FromStr for OperationsPerSecond {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number: u32 = text
            .parse()
            .ok()
            .context("a whole number of operations is expected, below 2^32")?;
        ensure!(number > 0, "a rate of 0 would stop the command for ever");
        Ok(Self(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_for_a_disk_and_not_0() {
        let error = |text: &str| match text.parse::<DiskRate<BytesPerSecond>>() {
            Ok(rate) => panic!("{text} is {rate:?}"),
            Err(error) => format!("{error:#}"),
        };
        assert!(error("/dev/null:1M").contains("is no disk"));
        assert!(error("/nowhere:1M").contains("ENOENT"));
        assert!(error("/dev/null").contains("as in /dev/sda:1M"));
        assert!(error("/dev/null:0").contains("for ever"));
        assert!(error("/dev/null:1Q").contains("no unit"));
        for bad in ["-1", "0", "4294967296", "1k"] {
            assert!(bad.parse::<OperationsPerSecond>().is_err(), "{bad}");
        }
    }
}
