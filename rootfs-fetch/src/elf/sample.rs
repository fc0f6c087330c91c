//! Small ELF files for tests: headers, and nothing to run.

#![allow(missing_docs)] // The names are those of the headers.

use std::path::Path;

use super::{Elf, Program, Target};

/// An ELF file to be written.
#[derive(Clone, Copy)]
pub struct Sample<'a> {
    pub target: Target,
    pub interpreter: Option<&'a str>,
    pub needed: &'a [&'a str],
    pub rpath: Option<&'a str>,
    pub runpath: Option<&'a str>,
}

impl Sample<'_> {
    /// A static program for the machine that the tests run on.
    pub fn native() -> Self {
        Self {
            target: native(),
            interpreter: None,
            needed: &[],
            rpath: None,
            runpath: None,
        }
    }

    /// The file: header, program headers, strings, dynamic section. The addresses are 0x10000 above
    /// the offsets, so that a reader that mixes them up is found out.
    pub fn bytes(&self) -> Vec<u8> {
        const BASE: u64 = 0x10000;
        let (header, segment) = if self.target.is_64 {
            (64, 56)
        } else {
            (52, 32)
        };
        let strings_at = header + 3 * segment;
        let (strings, dynamic) = self.tables(strings_at);
        let dynamic_at = strings_at + strings.len() as u64;
        let word = if self.target.is_64 { 8 } else { 4 };
        let dynamic_size = (dynamic.len() * 2 * word) as u64;
        let end = dynamic_at + dynamic_size;

        let mut file = Writer {
            target: self.target,
            bytes: Vec::new(),
        };
        file.header(header, segment);
        file.segment(1, 0, BASE, end);
        let interpreter = self.interpreter.map_or(0, |path| path.len() as u64 + 1);
        // PT_NULL where there is no interpreter.
        file.segment(
            if interpreter == 0 { 0 } else { 3 },
            strings_at + 1,
            BASE,
            interpreter,
        );
        file.segment(2, dynamic_at, BASE, dynamic_size);
        file.bytes.extend(strings);
        for (tag, value) in dynamic {
            file.word(tag);
            file.word(if tag == 5 { value + BASE } else { value });
        }
        file.bytes
    }

    /// The string table, and the dynamic section as tags with values.
    fn tables(&self, strings_at: u64) -> (Vec<u8>, Vec<(u64, u64)>) {
        let mut strings = vec![0];
        let mut add = |text: &str| {
            let at = strings.len() as u64;
            strings.extend(text.as_bytes());
            strings.push(0);
            at
        };
        self.interpreter.map(&mut add);
        let mut dynamic: Vec<_> = self.needed.iter().map(|name| (1, add(name))).collect();
        dynamic.extend(self.rpath.map(|path| (15, add(path))));
        dynamic.extend(self.runpath.map(|path| (29, add(path))));
        dynamic.push((5, strings_at));
        dynamic.push((10, strings.len() as u64));
        dynamic.push((0, 0));
        (strings, dynamic)
    }
}

/// The machine that the tests run on.
pub fn native() -> Target {
    match Program::read(Path::new("/proc/self/exe")) {
        Ok(Program::Elf(Elf { target, .. })) => target,
        other => panic!("/proc/self/exe is {other:?}"),
    }
}

struct Writer {
    target: Target,
    bytes: Vec<u8>,
}

impl Writer {
    fn number(&mut self, value: u64, size: usize) {
        let bytes = value.to_be_bytes();
        let bytes = &bytes[8 - size..];
        if self.target.is_big_endian {
            self.bytes.extend(bytes);
        } else {
            self.bytes.extend(bytes.iter().rev());
        }
    }

    fn word(&mut self, value: u64) {
        self.number(value, if self.target.is_64 { 8 } else { 4 });
    }

    fn header(&mut self, header: u64, segment: u64) {
        let Target {
            is_64,
            is_big_endian,
            machine,
            flags,
        } = self.target;
        self.bytes.extend(b"\x7fELF");
        self.bytes
            .extend([1 + u8::from(is_64), 1 + u8::from(is_big_endian), 1]);
        self.bytes.extend([0; 9]);
        self.number(3, 2);
        self.number(machine.into(), 2);
        self.number(1, 4);
        for offset in [0, header, 0] {
            self.word(offset);
        }
        self.number(flags.into(), 4);
        for half in [header, segment, 3, 0, 0, 0] {
            self.number(half, 2);
        }
    }

    fn segment(&mut self, kind: u64, offset: u64, base: u64, size: u64) {
        self.number(kind, 4);
        if self.target.is_64 {
            self.number(4, 4);
        }
        for value in [offset, offset + base, offset + base, size, size] {
            self.word(value);
        }
        if !self.target.is_64 {
            self.number(4, 4);
        }
        self.word(1);
    }
}
