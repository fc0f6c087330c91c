//! What a container may use.

use anyhow::{Result, ensure};

use crate::controller::Controller;
use crate::devices::DeviceRule;
use crate::units::{
    Bytes, BytesPerSecond, CpuSet, CpuShares, Cpus, Disk, DiskRate, IoWeight, MemorySwap,
    OperationsPerSecond, Pids,
};

/// Limits of one container, and the flags that ask for them. `None` leaves the
/// group as it is: without a limit of its own.
// ANCHOR: limits
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct Limits {
    /// Memory, as in 64M; swap is not given
    #[arg(long, value_name = "BYTES")]
    pub memory: Option<Bytes>,
    /// Memory and swap together; -1 for as much swap as there is
    #[arg(
        long,
        value_name = "BYTES",
        requires = "memory",
        allow_negative_numbers = true
    )]
    pub memory_swap: Option<MemorySwap>,
    /// Memory that is taken away last
    #[arg(long, value_name = "BYTES")]
    pub memory_reservation: Option<Bytes>,
    /// Processor time, as in 0.5
    #[arg(long, value_name = "NUMBER")]
    pub cpus: Option<Cpus>,
    /// Share of the processors' time beside others, 2 to 262144 [default: 1024]
    #[arg(long, value_name = "NUMBER")]
    pub cpu_shares: Option<CpuShares>,
    /// Which processors, as in 0-1,3
    #[arg(long, value_name = "LIST")]
    pub cpuset: Option<CpuSet>,
    /// How many processes and threads
    #[arg(long, value_name = "NUMBER")]
    pub pids: Option<Pids>,
    /// What is asked of disks.
    #[command(flatten)]
    pub io: IoLimits,
    /// Devices that may be used, beside the usual ones: as in 'c 10:229 rwm'
    #[arg(long, value_name = "RULE")]
    pub device_cgroup_rule: Vec<DeviceRule>,
}
// ANCHOR_END: limits

/// Limits on disks. The rates may be given once for each disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct IoLimits {
    /// Share of the disk's time beside others, 1 to 10000
    #[arg(long, value_name = "NUMBER")]
    pub io_weight: Option<IoWeight>,
    /// Bytes read from a disk in a second, as in /dev/sda:1M
    #[arg(long, value_name = "DISK:BYTES")]
    pub device_read_bps: Vec<DiskRate<BytesPerSecond>>,
    /// Bytes written to a disk in a second
    #[arg(long, value_name = "DISK:BYTES")]
    pub device_write_bps: Vec<DiskRate<BytesPerSecond>>,
    /// Reads from a disk in a second, as in /dev/sda:100
    #[arg(long, value_name = "DISK:NUMBER")]
    pub device_read_iops: Vec<DiskRate<OperationsPerSecond>>,
    /// Writes to a disk in a second
    #[arg(long, value_name = "DISK:NUMBER")]
    pub device_write_iops: Vec<DiskRate<OperationsPerSecond>>,
}

impl Limits {
    /// The controllers that these limits need, each with the first flag that asks for it.
    pub fn controllers(&self) -> Vec<(Controller, &'static str)> {
        let io = &self.io;
        let asked = [
            (self.memory.is_some(), Controller::Memory, "--memory"),
            (
                self.memory_reservation.is_some(),
                Controller::Memory,
                "--memory-reservation",
            ),
            (self.cpus.is_some(), Controller::Cpu, "--cpus"),
            (self.cpu_shares.is_some(), Controller::Cpu, "--cpu-shares"),
            (self.cpuset.is_some(), Controller::Cpuset, "--cpuset"),
            (self.pids.is_some(), Controller::Pids, "--pids"),
            (io.io_weight.is_some(), Controller::Io, "--io-weight"),
            (
                !io.device_read_bps.is_empty(),
                Controller::Io,
                "--device-read-bps",
            ),
            (
                !io.device_write_bps.is_empty(),
                Controller::Io,
                "--device-write-bps",
            ),
            (
                !io.device_read_iops.is_empty(),
                Controller::Io,
                "--device-read-iops",
            ),
            (
                !io.device_write_iops.is_empty(),
                Controller::Io,
                "--device-write-iops",
            ),
        ];
        let mut controllers: Vec<_> = asked
            .into_iter()
            .filter(|(asked, ..)| *asked)
            .map(|(_, controller, flag)| (controller, flag))
            .collect();
        controllers.dedup_by_key(|(controller, _)| *controller);
        controllers
    }

    /// Holds that the limits fit together. What is wrong with one of them alone
    /// was found when it was read.
    pub(crate) fn check(&self) -> Result<()> {
        if let (Some(memory), Some(MemorySwap::Total(total))) = (self.memory, self.memory_swap) {
            ensure!(
                total >= memory,
                "--memory-swap is memory and swap together: {total} is less than --memory, {memory}"
            );
        }
        if let (Some(memory), Some(reserved)) = (self.memory, self.memory_reservation) {
            ensure!(
                reserved <= memory,
                "--memory-reservation is {reserved}, and more than --memory, {memory}"
            );
        }
        Ok(())
    }
}

/// What is said where swap cannot be held to a limit.
pub(crate) const UNCOUNTED_SWAP: &str =
    "--memory-swap: the kernel of this machine does not count swap for a group";

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RateOf {
    ReadBytes,
    WrittenBytes,
    Reads,
    Writes,
}

impl RateOf {
    /// Its key in `io.max`.
    pub(crate) fn v2_name(self) -> &'static str {
        match self {
            RateOf::ReadBytes => "rbps",
            RateOf::WrittenBytes => "wbps",
            RateOf::Reads => "riops",
            RateOf::Writes => "wiops",
        }
    }

    /// Its file's name, after `blkio.throttle.`.
    pub(crate) fn v1_name(self) -> &'static str {
        match self {
            RateOf::ReadBytes => "read_bps_device",
            RateOf::WrittenBytes => "write_bps_device",
            RateOf::Reads => "read_iops_device",
            RateOf::Writes => "write_iops_device",
        }
    }
}

impl IoLimits {
    /// Every rate that is asked for.
    pub(crate) fn rates(&self) -> impl Iterator<Item = (RateOf, Disk, u64)> {
        let bytes = [
            (RateOf::ReadBytes, &self.device_read_bps),
            (RateOf::WrittenBytes, &self.device_write_bps),
        ];
        let operations = [
            (RateOf::Reads, &self.device_read_iops),
            (RateOf::Writes, &self.device_write_iops),
        ];
        let bytes = bytes
            .into_iter()
            .flat_map(|(of, rates)| rates.iter().map(move |one| (of, one.disk, one.rate.0)));
        let operations = operations.into_iter().flat_map(|(of, rates)| {
            let rate = move |one: &DiskRate<OperationsPerSecond>| (of, one.disk, one.rate.0.into());
            rates.iter().map(rate)
        });
        bytes.chain(operations)
    }
}
