//! For how long the processes of a group had to wait: Documentation/accounting/psi.rst.

use std::path::Path;
use std::time::Duration;

use crate::cgroup::Cgroup;
use crate::file::read;

/// How short the group is of each resource.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pressure {
    /// Of processor time.
    pub cpu: Option<Stall>,
    /// Of memory.
    pub memory: Option<Stall>,
    /// Of disks.
    pub io: Option<Stall>,
}

/// Waiting for one resource.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stall {
    /// While at least one process waited.
    pub some: Share,
    /// While all of them did; not everywhere counted for processor time.
    pub full: Option<Share>,
}

/// A part of the time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Of the last 10 seconds, in percent.
    pub last_10_seconds: f64,
    /// Of the last minute, in percent.
    pub last_minute: f64,
    /// Of the last five minutes, in percent.
    pub last_5_minutes: f64,
    /// In all.
    pub total: Duration,
}

impl Cgroup {
    /// Reads how short the group is of each resource. Version 2 counts it where
    /// the kernel was built with it, for every group and without a controller;
    /// version 1 never does.
    pub fn pressure(&self) -> Pressure {
        of(self.paths().collect::<Vec<_>>().into_iter())
    }
}

/// Of a group: one directory, or one in each hierarchy of version 1.
pub(crate) fn of<'a>(groups: impl Iterator<Item = &'a Path> + Clone) -> Pressure {
    let of = |file| groups.clone().find_map(|group| stall(group, file));
    Pressure {
        cpu: of("cpu.pressure"),
        memory: of("memory.pressure"),
        io: of("io.pressure"),
    }
}

fn stall(group: &Path, file: &str) -> Option<Stall> {
    parse(&read(group, file).ok()?)
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and the same with `full`.
fn parse(text: &str) -> Option<Stall> {
    let share = |which: &str| {
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix(which))?;
        let value = |key: &str| {
            let mut words = line.split_whitespace();
            words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        };
        Some(Share {
            last_10_seconds: value("avg10")?.parse().ok()?,
            last_minute: value("avg60")?.parse().ok()?,
            last_5_minutes: value("avg300")?.parse().ok()?,
            total: Duration::from_micros(value("total")?.parse().ok()?),
        })
    };
    Some(Stall {
        some: share("some")?,
        full: share("full"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lines_are_read() {
        let some = "some avg10=1.50 avg60=0.25 avg300=0.00 total=20071";
        let found = parse(&format!(
            "{some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7"
        ));
        let found = found.expect("a stall");
        assert_eq!(found.some.last_10_seconds, 1.5);
        assert_eq!(found.some.total, Duration::from_micros(20071));
        assert_eq!(found.full.expect("full").total, Duration::from_micros(7));
        assert_eq!(parse(some).expect("some alone").full, None);
        assert_eq!(parse(""), None);
    }
}
