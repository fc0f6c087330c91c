//! Why a file that is there cannot be executed: looked up, not guessed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};

/// elf(5): the e_machine of this program's own architecture, and of the common others.
const MACHINES: [(u16, &str); 9] = [
    (3, "x86"),
    (8, "mips"),
    (20, "powerpc"),
    (21, "powerpc64"),
    (22, "s390x"),
    (40, "arm"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv64"),
];

/// What is the matter with `file`, which execve(2) refused with `errno`.
pub(crate) fn file(file: &OsStr, errno: Errno) -> Option<String> {
    let path = Path::new(file);
    match errno {
        Errno::EACCES => not_permitted(path),
        Errno::ENOENT => interpreter_missing(path),
        Errno::ENOEXEC => wrong_format(path),
        _ => None,
    }
}

fn not_permitted(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    let mode = metadata.permissions().mode() & 0o7777;
    if metadata.is_dir() {
        return Some(format!("{path:?} is a directory"));
    }
    if mode & 0o111 == 0 {
        return Some(format!(
            "{path:?} has no execute permission (mode {mode:04o})"
        ));
    }
    let noexec = statvfs(path).is_ok_and(|fs| fs.flags().contains(FsFlags::ST_NOEXEC));
    noexec.then(|| format!("{path:?} is on a file system that is mounted noexec"))
}

fn interpreter_missing(path: &Path) -> Option<String> {
    let file = File::open(path).ok()?;
    let mut head = Vec::new();
    // execve(2): the kernel reads a script's first line up to 255 bytes.
    (&file).take(255).read_to_end(&mut head).ok()?;
    let interpreter = match head.strip_prefix(b"#!") {
        Some(line) => first_word(line)?,
        None => elf_interpreter(&file)?,
    };
    let missing = !fs::exists(&interpreter).unwrap_or(true);
    missing.then(|| format!("{path:?} is there, but {interpreter:?}, which would run it, is not"))
}

fn wrong_format(path: &Path) -> Option<String> {
    let mut head = [0; 20];
    let length = File::open(path).ok()?.read_at(&mut head, 0).ok()?;
    if length == 0 {
        return Some(format!("{path:?} is empty"));
    }
    if !head.starts_with(b"\x7fELF") {
        return Some(format!(
            "{path:?} is neither a program nor a script that begins with #!"
        ));
    }
    // elf(5): e_ident[EI_DATA] is the byte order; e_machine stands at offset 18.
    let machine = [head[18], head[19]];
    let machine = if head[5] == 2 {
        u16::from_be_bytes(machine)
    } else {
        u16::from_le_bytes(machine)
    };
    let name = MACHINES
        .iter()
        .find(|(number, _)| *number == machine)
        .map(|(_, name)| *name);
    let name = name.map_or_else(|| format!("ELF machine {machine}"), str::to_owned);
    Some(format!(
        "{path:?} is a program for {name}, and this machine runs {}",
        std::env::consts::ARCH
    ))
}

fn first_word(line: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(line);
    Some(line.lines().next()?.split_whitespace().next()?.to_owned())
}

/// elf(5): the PT_INTERP segment names the loader. For 64-bit files in this
/// machine's byte order; others are not looked into.
fn elf_interpreter(file: &File) -> Option<String> {
    let word = |offset: u64| read::<8>(file, offset).map(u64::from_ne_bytes);
    let half = |offset: u64| read::<2>(file, offset).map(u16::from_ne_bytes);
    (read::<5>(file, 0)? == *b"\x7fELF\x02").then_some(())?;
    let (table, size, count) = (word(32)?, half(54)?, half(56)?);
    let segments = (0..count).map(|n| table + u64::from(n) * u64::from(size));
    let mut interpreters =
        segments.filter(|at| read::<4>(file, *at).map(u32::from_ne_bytes) == Some(libc::PT_INTERP));
    let segment = interpreters.next()?;
    let mut name = vec![0; usize::try_from(word(segment + 32)?).ok()?.clamp(1, 4096)];
    file.read_exact_at(&mut name, word(segment + 8)?).ok()?;
    let name = String::from_utf8_lossy(&name);
    Some(name.trim_end_matches('\0').to_owned())
}

fn read<const N: usize>(file: &File, offset: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}
