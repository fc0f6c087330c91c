//! The memory of a tracee: what the pointers among a call's arguments lead to.

use std::io::IoSliceMut;

use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

/// No string of the kernel's interface is longer: PATH_MAX, and a page of mount options.
const LONGEST: usize = 4096;
/// Reads end where a page does: the next one may not be there.
const PAGE: u64 = 4096;

/// The memory of the stopped `tid`.
#[derive(Debug, Clone, Copy)]
pub struct Memory(pub Pid);

impl Memory {
    /// The bytes from `address` on: all that are there of `length`.
    pub fn bytes(self, address: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        let remote = RemoteIoVec {
            base: usize::try_from(address).ok()?,
            len: length,
        };
        let read = process_vm_readv(self.0, &mut [IoSliceMut::new(&mut bytes)], &[remote]);
        bytes.truncate(read.ok().filter(|_| address != 0)?);
        Some(bytes)
    }

    /// The bytes before the next NUL.
    pub fn string(self, address: u64) -> Option<Vec<u8>> {
        let mut string = Vec::new();
        while string.len() < LONGEST {
            let next = address + string.len() as u64;
            let part = self.bytes(next, (PAGE - next % PAGE) as usize)?;
            if part.is_empty() {
                return None;
            }
            if let Some(end) = part.iter().position(|byte| *byte == 0) {
                string.extend(&part[..end]);
                break;
            }
            string.extend(part);
        }
        Some(string)
    }

    /// The string at `address`, as text to look at.
    pub fn text(self, address: u64) -> String {
        let string = self.string(address).unwrap_or_default();
        String::from_utf8_lossy(&string).into_owned()
    }

    /// The string at `address` as C would spell it; `NULL`; or the address, where nothing can be read.
    pub fn quoted(self, address: u64) -> String {
        match self.string(address) {
            _ if address == 0 => "NULL".into(),
            Some(string) => quote(&string),
            None => format!("{address:#x}"),
        }
    }

    /// Whole little numbers of the machine's byte order.
    pub fn words(self, address: u64, count: usize) -> Option<Vec<u32>> {
        let bytes = self.bytes(address, count * 4)?;
        let words = bytes.chunks_exact(4).map(word);
        Some(words.collect())
    }

    /// As many of `count` numbers of 64 bits as are there.
    pub fn longs(self, address: u64, count: usize) -> Option<Vec<u64>> {
        let bytes = self.bytes(address, count * 8)?;
        let longs = bytes.chunks_exact(8).map(|chunk| {
            let (low, high) = chunk.split_at(4);
            let parts = [word(low), word(high)];
            if cfg!(target_endian = "little") {
                u64::from(parts[1]) << 32 | u64::from(parts[0])
            } else {
                u64::from(parts[0]) << 32 | u64::from(parts[1])
            }
        });
        Some(longs.collect())
    }

    /// The strings of a list that a NULL ends, as argv is.
    pub fn list(self, address: u64) -> Vec<Vec<u8>> {
        let mut list = Vec::new();
        // A thousand words are more than anybody reads.
        for n in 0..1000 {
            let pointer = self.longs(address + 8 * n, 1).unwrap_or_default();
            match pointer.first() {
                Some(0) | None => break,
                Some(pointer) => list.push(self.string(*pointer).unwrap_or_default()),
            }
        }
        list
    }
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// Between quotation marks, with C's escapes for what is not to be seen.
pub fn quote(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for part in bytes.utf8_chunks() {
        for character in part.valid().chars() {
            match character {
                '"' | '\\' => text.extend(['\\', character]),
                '\n' => text += "\\n",
                '\t' => text += "\\t",
                '\r' => text += "\\r",
                other if other.is_control() => text += &format!("\\x{:02x}", other as u32),
                other => text.push(other),
            }
        }
        for byte in part.invalid() {
            text += &format!("\\x{byte:02x}");
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_spelled_out() {
        assert_eq!(quote(b"a \"b\"\n\x01\xff"), r#""a \"b\"\n\x01\xff""#);
    }

    #[test]
    fn a_string_is_read_up_to_its_end_over_the_end_of_a_page() {
        let mut long = vec![b'x'; 4000];
        long.push(0);
        let own = Memory(Pid::this());
        let address = long.as_ptr() as u64;
        assert_eq!(own.string(address).unwrap(), &long[..4000]);
        assert_eq!(own.quoted(0), "NULL");
        assert_eq!(own.quoted(1), "0x1");
    }
}
