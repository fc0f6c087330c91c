//! Processors, and their time.

use std::fs;
use std::ops::RangeInclusive;
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};
use nix::unistd::{SysconfVar, sysconf};

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
        // Not what this process may use: that can be less, in a group of its own.
        if let Ok(Some(there)) = sysconf(SysconfVar::_NPROCESSORS_ONLN) {
            ensure!(
                number <= there as f64,
                "this machine has {there} processors"
            );
        }
        Ok(Self((number * 1000.0).round() as u32))
    }
}

/// Processors by number, as in `0-1,3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuSet(pub String);

impl FromStr for CpuSet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wanted = ranges(text)?;
        // Version 2 takes a processor that is not there, and never uses it.
        if let Ok(online) = fs::read_to_string("/sys/devices/system/cpu/online") {
            let there = ranges(online.trim())?;
            let is_there = |number| there.iter().any(|range| range.contains(&number));
            ensure!(
                wanted.iter().cloned().flatten().all(is_there),
                "this machine has the processors {}",
                online.trim()
            );
        }
        Ok(Self(text.to_owned()))
    }
}

/// The list format of cpuset(7).
fn ranges(text: &str) -> Result<Vec<RangeInclusive<u32>>> {
    let number = |text: &str| {
        text.parse::<u32>()
            .ok()
            .context("processors are numbers and ranges, as in 0-1,3")
    };
    let range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (number(first)?, number(last)?);
        ensure!(first <= last, "the range {range} is the wrong way round");
        Ok(first..=last)
    };
    text.split(',').map(range).collect()
}

/// A share of the processor's time beside other groups, as Docker counts it:
/// 2 to 262144, and 1024 if nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuShares(pub u32);

impl CpuShares {
    // ANCHOR: weight
    /// The same on version 2's scale of 1 to 10000, where the default is 100.
    ///
    /// The curve goes through the least, the greatest and the default of both
    /// scales: `ConvertCPUSharesToCgroupV2Value` of opencontainers/cgroups,
    /// which runc uses since its version 1.3.2.
    pub fn weight(self) -> u32 {
        let log = f64::from(self.0).log2();
        let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
        // Rounding errors must not lift 100 to 101.
        (10_f64.powf(exponent) - 1e-9).ceil().clamp(1.0, 10_000.0) as u32
    }
    // ANCHOR_END: weight
}

impl FromStr for CpuShares {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number: u32 = text.parse().ok().context("a whole number is expected")?;
        ensure!(
            (2..=262_144).contains(&number),
            "processor shares are from 2 to 262144"
        );
        Ok(Self(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(ranges(good).is_ok(), "{good}");
        }
        for bad in ["", "1-0", "a", "0-", "0,,1", "-1"] {
            assert!(ranges(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_ends_and_the_default_of_both_scales_of_shares_meet() {
        let weight = |shares: &str| shares.parse::<CpuShares>().unwrap().weight();
        assert_eq!(weight("2"), 1);
        assert_eq!(weight("1024"), 100);
        // As runc 1.3.2 and 1.4 have it: its issue 4896.
        assert_eq!(weight("2000"), 170);
        assert_eq!(weight("262144"), 10_000);
        for bad in ["0", "1", "262145", "-2", "x"] {
            assert!(bad.parse::<CpuShares>().is_err(), "{bad}");
        }
    }
}
