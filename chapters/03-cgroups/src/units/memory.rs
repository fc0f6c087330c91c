//! Amounts of memory.

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
    fn from_str(text: &str) -> Result<Self> {
        let bytes = in_powers_of_1024(text)?;
        ensure!(
            bytes >= Self::LEAST,
            "the smallest limit is {}: less leaves no room for a process to start",
            Self(Self::LEAST)
        );
        Ok(Self(bytes))
    }
}

/// As Docker reads it: a whole number, and b, k, m or g for powers of 1024.
pub(crate) fn in_powers_of_1024(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => bail!(
            "{:?} is no unit: b, k, m, g and t are known, as in 64M",
            &text[digits.len()..]
        ),
    };
    let number: u64 = digits
        .parse()
        .ok()
        .context("a whole number is expected, and a unit, as in 64M")?;
    number
        .checked_mul(1 << shift)
        .context("that is more than 2^64 bytes")
}
// ANCHOR_END: bytes

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

/// Memory and swap together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemorySwap {
    /// As much swap as there is: `-1` on the command line, as in Docker.
    Unlimited,
    /// So much memory and swap in all.
    Total(Bytes),
}

impl FromStr for MemorySwap {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "-1" {
            return Ok(Self::Unlimited);
        }
        Ok(Self::Total(text.parse()?))
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
}
