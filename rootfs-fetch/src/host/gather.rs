//! Fills a plan: the tools, what they need, and what makes them found.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::elf::Program;

use super::loader::{Loader, Needed};
use super::plan::{Node, Plan};
use super::selection::{ESSENTIAL, STANDARD_PATH, Selection};
use super::source::Source;
use super::system_directories;

/// Directories that are links on many hosts. A loader's cache and scripts name files through them.
const TOP_LEVEL: [&str; 8] = [
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/usr/sbin",
    "/usr/lib64",
];

/// Opened while a program runs, and so named in no header: a glibc before 2.34 reads /etc/passwd
/// with the first and asks for host names with the second, nss(5).
const OPENED_LATER: [&str; 2] = ["libnss_files.so.2", "libnss_dns.so.2"];

/// Puts every tool of `selection` that `source` has into `plan`.
///
/// # Errors
///
/// When there is no shell, or it cannot be taken.
pub fn add(plan: &mut Plan, selection: &Selection, source: &mut Source) -> Result<()> {
    for path in TOP_LEVEL {
        match source.walk(Path::new(path)) {
            Ok(walk) if !walk.links.is_empty() => plan.put_walk(&walk, "directory")?,
            _ => {}
        }
    }

    let mut loader = Loader::new(selection, source);
    for name in &selection.tools {
        let Some(path) = loader.find_tool(name) else {
            if name == ESSENTIAL {
                bail!("this host has no `{name}` in {}", join(&selection.path));
            }
            plan.left_out.push(name.clone());
            continue;
        };
        let closure = loader.closure(&path, name);
        let added = closure.and_then(|files| add_files(plan, &files, selection, loader.source()));
        match added {
            Ok(()) => add_short_name(plan, &path, name, loader.source())?,
            Err(error) if name == ESSENTIAL => {
                return Err(error).with_context(|| format!("taking {}", path.display()));
            }
            Err(error) => plan.left_out.push(format!("{name} ({error:#})")),
        }
    }
    add_opened_later(plan, selection, &mut loader)
}

fn add_files(
    plan: &mut Plan,
    files: &[Needed],
    selection: &Selection,
    source: &mut Source,
) -> Result<()> {
    let walks = files
        .iter()
        .map(|needed| Ok((source.walk(&needed.path)?, &needed.why)));
    let walks: Vec<_> = walks.collect::<Result<_>>()?;
    // All or nothing: a tool without its library is worse than no tool.
    for (walk, _) in &walks {
        let links = walk.links.iter().map(|link| &link.path);
        for path in links.chain([&walk.real]) {
            refuse(path, selection)?;
        }
    }
    for (walk, why) in &walks {
        plan.put_walk(walk, why)?;
    }
    Ok(())
}

/// Makes a tool from a directory of its own found by a container's PATH. On NixOS that is nearly
/// every tool.
fn add_short_name(plan: &mut Plan, path: &Path, name: &str, source: &mut Source) -> Result<()> {
    // Not by the links before the directory: on NixOS they are in /run, where a container may
    // mount its own.
    let directory = path
        .parent()
        .and_then(|directory| source.directory(directory));
    let target = directory.map_or(path.to_path_buf(), |directory| directory.join(name));
    if name == ESSENTIAL {
        plan.shell = source.walk(path)?.real.clone();
    }
    let mut standard = STANDARD_PATH
        .iter()
        .map(|directory| Path::new(directory).join(name));
    if !standard.any(|path| plan.has(&path)) {
        let node = Node::Symlink(target.clone(), None);
        plan.put(&Path::new("/usr/bin").join(name), node, "short name")?;
    }
    // `#!` lines and callers of execve(2) name these two in full.
    for full in ["/bin/sh", "/usr/bin/env"] {
        if full.ends_with(&format!("/{name}")) && !plan.has(Path::new(full)) {
            plan.put(
                Path::new(full),
                Node::Symlink(target.clone(), None),
                "short name",
            )?;
        }
    }
    Ok(())
}

fn add_opened_later(plan: &mut Plan, selection: &Selection, loader: &mut Loader) -> Result<()> {
    let shell = loader.source().program(&plan.shell)?;
    let Program::Elf(shell) = &*shell else {
        return Ok(());
    };
    let Some(interpreter) = &shell.interpreter else {
        return Ok(());
    };
    for library in OPENED_LATER {
        let Some(files) = loader.opened_later(library.as_ref(), &shell.target, interpreter) else {
            continue;
        };
        add_files(plan, &files, selection, loader.source())?;
    }

    // By these a loader finds libraries in directories that it was not built with. glibc's cache
    // names more files than the tree has; for a missing one the loader looks in its directories.
    let mut configuration = vec![PathBuf::from("/etc/ld.so.cache")];
    configuration.extend(system_directories::musl_configuration(interpreter));
    for path in configuration {
        loader.source().watch(&path);
        if let Ok(walk) = loader.source().walk(&path) {
            plan.put_walk(&walk, "where the loader finds libraries")?;
        }
    }
    Ok(())
}

fn refuse(path: &Path, selection: &Selection) -> Result<()> {
    if selection.is_private(path) {
        bail!("{} is in a home directory", path.display());
    }
    if ["/proc", "/sys", "/dev"]
        .iter()
        .any(|top| path.starts_with(top))
    {
        bail!("{} is where a container mounts its own", path.display());
    }
    // The record of the search holds a path a line.
    if path.as_os_str().as_bytes().contains(&b'\n') {
        bail!("{} has a newline in its name", path.display());
    }
    Ok(())
}

fn join(directories: &[PathBuf]) -> String {
    let directories: Vec<_> = directories
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    directories.join(":")
}
