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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::Target;
    use crate::elf::sample::{Sample, native};
    use std::os::unix::fs::symlink;

    fn root() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn put(root: &Path, path: &str, bytes: &[u8]) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[track_caller]
    fn refused(path: &Path, words: &str) {
        let error = format!("{:#}", dir(path).unwrap_err());
        assert!(error.contains(words), "{error}");
        assert!(
            error.contains(path.file_name().unwrap().to_str().unwrap()),
            "{error}"
        );
    }

    fn foreign() -> Vec<u8> {
        // Of the two, one is not what the tests run on, nor of its family.
        let machine = if machine::name_of_this_one() == "s390x" {
            258
        } else {
            22
        };
        Sample {
            target: Target {
                machine,
                ..native()
            },
            ..Sample::native()
        }
        .bytes()
    }

    #[test]
    fn the_path_comes_back_canonical() {
        let root = root();
        put(root.path(), "tree/usr/bin/sh", &Sample::native().bytes());
        symlink("usr/bin", root.path().join("tree/bin")).unwrap();
        symlink("tree", root.path().join("link")).unwrap();
        let canonical = root.path().canonicalize().unwrap().join("tree");
        assert_eq!(dir(&root.path().join("link/../link")).unwrap(), canonical);
        assert!(has_shell(&canonical));
    }

    #[test]
    fn nothing_a_file_and_an_empty_directory_are_refused() {
        let root = root();
        fs::write(root.path().join("file"), "").unwrap();
        fs::create_dir(root.path().join("empty")).unwrap();
        refused(&root.path().join("nothing"), "No such file");
        refused(&root.path().join("file"), "is not a directory");
        refused(&root.path().join("empty"), "is empty");
    }

    #[test]
    fn a_directory_without_programs_is_refused() {
        let root = root();
        put(root.path(), "photos/holiday.jpg", b"jpg");
        refused(root.path(), "has neither bin nor usr/bin");
    }

    #[test]
    fn a_tree_of_one_static_program_will_do_and_has_no_shell() {
        let root = root();
        put(root.path(), "hello", &Sample::native().bytes());
        let root = dir(root.path()).unwrap();
        assert!(!has_shell(&root));
    }

    #[test]
    fn a_shell_for_another_machine_is_refused_and_both_machines_are_named() {
        let root = root();
        put(root.path(), "bin/busybox", &foreign());
        symlink("/bin/busybox", root.path().join("bin/sh")).unwrap();
        refused(
            root.path(),
            &format!("and this machine is {}", machine::name_of_this_one()),
        );
    }

    #[test]
    fn without_a_shell_the_first_program_tells_the_machine() {
        let root = root();
        put(root.path(), "bin/a-script", b"#!/bin/sh\n");
        put(root.path(), "bin/b-program", &foreign());
        put(root.path(), "bin/c-program", &Sample::native().bytes());
        refused(root.path(), "b-program is for ");
    }

    #[test]
    fn a_link_to_the_host_s_shell_is_not_a_shell_of_the_tree() {
        let root = root();
        fs::create_dir(root.path().join("bin")).unwrap();
        symlink("/proc/self/exe", root.path().join("bin/sh")).unwrap();
        assert!(!has_shell(&dir(root.path()).unwrap()));
    }
}
