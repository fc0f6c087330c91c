//! The units of the command line. What is wrong with a value is said here, before anything is made.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail, ensure};

/// An amount of memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    /// Below this a command is killed before it has begun. Docker's is the same.
    const LEAST: u64 = 6 << 20;
}

impl FromStr for Bytes {
    type Err = Error;

    // ANCHOR: bytes
    /// As Docker reads it: a whole number, and b, k, m or g for powers of 1024.
    fn from_str(text: &str) -> Result<Self> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 10,
            "m" | "mb" | "mib" => 20,
            "g" | "gb" | "gib" => 30,
            "t" | "tb" | "tib" => 40,
            unit => bail!("{unit:?} is no unit: b, k, m, g and t are known, as in 64M"),
        };
        let number: u64 = digits
            .parse()
            .ok()
            .context("a whole number is expected, and a unit, as in 64M")?;
        let bytes = number
            .checked_mul(1 << shift)
            .context("that is more than 2^64 bytes")?;
        ensure!(
            bytes >= Self::LEAST,
            "the smallest limit is {}: less leaves no room for a process to start",
            Self(Self::LEAST)
        );
        Ok(Self(bytes))
    }
    // ANCHOR_END: bytes
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units.iter().find(|(size, _)| self.0 >= *size) {
            Some((size, unit)) if self.0.is_multiple_of(*size) => {
                write!(f, "{} {unit}", self.0 / size)
            }
            Some((size, unit)) => write!(f, "{:.1} {unit}", self.0 as f64 / *size as f64),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

/// Processor time, in thousandths of one processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpus(pub u32);

impl Cpus {
    /// The length of a period, in microseconds: the kernel's own default.
    pub const PERIOD: u64 = 100_000;

    /// How much of each period the group may run for, in microseconds.
    pub fn quota(self) -> u64 {
        u64::from(self.0) * Self::PERIOD / 1000
    }
}

impl FromStr for Cpus {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number: f64 = text
            .parse()
            .ok()
            .context("a number of processors is expected, as in 0.5")?;
        ensure!(
            number.is_finite() && number > 0.0,
            "the number of processors must be more than 0"
        );
        // cpu.cfs_quota_us: at least a millisecond a period.
        ensure!(number >= 0.01, "the smallest share is 0.01 of a processor");
        let there = std::thread::available_parallelism().map_or(usize::MAX, usize::from);
        ensure!(
            number <= there as f64,
            "this machine has {there} processors"
        );
        Ok(Self((number * 1000.0).round() as u32))
    }
}

/// How many processes and threads there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pids(pub u32);

impl FromStr for Pids {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number: u32 = text
            .parse()
            .ok()
            .context("a whole number of processes is expected")?;
        ensure!(
            number > 0,
            "with no process at all, the command could not start"
        );
        // The kernel's PID_MAX_LIMIT, on 64-bit machines.
        ensure!(
            number <= 4_194_304,
            "the kernel has at most 4194304 processes"
        );
        Ok(Self(number))
    }
}

/// Processors by number, as in `0-1,3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuSet(pub String);

impl FromStr for CpuSet {
    type Err = Error;

    /// The list format of cpuset(7).
    fn from_str(text: &str) -> Result<Self> {
        for range in text.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let number = |text: &str| {
                text.parse::<u32>()
                    .ok()
                    .context("processors are numbers and ranges, as in 0-1,3")
            };
            ensure!(
                number(first)? <= number(last)?,
                "the range {range} is the wrong way round"
            );
        }
        Ok(Self(text.to_owned()))
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_powers_of_1024() {
        let bytes = |text: &str| text.parse::<Bytes>().map(|bytes| bytes.0).ok();
        assert_eq!(bytes("8388608"), Some(8 << 20));
        assert_eq!(bytes("64M"), Some(64 << 20));
        assert_eq!(bytes("1g"), Some(1 << 30));
        assert_eq!(bytes("8192KiB"), Some(8 << 20));
        for bad in [
            "",
            "M",
            "-1M",
            "1.5G",
            "12x",
            "0",
            "99999999999999999999",
            "16777216T",
            "64 M",
        ] {
            assert_eq!(bytes(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn memory_is_printed_in_the_largest_unit() {
        assert_eq!(Bytes(64 << 20).to_string(), "64 MiB");
        assert_eq!(Bytes(1536 << 10).to_string(), "1.5 MiB");
        assert_eq!(Bytes(100).to_string(), "100 bytes");
    }

    #[test]
    fn a_share_of_a_processor_becomes_a_quota() {
        assert_eq!("0.5".parse::<Cpus>().unwrap().quota(), 50_000);
        assert_eq!("1".parse::<Cpus>().unwrap().quota(), 100_000);
        for bad in ["0", "-1", "x", "NaN", "inf", "1e9", "0.001"] {
            assert!(bad.parse::<Cpus>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_set_of_processors_is_a_list_of_ranges() {
        for good in ["0", "0-1", "0,2-3"] {
            assert!(good.parse::<CpuSet>().is_ok(), "{good}");
        }
        for bad in ["", "1-0", "a", "0-", "0,,1", "-1"] {
            assert!(bad.parse::<CpuSet>().is_err(), "{bad}");
        }
    }
}
