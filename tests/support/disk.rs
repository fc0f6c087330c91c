//! A disk of one test's own: a file that the kernel takes for one.

use std::io::Write;
use std::process::Command;

use tempfile::TempDir;

use super::need;
use super::world::directory;

/// A loop device: loop(4). It goes with this value.
pub struct LoopDisk {
    pub path: String,
    /// Its numbers, as in `7:3`.
    pub numbers: String,
    _file: TempDir,
}

impl LoopDisk {
    /// One of 8 MiB; or why there can be none here.
    pub fn new() -> Result<Self, String> {
        need::root()?;
        need::tools(&["losetup"])?;
        let directory = directory();
        let file = directory.path().join("disk");
        let made = std::fs::File::create(&file).and_then(|mut file| {
            file.write_all(&partition_table())?;
            file.set_len(8 << 20)
        });
        made.map_err(|error| format!("{}: {error}", file.display()))?;
        let output = Command::new("losetup")
            .args(["--find", "--show", "--partscan"])
            .arg(&file)
            .output()
            .map_err(|error| format!("losetup: {error}"))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("needs a loop device: {}", why.trim()));
        }
        let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let name = path.trim_start_matches("/dev/");
        let numbers = std::fs::read_to_string(format!("/sys/block/{name}/dev"))
            .map_err(|error| format!("the numbers of {path}: {error}"))?;
        Ok(Self {
            numbers: numbers.trim().to_owned(),
            path,
            _file: directory,
        })
    }

    /// The numbers of its first part, as in `259:0`.
    pub fn part(&self) -> Option<String> {
        let name = self.path.trim_start_matches("/dev/");
        let numbers = std::fs::read_to_string(format!("/sys/block/{name}/{name}p1/dev")).ok()?;
        Some(numbers.trim().to_owned())
    }

    /// A line of shell that makes a node of it, `/dev/disk`, in a container.
    pub fn mknod(&self) -> String {
        format!("mknod /dev/disk b {}", self.numbers.replace(':', " "))
    }

    /// The rule that lets a container use it.
    pub fn rule(&self) -> String {
        format!("b {} rwm", self.numbers)
    }
}

/// The first sector of a disk with one part: from sector 8 on, 1024 sectors long.
fn partition_table() -> [u8; 512] {
    let mut sector = [0; 512];
    sector[446 + 4] = 0x83;
    sector[446 + 8] = 8;
    sector[446 + 13] = 4;
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["-d", &self.path]).status();
    }
}
