//! The files of this repository.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// A file or directory, by its path from the root of the repository.
pub fn at(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub fn read(path: impl AsRef<Path>) -> String {
    let path = at(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below `directory`, sorted, as paths from the root of the repository.
pub fn files(directory: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![PathBuf::from(directory)];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(at(&next)).into_iter().flatten().flatten() {
            let path = next.join(entry.file_name());
            let kind = entry.file_type().expect("the type of a file");
            if kind.is_file() {
                files.push(path);
            } else if kind.is_dir() && !is_output(&path) {
                open.push(path);
            }
        }
    }
    files.sort();
    files
}

/// What no person wrote: cargo's, git's, and the built book.
fn is_output(directory: &Path) -> bool {
    directory.ends_with("target")
        || directory.ends_with(".git")
        || directory == Path::new("book/book")
}

/// Those of [`files`] whose name ends so.
pub fn files_ending(directory: &str, end: &str) -> Vec<PathBuf> {
    let mut files = files(directory);
    files.retain(|file| file.to_string_lossy().ends_with(end));
    files
}

/// The directories in `chapters`, and the numbers that their names begin with.
pub fn chapters() -> Vec<(u32, String)> {
    let mut chapters: Vec<_> = fs::read_dir(at("chapters"))
        .expect("chapters")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .map(|name| (number(&name), name))
        .collect();
    chapters.sort();
    assert!(!chapters.is_empty(), "there are chapters");
    chapters
}

/// The number in `00-process`, and in `ch00-process.rs`.
pub fn number(name: &str) -> u32 {
    let digits = name.trim_start_matches("ch").split('-').next();
    digits
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_else(|| panic!("{name} begins with no number"))
}

/// The chapter programs, in order, as file names without `.rs`.
pub fn programs() -> Vec<String> {
    let files = files_ending("src/bin", ".rs");
    let names = files
        .iter()
        .filter_map(|file| file.file_stem())
        .map(|stem| stem.to_string_lossy().into_owned());
    let programs: Vec<_> = names.filter(|name| is_program(name)).collect();
    assert!(!programs.is_empty(), "there are programs");
    programs
}

fn is_program(name: &str) -> bool {
    name.len() > 5
        && name.starts_with("ch")
        && name[2..4].bytes().all(|byte| byte.is_ascii_digit())
        && name[4..].starts_with('-')
}

/// `path` as seen from `file`, with no `..` left in it. None where it leaves the repository.
pub fn resolve(file: &Path, path: &str) -> Option<PathBuf> {
    let mut resolved = file.parent()?.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => resolved.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !resolved.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(resolved)
}
