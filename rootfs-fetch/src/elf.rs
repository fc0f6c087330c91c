//! What a program file says it needs.
//!
//! An ELF file names its loader (`PT_INTERP`) and the libraries it wants (`DT_NEEDED`), with the
//! directories to look in first (`DT_RPATH`, `DT_RUNPATH`). See elf(5), ld.so(8) and the generic
//! ABI, chapters 4 and 5.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use object::elf::{self, FileHeader32, FileHeader64};
use object::endian::Endianness;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::read::{ReadCache, ReadRef};

/// A file that execve(2) may be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// An ELF file: a program, or a shared library.
    Elf(Elf),
    /// A script: the words of its `#!` line, the interpreter first.
    Script(Vec<OsString>),
    /// Anything else. execve(2) fails with `ENOEXEC`.
    Unknown,
}

/// What the headers of an ELF file say about loading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elf {
    /// The kind of machine it runs on.
    pub target: Target,
    /// `PT_INTERP`: the loader that the kernel starts in its place. `None` for a static program.
    pub interpreter: Option<PathBuf>,
    /// `DT_NEEDED`: the libraries it wants, in order.
    pub needed: Vec<OsString>,
    /// `DT_RPATH`: directories for its own libraries and for theirs, `:` between them.
    pub rpath: Option<OsString>,
    /// `DT_RUNPATH`: directories for its own libraries alone, `:` between them.
    pub runpath: Option<OsString>,
}

/// The kind of machine that an ELF file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// `EI_CLASS` is `ELFCLASS64`.
    pub is_64: bool,
    /// `EI_DATA` is `ELFDATA2MSB`.
    pub is_big_endian: bool,
    /// `e_machine`.
    pub machine: u16,
    /// `e_flags`, where ARM and MIPS keep their calling convention.
    pub flags: u32,
}

impl Target {
    /// Whether one process can hold both: same class, byte order and machine.
    pub fn links_with(&self, other: &Self) -> bool {
        (self.is_64, self.is_big_endian, self.machine)
            == (other.is_64, other.is_big_endian, other.machine)
    }
}

impl Program {
    /// Reads the headers of `path`, and no more of the file than those.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, and when it begins as an ELF file and is a broken one.
    pub fn read(path: &Path) -> Result<Self> {
        let mut file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        let mut head = Vec::new();
        // The kernel reads a `#!` line within the first BINPRM_BUF_SIZE bytes, 256: execve(2).
        file.by_ref()
            .take(256)
            .read_to_end(&mut head)
            .with_context(|| format!("reading {}", path.display()))?;

        if let Some(line) = head.strip_prefix(b"#!") {
            return Ok(Self::Script(words(line)));
        }
        if !head.starts_with(&elf::ELFMAG) {
            return Ok(Self::Unknown);
        }
        let cache = ReadCache::new(file);
        let is_64 = head.get(4) == Some(&elf::ELFCLASS64.0);
        let elf = if is_64 {
            read_elf::<FileHeader64<Endianness>, _>(&cache)
        } else {
            read_elf::<FileHeader32<Endianness>, _>(&cache)
        };
        elf.map(Self::Elf)
            .with_context(|| format!("reading the ELF headers of {}", path.display()))
    }
}

fn words(line: &[u8]) -> Vec<OsString> {
    let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
    line.split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty())
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect()
}

fn read_elf<'data, Header, R>(data: R) -> Result<Elf>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = Header::parse(data)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, data)?;
    let mut elf = Elf {
        target: Target {
            is_64: header.is_class_64(),
            is_big_endian: header.is_big_endian(),
            machine: header.e_machine(endian).0,
            flags: header.e_flags(endian).0,
        },
        interpreter: None,
        needed: Vec::new(),
        rpath: None,
        runpath: None,
    };

    for segment in segments {
        if let Some(path) = segment.interpreter(endian, data)? {
            elf.interpreter = Some(OsString::from_vec(path.to_vec()).into());
        }
        let Some(dynamic) = segment.dynamic(endian, data)? else {
            continue;
        };
        let strings = dynamic_strings::<Header, R>(dynamic, segments, endian, data)?;
        for entry in dynamic {
            let string = || strings.at::<R>(entry.val(endian), data);
            match entry.tag(endian) {
                elf::DT_NULL => break,
                elf::DT_NEEDED => elf.needed.push(string()?),
                elf::DT_RPATH => elf.rpath = Some(string()?),
                elf::DT_RUNPATH => elf.runpath = Some(string()?),
                _ => {}
            }
        }
    }
    Ok(elf)
}

/// The dynamic string table, as a range of the file in bytes.
struct Strings {
    start: u64,
    end: u64,
}

impl Strings {
    fn at<'data, R: ReadRef<'data>>(&self, offset: u64, data: R) -> Result<OsString> {
        let start = self
            .start
            .checked_add(offset)
            .context("a string offset overflows")?;
        let bytes = data
            .read_bytes_at_until(start..self.end, 0)
            .ok()
            .with_context(|| format!("no string at {offset} of the dynamic string table"))?;
        Ok(OsString::from_vec(bytes.to_vec()))
    }
}

/// Finds the string table without the section headers, which a stripped file need not have:
/// `DT_STRTAB` is an address, and the `PT_LOAD` segment around it tells where that is in the file.
fn dynamic_strings<'data, Header, R>(
    dynamic: &[Header::Dyn],
    segments: &[Header::ProgramHeader],
    endian: Endianness,
    data: R,
) -> Result<Strings>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let value = |tag| dynamic.iter().find(|entry| entry.tag(endian) == tag);
    let (Some(address), Some(size)) = (value(elf::DT_STRTAB), value(elf::DT_STRSZ)) else {
        return Ok(Strings { start: 0, end: 0 });
    };
    let (address, size) = (address.val(endian), size.val(endian));
    let file_length = data.len().ok().context("no file length")?;
    for segment in segments
        .iter()
        .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
    {
        let start: u64 = segment.p_vaddr(endian).into();
        let (offset, length) = segment.file_range(endian);
        if let Some(inside) = address.checked_sub(start).filter(|inside| *inside < length) {
            let start = offset
                .checked_add(inside)
                .context("the string table is out of bounds")?;
            return Ok(Strings {
                start,
                end: start.saturating_add(size).min(file_length),
            });
        }
    }
    anyhow::bail!("no segment holds the string table at {address:#x}")
}

#[cfg(test)]
pub mod sample;

#[cfg(test)]
mod tests {
    use super::sample::Sample;
    use super::*;

    fn read(bytes: &[u8]) -> Result<Program> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Program::read(file.path())
    }

    #[test]
    fn both_classes_and_both_byte_orders_are_read() {
        for (is_64, is_big_endian) in [(true, false), (true, true), (false, false), (false, true)] {
            let target = Target {
                is_64,
                is_big_endian,
                machine: 22,
                flags: 0x0500_0400,
            };
            let sample = Sample {
                target,
                interpreter: Some("/lib/ld.so.1"),
                needed: &["libone.so.1", "libtwo.so.2"],
                rpath: Some("/old"),
                runpath: Some("$ORIGIN/../lib"),
            };
            let expected = Elf {
                target,
                interpreter: Some("/lib/ld.so.1".into()),
                needed: vec!["libone.so.1".into(), "libtwo.so.2".into()],
                rpath: Some("/old".into()),
                runpath: Some("$ORIGIN/../lib".into()),
            };
            assert_eq!(read(&sample.bytes()).unwrap(), Program::Elf(expected));
        }
    }

    #[test]
    fn a_static_program_needs_nothing() {
        let Program::Elf(elf) = read(&Sample::native().bytes()).unwrap() else {
            panic!()
        };
        assert_eq!((elf.interpreter, elf.needed), (None, vec![]));
    }

    #[test]
    fn a_file_cut_short_anywhere_is_an_error_and_no_panic() {
        let sample = Sample {
            interpreter: Some("/l"),
            needed: &["x"],
            ..Sample::native()
        };
        let bytes = sample.bytes();
        for length in 4..bytes.len() {
            assert!(
                read(&bytes[..length]).is_err(),
                "{length} of {} bytes",
                bytes.len()
            );
        }
    }

    #[test]
    fn a_script_is_split_into_the_words_of_its_first_line() {
        let script = Program::Script(vec!["/usr/bin/env".into(), "bash".into()]);
        assert_eq!(read(b"#! /usr/bin/env  bash\necho").unwrap(), script);
        assert_eq!(read(b"#!/usr/bin/env bash").unwrap(), script);
    }

    #[test]
    fn anything_else_is_unknown() {
        for bytes in [&b""[..], b"#", b"\x7fEL", b"hello"] {
            assert_eq!(read(bytes).unwrap(), Program::Unknown);
        }
    }
}
