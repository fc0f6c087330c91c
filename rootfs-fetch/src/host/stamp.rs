//! How to tell, without reading it, that a file is still the one it was.

use std::fs::Metadata;
use std::hash::Hasher;
use std::os::unix::fs::MetadataExt;
use std::str::FromStr;

use anyhow::{Context, Error, Result};

/// What stat(2) says of a file. Any change of the file changes one of these: `ctime` cannot be set
/// from user space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The device it is on.
    pub dev: u64,
    /// Its inode number.
    pub ino: u64,
    /// Its type and permissions.
    pub mode: u32,
    /// Its length in bytes.
    pub size: u64,
    /// When the contents last changed: seconds and nanoseconds.
    pub mtime: (i64, i64),
    /// When anything about it last changed: seconds and nanoseconds.
    pub ctime: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(found: &Metadata) -> Self {
        Self {
            dev: found.dev(),
            ino: found.ino(),
            mode: found.mode(),
            size: found.size(),
            mtime: (found.mtime(), found.mtime_nsec()),
            ctime: (found.ctime(), found.ctime_nsec()),
        }
    }
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            dev,
            ino,
            mode,
            size,
            mtime,
            ctime,
        } = self;
        write!(
            f,
            "{dev}:{ino}:{mode}:{size}:{}:{}:{}:{}",
            mtime.0, mtime.1, ctime.0, ctime.1
        )
    }
}

impl FromStr for Stamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut fields = text.split(':');
        let mut next = || fields.next().context("too few numbers");
        Ok(Self {
            dev: next()?.parse()?,
            ino: next()?.parse()?,
            mode: next()?.parse()?,
            size: next()?.parse()?,
            mtime: (next()?.parse()?, next()?.parse()?),
            ctime: (next()?.parse()?, next()?.parse()?),
        })
    }
}

/// The FNV-1a hash, 64 bits. The standard library's may change with its version, and this one
/// names a directory that the next version has to find.
/// <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>
pub struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_survives_being_written_down() {
        let stamp = Stamp::from(&std::fs::symlink_metadata("/").unwrap());
        assert_eq!(stamp.to_string().parse::<Stamp>().unwrap(), stamp);
        assert!("1:2:3".parse::<Stamp>().is_err());
    }

    #[test]
    fn the_hash_is_the_published_one() {
        let mut hash = Fnv::default();
        hash.write(b"foobar");
        assert_eq!(hash.finish(), 0x8594_4171_f739_67e8);
    }
}
