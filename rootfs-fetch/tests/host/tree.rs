//! What is in a tree, and whether it runs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;
use rootfs_fetch::elf::Program;
use rootfs_fetch::host::{Node, Plan, Selection};
use rootfs_fetch::walk::{outside, walk};

use crate::support::{DONE, Outcome, fetch, files_below, run_in, skip, text, trial, which};

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "its_shell_and_tools_run_in_it",
            its_shell_and_tools_run_in_it,
        ),
        trial(
            "its_loader_finds_every_library",
            its_loader_finds_every_library,
        ),
        trial(
            "every_library_a_header_names_is_in_it",
            every_library_a_header_names_is_in_it,
        ),
        trial(
            "it_has_the_libraries_that_ldd_names",
            it_has_the_libraries_that_ldd_names,
        ),
        trial(
            "nothing_in_it_is_the_host_s_own_file",
            nothing_in_it_is_the_host_s_own_file,
        ),
        trial(
            "no_file_in_it_has_a_set_id_bit",
            no_file_in_it_has_a_set_id_bit,
        ),
        trial("the_umask_does_not_matter", the_umask_does_not_matter),
        trial("its_mount_points_are_there", its_mount_points_are_there),
        trial(
            "all_of_it_belongs_to_the_caller",
            all_of_it_belongs_to_the_caller,
        ),
    ]
}

fn its_shell_and_tools_run_in_it(root: &Path) -> Outcome {
    let tree = fetch(root, &[]);
    let script = "ls / && id && ps >/tmp/ps && echo ps runs && echo a b | awk '{print $2}' && cat /etc/os-release";
    let output = match run_in(&tree, script) {
        Ok(output) => output,
        Err(skip) => return Ok(skip),
    };
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    for words in [
        "uid=0(root) gid=0(root)",
        "\nproc\n",
        "\nps runs\n",
        "\nb\n",
        "ID=hull",
    ] {
        assert!(out.contains(words), "no {words:?} in {out}");
    }
    DONE
}

fn its_loader_finds_every_library(root: &Path) -> Outcome {
    let tree = fetch(root, &[]);
    let (mut script, mut programs) = (String::new(), 0);
    for file in files_below(&tree) {
        let Some(Program::Elf(elf)) = program(&file) else {
            continue;
        };
        let (Some(loader), false) = (elf.interpreter, elf.needed.is_empty()) else {
            continue;
        };
        let inside = Path::new("/").join(file.strip_prefix(&tree).unwrap());
        script += &format!(
            "{0} --list {1} >/tmp/out 2>&1 && ",
            loader.display(),
            inside.display()
        );
        script += "! grep 'not found' /tmp/out ";
        script += &format!("|| {{ echo {}; cat /tmp/out; }}\n", inside.display());
        programs += 1;
    }
    assert!(programs > 0, "the tree has no dynamic program to try");
    let output = match run_in(&tree, &script) {
        Ok(output) => output,
        Err(skip) => return Ok(skip),
    };
    assert_eq!(text(&output.stdout) + &text(&output.stderr), "");
    DONE
}

fn every_library_a_header_names_is_in_it(root: &Path) -> Outcome {
    let tree = fetch(root, &[]);
    let files = files_below(&tree);
    let names: BTreeSet<_> = files.iter().map(|file| file.file_name().unwrap()).collect();
    for file in &files {
        let Some(Program::Elf(elf)) = program(file) else {
            continue;
        };
        if let Some(loader) = elf.interpreter {
            let found = walk(&tree, &loader);
            assert!(
                found.is_ok(),
                "{} wants the loader {}",
                file.display(),
                loader.display()
            );
        }
        for library in &elf.needed {
            let name = Path::new(library).file_name().unwrap();
            assert!(
                names.contains(name),
                "{} wants {}",
                file.display(),
                library.display()
            );
        }
    }
    DONE
}

fn it_has_the_libraries_that_ldd_names(_root: &Path) -> Outcome {
    let (Some(ldd), Some(ls)) = (which("ldd"), which("ls")) else {
        return skip("this host has no ldd");
    };
    let mut expected = BTreeSet::new();
    for program in [Path::new("/bin/sh"), &ls] {
        let output = Command::new(&ldd)
            .arg(program)
            .env_remove("LD_LIBRARY_PATH")
            .output()?;
        if !output.status.success() {
            return skip(format!("ldd: {}", text(&output.stderr)));
        }
        let printed = text(&output.stdout);
        let paths = printed
            .split_whitespace()
            .filter(|word| word.starts_with('/'));
        expected.extend(paths.map(|path| fs::canonicalize(path).unwrap()));
    }
    let tools = vec!["sh".to_string(), "ls".to_string()];
    let plan = Plan::new(&Selection {
        tools,
        ..Selection::from_env()
    })?;
    let found = plan.entries.iter().filter(|(path, entry)| {
        let is_library = matches!(program(path), Some(Program::Elf(_)));
        let is_listed = !entry.why.starts_with("tool") && !entry.why.starts_with("opened");
        matches!(entry.node, Node::File(_)) && is_library && is_listed
    });
    let found: BTreeSet<PathBuf> = found.map(|(path, _)| path.clone()).collect();
    assert_eq!(found, expected);
    DONE
}

fn nothing_in_it_is_the_host_s_own_file(root: &Path) -> Outcome {
    let tree = fetch(root, &[]);
    for file in files_below(&tree) {
        let found = fs::symlink_metadata(&file)?;
        assert!(
            found.is_symlink() || found.nlink() == 1,
            "{} is a hard link",
            file.display()
        );
    }
    DONE
}

fn no_file_in_it_has_a_set_id_bit(root: &Path) -> Outcome {
    let tree = fetch(root, &[]);
    let sources = Plan::new(&Selection::from_env())?.entries;
    let set_id = |mode: u32| mode & 0o6000 != 0;
    let is_set_id = |node: &Node| matches!(node, Node::File(found) if set_id(found.mode));
    if !sources.values().any(|entry| is_set_id(&entry.node)) {
        return skip("none of this host's tools has one");
    }
    for file in files_below(&tree) {
        let mode = fs::symlink_metadata(&file)?.mode();
        assert!(!set_id(mode), "{} has mode {mode:o}", file.display());
    }
    DONE
}

fn its_mount_points_are_there(root: &Path) -> Outcome {
    let tree = fetch(root, &[]);
    for (path, mode) in [
        ("proc", 0o555),
        ("sys", 0o555),
        ("dev", 0o755),
        ("run", 0o755),
    ] {
        assert_directory(&tree, path, mode);
    }
    for (path, mode) in [
        ("tmp", 0o1777),
        ("var/tmp", 0o1777),
        ("root", 0o700),
        ("home", 0o755),
    ] {
        assert_directory(&tree, path, mode);
    }
    for path in ["mnt", "media", "opt", "srv", "data", "work", "var/log", ""] {
        assert_directory(&tree, path, 0o755);
    }
    for file in [
        "etc/resolv.conf",
        "etc/hostname",
        "etc/hosts",
        "etc/passwd",
        "etc/group",
    ] {
        assert!(fs::symlink_metadata(tree.join(file))?.is_file(), "{file}");
    }
    assert_eq!(
        fs::read_link(tree.join("etc/mtab"))?,
        Path::new("/proc/self/mounts")
    );
    DONE
}

fn the_umask_does_not_matter(root: &Path) -> Outcome {
    let mut start = Command::new("sh");
    start.args([
        "-c",
        "umask 077; exec \"$0\" host",
        env!("CARGO_BIN_EXE_rootfs-fetch"),
    ]);
    let output = start.env("HULL_ROOT", root).output()?;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let tree = PathBuf::from(text(&output.stdout).trim_end());
    for path in ["", "bin", "etc", "usr/bin"] {
        assert_eq!(
            fs::metadata(tree.join(path))?.mode() & 0o7777,
            0o755,
            "{path}"
        );
    }
    assert_eq!(
        fs::metadata(tree.join("etc/passwd"))?.mode() & 0o7777,
        0o644
    );
    let (copy, shell) = (fs::metadata(tree.join("bin/sh"))?, fs::metadata("/bin/sh")?);
    assert_eq!(copy.mode() & 0o7777, shell.mode() & 0o777);
    DONE
}

#[track_caller]
fn assert_directory(tree: &Path, path: &str, mode: u32) {
    let found = fs::symlink_metadata(tree.join(path)).unwrap();
    assert!(found.is_dir(), "{path}");
    assert_eq!(found.permissions().mode() & 0o7777, mode, "{path}");
}

fn all_of_it_belongs_to_the_caller(root: &Path) -> Outcome {
    let tree = fetch(root, &[]);
    let caller = fs::metadata(root)?.uid();
    for file in files_below(&tree) {
        assert_eq!(
            fs::symlink_metadata(&file)?.uid(),
            caller,
            "{}",
            file.display()
        );
    }
    DONE
}

fn program(path: &Path) -> Option<Program> {
    let found = walk(Path::new("/"), path).ok()?;
    if !found.found.is_file() {
        return None;
    }
    Program::read(&outside(Path::new("/"), &found.real)).ok()
}
