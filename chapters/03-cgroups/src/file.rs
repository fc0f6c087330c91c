//! Files of a cgroup: one value a read, one value a write.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use process::{SysError, SysResult};

/// Writes a value. The file is there or the controller is not: nothing is created.
pub(crate) fn write(directory: &Path, file: &str, value: &str) -> Result<(), SysError> {
    let path = directory.join(file);
    let mut opened = OpenOptions::new()
        .write(true)
        .open(&path)
        .syscall("open", || format!("{path:?}, O_WRONLY"))?;
    opened
        .write_all(value.as_bytes())
        .syscall("write", || format!("{path:?}, {value:?}"))
}

/// Reads a file.
pub(crate) fn read(directory: &Path, file: &str) -> Result<String, SysError> {
    let path = directory.join(file);
    let text = fs::read_to_string(&path).syscall("read", || format!("{path:?}"))?;
    Ok(text.trim_end().to_owned())
}

/// Reads a number from a file of `KEY NUMBER` lines.
pub(crate) fn read_key(directory: &Path, file: &str, key: &str) -> Option<u64> {
    let text = read(directory, file).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

/// Makes a directory that may be there already.
pub(crate) fn make_directory(path: &Path) -> Result<(), SysError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        result => result.syscall("mkdir", || format!("{path:?}")),
    }
}
