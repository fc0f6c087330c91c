//! The first file system: it loads modules, and leads to the disk.
//!
//! The machine cannot stay on it: pivot_root(2) refuses an initramfs as the old root.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rootfs_fetch::host::{Node, Plan, Selection};

use crate::cpio::Archive;
use crate::modules::Module;

/// Where the modules are in it, in a file named by the order in which to load it, and its name.
pub const MODULES: &str = "/modules";

/// Writes the initramfs: `init` with the loader and libraries it names, and the modules.
///
/// # Errors
///
/// When a file cannot be read, or the archive not be written.
pub fn write(to: &Path, init: &Path, modules: &[Module]) -> Result<()> {
    let plan = plan(init)?;
    let mut archive = Archive::new(Vec::new());
    for (path, entry) in &plan.entries {
        let name = path.to_string_lossy();
        match &entry.node {
            Node::Directory(_) => archive.directory(&name),
            Node::Symlink(target, _) => archive.symlink(&name, &target.to_string_lossy()),
            Node::Text(text) => archive.file(&name, 0o644, text.as_bytes()),
            Node::File(found) => {
                let contents = fs::read(path).with_context(|| format!("reading {name}"))?;
                archive.file(&name, found.mode, &contents)
            }
        }?;
    }
    archive.symlink("/init", &init.to_string_lossy())?;
    archive.directory(MODULES)?;
    for (number, module) in modules.iter().enumerate() {
        let path = format!("{MODULES}/{number:03}-{}", module.name);
        archive.file(&path, 0o644, &module.contents)?;
    }
    fs::write(to, archive.finish()?).with_context(|| format!("writing {}", to.display()))
}

/// Cut as the built-in root filesystem is, from the shell and `init` alone.
fn plan(init: &Path) -> Result<Plan> {
    let name = init.file_name().unwrap_or_default();
    Plan::new(&Selection {
        tools: vec!["sh".into(), name.to_string_lossy().into_owned()],
        path: standard_path(init),
        home: None,
        root: "/".into(),
    })
}

/// Where tools are looked for, and last where `program` is.
pub fn standard_path(program: &Path) -> Vec<PathBuf> {
    let mut path = Selection::from_env().path;
    path.extend(program.parent().map(Path::to_owned));
    path
}
