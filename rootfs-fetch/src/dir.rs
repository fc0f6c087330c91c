//! A root filesystem that is there already, as a directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::elf::Program;
use crate::machine;
use crate::walk::{outside, walk};

/// Where programs are, in a root filesystem.
const PROGRAMS: [&str; 6] = [
    "/bin",
    "/usr/bin",
    "/sbin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
];

/// The canonical path of the root filesystem at `path`, once it looks like one that can be run
/// here. It need not have a shell; see [`has_shell`].
///
/// # Errors
///
/// When there is nothing at `path`, or a file, or an empty directory, or one without any
/// directory for programs; and when its shell, or the first program of a tree without one, is for
/// a machine that this one is not.
pub fn dir(path: &Path) -> Result<PathBuf> {
    let root = path
        .canonicalize()
        .with_context(|| format!("opening {}", path.display()))?;
    if !root.is_dir() {
        bail!("{} is not a directory", root.display());
    }
    let listing = || format!("listing {}", root.display());
    if fs::read_dir(&root).with_context(listing)?.next().is_none() {
        bail!("{} is empty", root.display());
    }

    let is_directory = |name: &&str| is(&root, name, |found| found.is_dir());
    let directories: Vec<_> = PROGRAMS.iter().copied().filter(is_directory).collect();
    // An image of one static program has it at the top.
    let programs = [&["/"], &*directories].concat();
    let first = shell(&root).or_else(|| first_program(&root, &programs));
    if directories.is_empty() && first.is_none() {
        bail!(
            "{} has neither bin nor usr/bin: it is no root filesystem",
            root.display()
        );
    }
    if let Some(program) = first {
        refuse_foreign(&root, &program)?;
    }
    Ok(root)
}

/// Whether the root filesystem at `root` has a `sh`, which is what runs in it by default.
pub fn has_shell(root: &Path) -> bool {
    shell(root).is_some()
}

fn shell(root: &Path) -> Option<PathBuf> {
    let mut shells = PROGRAMS
        .iter()
        .map(|directory| Path::new(directory).join("sh"));
    shells.find(|path| is_program(root, path))
}

/// The first ELF program, by name, so that the answer does not change from run to run.
fn first_program(root: &Path, directories: &[&str]) -> Option<PathBuf> {
    for directory in directories {
        let real = walk(root, Path::new(directory)).ok()?.real;
        let Ok(entries) = fs::read_dir(outside(root, &real)) else {
            continue;
        };
        let names = entries.flatten().map(|entry| real.join(entry.file_name()));
        let mut paths: Vec<_> = names.filter(|path| is_program(root, path)).collect();
        paths.sort();
        let is_elf = |path: &PathBuf| matches!(read(root, path), Ok(Program::Elf(_)));
        if let Some(path) = paths.into_iter().find(is_elf) {
            return Some(path);
        }
    }
    None
}

fn refuse_foreign(root: &Path, program: &Path) -> Result<()> {
    let Program::Elf(elf) = read(root, program)? else {
        return Ok(());
    };
    if !machine::runs_here(&elf.target) {
        bail!(
            "{} is for {}, and this machine is {}",
            outside(root, program).display(),
            machine::name(&elf.target),
            machine::name_of_this_one()
        );
    }
    Ok(())
}

fn read(root: &Path, program: &Path) -> Result<Program> {
    let found = walk(root, program)?;
    Program::read(&outside(root, &found.real))
}

fn is_program(root: &Path, path: &Path) -> bool {
    is(root, path, |found| {
        found.is_file() && found.permissions().mode() & 0o111 != 0
    })
}

fn is(root: &Path, path: impl AsRef<Path>, test: impl Fn(&fs::Metadata) -> bool) -> bool {
    walk(root, path.as_ref()).is_ok_and(|walk| test(&walk.found))
}
