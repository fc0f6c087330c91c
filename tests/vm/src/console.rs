//! What the machine's kernel writes on its console: kept in a file, but not without end.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// The most that is kept in the file, in bytes.
const LIMIT: usize = 1 << 20;

/// How many lines are shown when something went wrong: a kernel that panics says why in the first
/// of some thirty.
const LAST: usize = 45;

/// The console's log.
pub struct Console {
    file: File,
    room: usize,
    line: Vec<u8>,
    last: VecDeque<String>,
}

impl Console {
    /// Starts a new log in the file `path`.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::create(path)?,
            room: LIMIT,
            line: Vec::new(),
            last: VecDeque::new(),
        })
    }

    /// Takes what came, and gives back the lines that are complete now.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn take(&mut self, bytes: &[u8]) -> io::Result<Vec<String>> {
        let kept = bytes.len().min(self.room);
        self.file.write_all(&bytes[..kept])?;
        self.room -= kept;
        if kept < bytes.len() && kept > 0 {
            self.file.write_all(b"\n[lab-vm: the rest is not kept]\n")?;
        }
        let mut lines = Vec::new();
        for byte in bytes {
            // A line without an end must not grow without end.
            if *byte == b'\n' || self.line.len() >= 4096 {
                lines.push(self.end_line());
            } else if !byte.is_ascii_control() {
                self.line.push(*byte);
            }
        }
        Ok(lines)
    }

    /// The last lines, indented, for an error.
    pub fn last_lines(&mut self) -> String {
        if !self.line.is_empty() {
            self.end_line();
        }
        if self.last.is_empty() {
            return "  (it wrote nothing)".into();
        }
        let lines: Vec<_> = self.last.iter().map(|line| format!("  | {line}")).collect();
        lines.join("\n")
    }

    fn end_line(&mut self) -> String {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(line.clone());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_given_back_whole_and_the_last_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let mut console = Console::create(&root.path().join("log")).unwrap();
        assert_eq!(console.take(b"one\r\ntw").unwrap(), ["one"]);
        assert_eq!(console.take(b"o\nhalf").unwrap(), ["two"]);
        assert_eq!(console.last_lines(), "  | one\n  | two\n  | half");
        for number in 0..100 {
            console.take(format!("{number}\n").as_bytes()).unwrap();
        }
        assert!(console.last_lines().starts_with("  | 55\n"));
    }

    #[test]
    fn the_file_does_not_grow_without_end() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("log");
        let mut console = Console::create(&path).unwrap();
        for _ in 0..40 {
            console.take(&[b'x'; 1 << 16]).unwrap();
        }
        let size = std::fs::metadata(&path).unwrap().len() as usize;
        assert!((LIMIT..LIMIT + 100).contains(&size), "{size}");
    }
}
