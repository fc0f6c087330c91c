//! The directories that a loader looks in for every program.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::elf::Target;
use crate::machine;

use super::source::Source;

/// glibc's list of directories, ldconfig(8).
const GLIBC_CONFIGURATION: &str = "/etc/ld.so.conf";

/// `include` lines within included files end somewhere; this is deeper than any that is used.
const DEEPEST_INCLUDE: usize = 8;

/// The directories in which the loader `interpreter` looks after those that a program names.
pub fn of(source: &mut Source, interpreter: &Path, target: &Target) -> Vec<PathBuf> {
    if is_musl(interpreter) {
        return musl(source, interpreter);
    }
    let mut directories = Vec::new();
    configured(source, Path::new(GLIBC_CONFIGURATION), 0, &mut directories);

    // What the loader was built with: it differs by distribution, so all that are in use.
    let multiarch = machine::multiarch_directory(target).map(PathBuf::from);
    let wide = if target.is_64 { "64" } else { "32" };
    for base in ["/lib", "/usr/lib"] {
        directories.extend(multiarch.as_ref().map(|name| Path::new(base).join(name)));
        directories.push(format!("{base}{wide}").into());
        directories.push(base.into());
    }
    directories.push("/libx32".into());
    directories.push("/usr/libx32".into());
    // Nix and Guix build each loader with its own directory for a default.
    directories.extend(interpreter.parent().map(Path::to_path_buf));
    directories
}

/// The file in which musl's loader finds its directories: `/etc/ld-musl-x86_64.path` for
/// `/lib/ld-musl-x86_64.so.1`.
pub fn musl_configuration(interpreter: &Path) -> Option<PathBuf> {
    let name = interpreter.file_stem().and_then(OsStr::to_str)?;
    let name = name.strip_suffix(".so").unwrap_or(name);
    let prefix = interpreter.parent()?.parent()?;
    name.starts_with("ld-musl-")
        .then(|| prefix.join("etc").join(format!("{name}.path")))
}

/// Whether a loader is musl's: `ld-musl-ARCH.so.1` by its own convention.
pub fn is_musl(interpreter: &Path) -> bool {
    musl_configuration(interpreter).is_some()
}

/// musl's loader is its C library too, and never looks for these in a file of their own.
pub fn is_inside_musl(library: &OsStr) -> bool {
    let stem = library
        .as_bytes()
        .split(|&byte| byte == b'.')
        .next()
        .unwrap_or_default();
    [
        &b"libc"[..],
        b"libpthread",
        b"librt",
        b"libm",
        b"libdl",
        b"libutil",
        b"libxnet",
    ]
    .contains(&stem)
}

fn musl(source: &mut Source, interpreter: &Path) -> Vec<PathBuf> {
    let configuration = musl_configuration(interpreter);
    let text = configuration
        .and_then(|path| source.text(&path).ok())
        .unwrap_or_default();
    let text = if text.trim().is_empty() {
        "/lib:/usr/local/lib:/usr/lib"
    } else {
        &text
    };
    text.split([':', '\n'])
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .collect()
}

/// Reads the lines of an ldconfig(8) file. What cannot be read is passed over, as ldconfig does.
fn configured(source: &mut Source, file: &Path, depth: usize, directories: &mut Vec<PathBuf>) {
    let Ok(text) = source.text(file) else { return };
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some(pattern) = line
            .strip_prefix("include")
            .filter(|rest| rest.starts_with([' ', '\t']))
        else {
            let names = line.split([' ', '\t', ',', ':']);
            // `DIRECTORY=TYPE` is an old form of a line.
            let names = names.map(|name| PathBuf::from(name.split('=').next().unwrap_or(name)));
            directories.extend(names.filter(|name| name.is_absolute()));
            continue;
        };
        if depth == DEEPEST_INCLUDE {
            continue;
        }
        for pattern in pattern.split_whitespace() {
            let pattern = file.parent().unwrap_or(Path::new("/")).join(pattern);
            for included in matching(source, &pattern) {
                configured(source, &included, depth + 1, directories);
            }
        }
    }
}

/// The files that a pattern means, in order, where `*` may stand once in the last component: the
/// one form in use is `include /etc/ld.so.conf.d/*.conf`.
fn matching(source: &mut Source, pattern: &Path) -> Vec<PathBuf> {
    let (Some(directory), Some(name)) = (pattern.parent(), pattern.file_name()) else {
        return Vec::new();
    };
    let name = name.as_bytes();
    let Some(star) = name.iter().position(|&byte| byte == b'*') else {
        return vec![pattern.to_path_buf()];
    };
    let (before, after) = (&name[..star], &name[star + 1..]);
    let Some(real) = source.directory(directory) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(source.outside(&real)) else {
        return Vec::new();
    };
    let names = entries
        .flatten()
        .map(|entry| entry.file_name())
        .filter(|name| {
            let name = name.as_bytes();
            name.len() >= before.len() + after.len()
                && name.starts_with(before)
                && name.ends_with(after)
                && !name.starts_with(b".")
        });
    let mut paths: Vec<_> = names.map(|name| directory.join(name)).collect();
    paths.sort();
    paths
}
