//! A tree cut from tools that a test may change.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rootfs_fetch::Rootfs;
use rootfs_fetch::host::{Selection, cut};

use crate::support::which;

/// Tools to cut from: a shell in a directory of the test's own.
pub struct Tools {
    /// The directory of the tools.
    pub directory: PathBuf,
    /// The data directory.
    pub data: PathBuf,
    /// The tools `sh` and `other`, of which only the first is there.
    pub selection: Selection,
}

impl Tools {
    pub fn new(root: &Path) -> Self {
        let directory = root.join("tools");
        fs::create_dir(&directory).unwrap();
        fs::copy(which("sh").unwrap(), directory.join("sh")).unwrap();
        let selection = Selection {
            tools: vec!["sh".to_string(), "other".to_string()],
            path: vec![directory.clone()],
            home: None,
            root: "/".into(),
        };
        Self {
            directory,
            data: root.join("data"),
            selection,
        }
    }

    pub fn cut(&self) -> Rootfs {
        cut(&self.data, &self.selection, false).unwrap()
    }

    pub fn shell(&self) -> PathBuf {
        self.directory.join("sh")
    }

    /// The shell's copy in `tree`.
    pub fn copy_in(&self, tree: &Path) -> PathBuf {
        tree.join(self.shell().strip_prefix("/").unwrap())
    }
}

/// Lets the clock of file times move on, as it does between a person's commands. What is changed
/// before is then not taken for possibly changing still.
pub fn settle() {
    std::thread::sleep(Duration::from_millis(25));
}
