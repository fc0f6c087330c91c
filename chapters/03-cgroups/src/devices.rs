//! Which devices the processes of a group may use.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail, ensure};
use caps::{CapSet, Capability};
use process::SysResult;

/// A disk, or anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// It is read and written in blocks: a disk.
    Block,
    /// All others: terminals, /dev/null.
    Character,
}

/// What may be done with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Read from it.
    pub read: bool,
    /// Write to it.
    pub write: bool,
    /// Make a node of it, with mknod(2).
    pub mknod: bool,
}

/// Allows some access to some devices. `None` stands for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceRule {
    /// Which kind.
    pub kind: Option<DeviceKind>,
    /// Which driver.
    pub major: Option<u32>,
    /// Which of its devices.
    pub minor: Option<u32>,
    /// What is allowed.
    pub access: Access,
}

/// Whether root inside could reach the host's devices. In a user namespace the
/// kernel makes no device nodes: user_namespaces(7). A process without
/// CAP_SYS_ADMIN starts its containers in one.
pub(crate) fn in_reach() -> Result<bool> {
    // The inode of the first user namespace: USER_NS_INIT_INO of linux/nsfs.h.
    const FIRST: u64 = 0xEFFF_FFFD;
    let own =
        fs::metadata("/proc/self/ns/user").syscall("stat", || "\"/proc/self/ns/user\"".into())?;
    let able = caps::has_cap(None, CapSet::Effective, Capability::CAP_SYS_ADMIN)
        .context("reading the capabilities of this process")?;
    Ok(able && own.ino() == FIRST)
}

// ANCHOR: default
/// What every container may use: runc's list, and so Docker's, without
/// /dev/net/tun. A node of any device may be made, but only these may be opened.
#[rustfmt::skip]
pub(crate) const DEFAULT: [DeviceRule; 11] = [
    DeviceRule::mknod(DeviceKind::Character),
    DeviceRule::mknod(DeviceKind::Block),
    DeviceRule::all_of(1, Some(3)),   // /dev/null
    DeviceRule::all_of(1, Some(5)),   // /dev/zero
    DeviceRule::all_of(1, Some(7)),   // /dev/full
    DeviceRule::all_of(1, Some(8)),   // /dev/random
    DeviceRule::all_of(1, Some(9)),   // /dev/urandom
    DeviceRule::all_of(5, Some(0)),   // /dev/tty
    DeviceRule::all_of(5, Some(1)),   // /dev/console
    DeviceRule::all_of(5, Some(2)),   // /dev/ptmx
    DeviceRule::all_of(136, None),    // /dev/pts/*
];
// ANCHOR_END: default

impl DeviceRule {
    const fn mknod(kind: DeviceKind) -> Self {
        Self {
            kind: Some(kind),
            major: None,
            minor: None,
            access: Access {
                read: false,
                write: false,
                mknod: true,
            },
        }
    }

    const fn all_of(major: u32, minor: Option<u32>) -> Self {
        Self {
            kind: Some(DeviceKind::Character),
            major: Some(major),
            minor,
            access: Access::ALL,
        }
    }

    /// Whether it allows everything.
    pub(crate) fn is_everything(&self) -> bool {
        let any_device = self.kind.is_none() && self.major.is_none() && self.minor.is_none();
        any_device && self.access == Access::ALL
    }
}

impl Access {
    const ALL: Self = Self {
        read: true,
        write: true,
        mknod: true,
    };
}

/// `c 10:229 rwm`: the format of version 1's `devices.allow`, and of Docker's flag.
impl FromStr for DeviceRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        const FORMAT: &str = "a rule is a kind, numbers and accesses, as in 'c 10:229 rwm'";
        let words: Vec<_> = text.split(' ').collect();
        let [kind, numbers, access] = words[..] else {
            bail!(FORMAT);
        };
        let (major, minor) = numbers.split_once(':').context(FORMAT)?;
        let kind = match kind {
            "a" => None,
            "b" => Some(DeviceKind::Block),
            "c" => Some(DeviceKind::Character),
            _ => bail!("{kind:?} is no kind of device: a, b and c are"),
        };
        let rule = Self {
            kind,
            major: number(major, MAJORS)?,
            minor: number(minor, MINORS)?,
            access: access.parse()?,
        };
        // The kernel reads every other "a" of version 1 as this one.
        ensure!(
            rule.kind.is_some() || rule.is_everything(),
            "the one rule of kind a is 'a *:* rwm': everything"
        );
        Ok(rule)
    }
}

/// The kernel's dev_t has 12 bits for the one and 20 for the other.
const MAJORS: u32 = 1 << 12;
const MINORS: u32 = 1 << 20;

fn number(text: &str, end: u32) -> Result<Option<u32>> {
    if text == "*" {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number| *number < end);
    let what = || format!("{text:?} is neither * nor a device number below {end}");
    Ok(Some(number.with_context(what)?))
}

impl FromStr for Access {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        ensure!(
            !text.is_empty() && text.chars().all(|letter| "rwm".contains(letter)),
            "accesses are r, w and m"
        );
        Ok(Self {
            read: text.contains('r'),
            write: text.contains('w'),
            mknod: text.contains('m'),
        })
    }
}

impl fmt::Display for DeviceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            None => 'a',
            Some(DeviceKind::Block) => 'b',
            Some(DeviceKind::Character) => 'c',
        };
        let number = |number: Option<u32>| number.map_or("*".into(), |number| number.to_string());
        write!(f, "{kind} {}:{} ", number(self.major), number(self.minor))?;
        let Access { read, write, mknod } = self.access;
        let letters = [(read, 'r'), (write, 'w'), (mknod, 'm')];
        let mut given = letters.iter().filter(|(given, _)| *given);
        given.try_for_each(|(_, letter)| write!(f, "{letter}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_printed_as_it_is_read() {
        for rule in ["c 10:229 rwm", "b *:* m", "b 8:* r", "a *:* rwm"] {
            assert_eq!(rule.parse::<DeviceRule>().unwrap().to_string(), rule);
        }
        for bad in [
            "",
            "c 10:229",
            "c 10 rwm",
            "d 10:229 rwm",
            "c 10:229 rwx",
            "c 10:229 ",
            "c -1:0 r",
            "c 4096:0 r",
            "c 1:1048576 r",
            "a 1:3 rwm",
            "a *:* r",
            "c  1:3 r",
        ] {
            assert!(bad.parse::<DeviceRule>().is_err(), "{bad:?}");
        }
    }
}
