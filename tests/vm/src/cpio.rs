//! The archive format of an initramfs: cpio "newc", Documentation/driver-api/early-userspace/buffer-format.rst.

use std::io::{self, Write};

/// Writes an archive, one entry after the other. A directory must come before what is in it.
pub struct Archive<W> {
    to: W,
    entries: u32,
    written: usize,
}

const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;

impl<W: Write> Archive<W> {
    /// An archive with nothing in it yet.
    pub fn new(to: W) -> Self {
        Self {
            to,
            entries: 0,
            written: 0,
        }
    }

    /// Adds a directory.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn directory(&mut self, path: &str) -> io::Result<()> {
        self.entry(path, DIRECTORY | 0o755, &[])
    }

    /// Adds a file.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or is larger than the format can say (4 GiB).
    pub fn file(&mut self, path: &str, mode: u32, contents: &[u8]) -> io::Result<()> {
        self.entry(path, FILE | (mode & 0o7777), contents)
    }

    /// Adds a symbolic link to `target`.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn symlink(&mut self, path: &str, target: &str) -> io::Result<()> {
        self.entry(path, SYMLINK | 0o777, target.as_bytes())
    }

    /// Writes the entry that ends an archive, and gives back where all was written.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.entry("TRAILER!!!", 0, &[])?;
        Ok(self.to)
    }

    /// A header of ASCII digits, the name with a NUL, the contents; the last two padded to four
    /// bytes. Everything belongs to root, and is as old as the epoch.
    fn entry(&mut self, path: &str, mode: u32, contents: &[u8]) -> io::Result<()> {
        self.entries += 1;
        let name = path.trim_start_matches('/');
        let links = if mode & DIRECTORY == 0 { 1 } else { 2 };
        let length = |bytes: usize| u32::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge);
        let fields = [
            self.entries, // c_ino: all differ, so that none is taken for a hard link.
            mode,
            0, // c_uid
            0, // c_gid
            links,
            0, // c_mtime
            length(contents.len())?,
            0, // c_maj, c_min: of the device that the file is on.
            0,
            0, // c_rmaj, c_rmin: for device files.
            0,
            length(name.len() + 1)?,
            0, // c_chksum: not used in this format.
        ];
        let mut header = String::from("070701");
        for field in fields {
            header += &format!("{field:08x}");
        }
        self.write(header.as_bytes())?;
        self.write(name.as_bytes())?;
        self.write(b"\0")?;
        self.pad()?;
        self.write(contents)?;
        self.pad()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len();
        self.to.write_all(bytes)
    }

    fn pad(&mut self) -> io::Result<()> {
        let missing = self.written.next_multiple_of(4) - self.written;
        self.write(&[0; 4][..missing])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Vec<u8> {
        let mut archive = Archive::new(Vec::new());
        archive.directory("/a").unwrap();
        archive.file("a/file", 0o640, b"12345").unwrap();
        archive.symlink("/a/link", "file").unwrap();
        archive.finish().unwrap()
    }

    /// Reads it back by the format's own rules: name, mode, contents.
    fn entries(mut bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            assert_eq!(&bytes[..6], b"070701");
            let field = |n: usize| {
                let digits = std::str::from_utf8(&bytes[6 + 8 * n..14 + 8 * n]).unwrap();
                u32::from_str_radix(digits, 16).unwrap()
            };
            let (mode, size, name_size) = (field(1), field(6) as usize, field(11) as usize);
            let name = &bytes[110..110 + name_size];
            assert_eq!(name.last(), Some(&0));
            let start = (110 + name_size).next_multiple_of(4);
            let end = (start + size).next_multiple_of(4);
            let name = String::from_utf8_lossy(&name[..name_size - 1]).into_owned();
            found.push((name, mode, bytes[start..start + size].to_vec()));
            bytes = &bytes[end..];
        }
        found
    }

    #[test]
    fn entries_are_read_back_as_they_were_written() {
        let found = entries(&archive());
        let expected = [
            ("a", 0o040_755, &b""[..]),
            ("a/file", 0o100_640, b"12345"),
            ("a/link", 0o120_777, b"file"),
            ("TRAILER!!!", 0, b""),
        ];
        let expected = expected.map(|(name, mode, text)| (name.to_owned(), mode, text.to_vec()));
        assert_eq!(found, expected);
    }

    #[test]
    fn every_part_begins_at_a_multiple_of_four() {
        assert_eq!(archive().len() % 4, 0);
    }
}
