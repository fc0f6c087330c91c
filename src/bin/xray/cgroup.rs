//! The control groups, with limits, use and pressure, of version 1 and 2.

use anyhow::Result;
use cgroups::{LimitsInForce, Membership, Pressure, Stall, Usage};
use nix::unistd::Pid;
use serde::Serialize;

use crate::table::{Table, commas};
use crate::target::Target;

/// The groups of the target, and what those that are not the host's hold and count.
#[derive(Debug, Serialize)]
pub struct Cgroup {
    /// One a hierarchy.
    pub groups: Vec<Group>,
    /// The limits of its own groups.
    pub limits: Limits,
    /// What its own groups have used.
    #[serde(rename = "use")]
    pub used: Used,
    /// The part of the last ten seconds for which some of its processes had to wait, in percent.
    pub pressure: Waiting,
}

/// One group.
#[derive(Debug, Serialize)]
pub struct Group {
    /// 1 or 2.
    pub version: u8,
    /// The controllers of its hierarchy.
    pub controllers: Vec<String>,
    /// Its path in the hierarchy.
    pub path: String,
    /// `xray` is in it, too.
    pub shared: bool,
}

/// Limits; none where there is none.
#[derive(Debug, Serialize)]
pub struct Limits {
    /// Bytes.
    pub memory: Option<u64>,
    /// Bytes of swap; in version 1 of memory and swap together.
    pub swap: Option<u64>,
    /// Thousandths of one processor.
    pub cpu_millis: Option<u64>,
    /// Its share beside other groups; 100 in version 2 and 1024 in version 1 if nothing was said.
    pub cpu_weight: Option<u64>,
    /// Which processors.
    pub cpuset: Option<String>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// The lines of io.max, or of the files of blkio.throttle.
    pub io: Vec<String>,
}

/// What was used; none where nobody counts it.
#[derive(Debug, Serialize)]
pub struct Used {
    /// Bytes now.
    pub memory: Option<u64>,
    /// The most bytes there have been.
    pub memory_peak: Option<u64>,
    /// Microseconds of processor time.
    pub cpu_usec: Option<u64>,
    /// Microseconds for which the limit made it wait.
    pub throttled_usec: Option<u64>,
    /// Processes and threads now.
    pub pids: Option<u64>,
    /// Bytes read from disks.
    pub read_bytes: u64,
    /// Bytes written to disks.
    pub written_bytes: u64,
}

/// Pressure stall information; none where the kernel does not count it.
#[derive(Debug, Serialize)]
pub struct Waiting {
    /// For a processor.
    pub cpu: Option<f64>,
    /// For memory.
    pub memory: Option<f64>,
    /// For a disk.
    pub io: Option<f64>,
}

/// Reads them.
pub fn of(target: &Target) -> Result<Cgroup> {
    let all = Membership::of(Pid::from_raw(target.pid))?;
    let host = Membership::of(Pid::this())?;
    let own = all.without(&host);
    let is_own = |path: &str, controllers: &[String]| {
        let mut groups = own.groups().iter();
        groups.any(|group| group.path == path && group.controllers == controllers)
    };
    let groups = all.groups().iter().map(|group| Group {
        version: if group.is_v2 { 2 } else { 1 },
        controllers: group.controllers.clone(),
        path: group.path.clone(),
        shared: !is_own(&group.path, &group.controllers),
    });
    Ok(Cgroup {
        groups: groups.collect(),
        limits: own.limits().into(),
        used: own.usage().into(),
        pressure: own.pressure().into(),
    })
}

impl From<LimitsInForce> for Limits {
    fn from(limits: LimitsInForce) -> Self {
        Self {
            memory: limits.memory.map(|bytes| bytes.0),
            swap: limits.swap.map(|bytes| bytes.0),
            cpu_millis: limits.cpus.map(|cpus| u64::from(cpus.0)),
            cpu_weight: limits.cpu_weight,
            cpuset: limits.cpuset,
            pids: limits.pids,
            io: limits.io,
        }
    }
}

impl From<Usage> for Used {
    fn from(usage: Usage) -> Self {
        let micros = |time: std::time::Duration| time.as_micros() as u64;
        Self {
            memory: usage.memory.map(|memory| memory.current.0),
            memory_peak: usage.memory.and_then(|memory| Some(memory.peak?.0)),
            cpu_usec: usage.cpu.map(|cpu| micros(cpu.total)),
            throttled_usec: usage.cpu.map(|cpu| micros(cpu.throttled)),
            pids: usage.pids,
            read_bytes: usage.disks.iter().map(|disk| disk.read_bytes).sum(),
            written_bytes: usage.disks.iter().map(|disk| disk.written_bytes).sum(),
        }
    }
}

impl From<Pressure> for Waiting {
    fn from(pressure: Pressure) -> Self {
        let some = |stall: Option<Stall>| stall.map(|stall| stall.some.last_10_seconds);
        Self {
            cpu: some(pressure.cpu),
            memory: some(pressure.memory),
            io: some(pressure.io),
        }
    }
}

impl Group {
    /// The names of its controllers; `version 2` where there are none.
    pub fn label(&self) -> String {
        match (self.version, self.controllers.is_empty()) {
            (2, true) => "version 2".into(),
            (2, false) => format!("version 2, {}", self.controllers.join(", ")),
            _ => self.controllers.join(","),
        }
    }
}

impl Cgroup {
    /// Whether a controller is one of version 1 here.
    fn has_v1(&self, controller: &str) -> bool {
        let mut groups = self.groups.iter().filter(|group| group.version == 1);
        groups.any(|group| group.controllers.iter().any(|name| name == controller))
    }

    /// The limits, in words.
    pub fn limits(&self) -> Vec<(&'static str, String)> {
        let limits = &self.limits;
        let bytes = |bytes: u64| cgroups::Bytes(bytes).to_string();
        let mut rows = Vec::new();
        let mut add = |name, value: Option<String>| rows.extend(value.map(|value| (name, value)));
        add("memory", limits.memory.map(bytes));
        let swap = if self.has_v1("memory") {
            "memory+swap"
        } else {
            "swap"
        };
        add(swap, limits.swap.map(bytes));
        add(
            "processors",
            limits
                .cpu_millis
                .map(|millis| (millis as f64 / 1000.0).to_string()),
        );
        add("weight", limits.cpu_weight.map(|weight| weight.to_string()));
        add("cpuset", limits.cpuset.clone());
        add("processes", limits.pids.map(|pids| pids.to_string()));
        for line in &limits.io {
            add("disk", Some(line.clone()));
        }
        rows
    }

    /// What was used, in words.
    pub fn used(&self) -> Vec<(&'static str, String)> {
        let used = &self.used;
        let bytes = |bytes: u64| cgroups::Bytes(bytes).to_string();
        let mut rows = Vec::new();
        let mut add = |name, value: Option<String>| rows.extend(value.map(|value| (name, value)));
        add("memory", used.memory.map(bytes));
        add(
            "processors",
            used.cpu_usec
                .map(|micros| format!("{:.3} s", micros as f64 / 1e6)),
        );
        add("processes", used.pids.map(|pids| pids.to_string()));
        if used.read_bytes + used.written_bytes > 0 {
            let text = format!(
                "{} read, {} written",
                bytes(used.read_bytes),
                bytes(used.written_bytes)
            );
            add("disk", Some(text));
        }
        rows
    }
}

/// Adds them to the table: its own with their paths, then limit beside use, then the rest.
pub fn show(cgroup: &Cgroup, table: &mut Table) {
    let (shared, own): (Vec<_>, Vec<_>) = cgroup.groups.iter().partition(|group| group.shared);
    for group in own {
        table.list(&group.label(), [group.path.clone()]);
    }
    if !shared.is_empty() {
        table.list(
            "the host's",
            commas(shared.iter().map(|group| group.label())),
        );
    }
    let (limits, used) = (cgroup.limits(), cgroup.used());
    if !limits.is_empty() || !used.is_empty() {
        table.columns("  ", "USE", "LIMIT");
    }
    let mut names: Vec<_> = used.iter().chain(&limits).map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let of = |rows: &[(&str, String)]| {
            let values = rows.iter().filter(|(other, _)| *other == name);
            values
                .map(|(_, value)| value.as_str())
                .collect::<Vec<_>>()
                .join("; ")
        };
        table.pair(name, &of(&used), &of(&limits));
    }
    let pressure = &cgroup.pressure;
    let waited = [
        ("cpu", pressure.cpu),
        ("memory", pressure.memory),
        ("io", pressure.io),
    ];
    let waited = waited
        .iter()
        .filter_map(|(name, percent)| Some(format!("{name} {:.2} %", (*percent)?)));
    let waited = commas(waited);
    if !waited.is_empty() {
        table.list("pressure", waited);
    }
}
