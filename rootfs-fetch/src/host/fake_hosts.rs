//! Plans for hosts that are laid out as other distributions are.

mod layouts;
mod libraries;
mod refusals;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::plan::{Node, Plan};
use super::selection::{STANDARD_PATH, Selection};
use crate::elf::sample::Sample;

const LOADER: &str = "/lib64/ld.so.2";

/// A directory that plays the root directory of a host.
struct Host(tempfile::TempDir);

impl Host {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, path: &str) -> PathBuf {
        let path = self.0.path().join(&path[1..]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn file(&self, path: &str, contents: impl AsRef<[u8]>) -> &Self {
        fs::write(self.at(path), contents).unwrap();
        fs::set_permissions(self.at(path), Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn link(&self, path: &str, target: &str) -> &Self {
        symlink(target, self.at(path)).unwrap();
        self
    }

    /// A program that names a loader, and libraries.
    fn program(&self, path: &str, needed: &[&str]) -> &Self {
        let sample = Sample {
            interpreter: Some(LOADER),
            needed,
            ..Sample::native()
        };
        self.file(path, sample.bytes())
    }

    fn library(&self, path: &str, needed: &[&str]) -> &Self {
        self.file(
            path,
            Sample {
                needed,
                ..Sample::native()
            }
            .bytes(),
        )
    }

    /// A static shell, and a loader for those who want one.
    fn with_shell() -> Self {
        let host = Self::new();
        host.file("/bin/sh", Sample::native().bytes())
            .library(LOADER, &[]);
        host
    }

    fn selection(&self, tools: &[&str]) -> Selection {
        Selection {
            tools: tools.iter().map(|tool| tool.to_string()).collect(),
            path: STANDARD_PATH.iter().map(PathBuf::from).collect(),
            home: Some("/home/me".into()),
            root: self.0.path().into(),
        }
    }

    fn plan(&self, tools: &[&str]) -> Plan {
        Plan::new(&self.selection(tools)).unwrap()
    }
}

#[track_caller]
fn assert_link(plan: &Plan, path: &str, target: &str) {
    match plan.entries.get(Path::new(path)).map(|entry| &entry.node) {
        Some(Node::Symlink(found, _)) => assert_eq!(found, Path::new(target), "{path}"),
        other => panic!("{path} is {other:?}"),
    }
}

#[track_caller]
fn assert_files(plan: &Plan, expected: &[&str]) {
    let files = plan
        .entries
        .iter()
        .filter(|(_, entry)| matches!(entry.node, Node::File(_)));
    let files: Vec<_> = files.map(|(path, _)| path.to_str().unwrap()).collect();
    assert_eq!(files, expected);
}
