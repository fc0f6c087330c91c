//! The process itself: exec, exit, and what it keeps of its parent's.

use super::flags::{Names, bits, directory};
use super::{Decoded, Entry};
use crate::memory::{Memory, quote};
use crate::purpose::Purpose;

const EXECVEAT: Names = &[
    (libc::AT_EMPTY_PATH as u64, "AT_EMPTY_PATH"),
    (libc::AT_SYMLINK_NOFOLLOW as u64, "AT_SYMLINK_NOFOLLOW"),
];
const CLOSE_RANGE: Names = &[(2, "CLOSE_RANGE_UNSHARE"), (4, "CLOSE_RANGE_CLOEXEC")];

/// Longer command lines are cut: the first words tell which it is.
const WORDS: usize = 12;

pub fn execve(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let path = memory.text(entry.args[0]);
    executed(
        path,
        vec![memory.quoted(entry.args[0])],
        entry.args[1],
        memory,
    )
}

pub fn execveat(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let args = vec![directory(entry.int(0)), memory.quoted(entry.args[1])];
    let mut decoded = executed(memory.text(entry.args[1]), args, entry.args[2], memory)?;
    decoded.args.push(bits(entry.args[4], EXECVEAT));
    Some(decoded)
}

fn executed(path: String, mut args: Vec<String>, argv: u64, memory: Memory) -> Option<Decoded> {
    let words = memory.list(argv);
    let mut shown: Vec<_> = words.iter().take(WORDS).map(|word| quote(word)).collect();
    if words.len() > WORDS {
        shown.push("…".into());
    }
    args.push(format!("[{}]", shown.join(", ")));
    let line: Vec<_> = words
        .iter()
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let line = if line.is_empty() {
        path
    } else {
        line.join(" ")
    };
    let why = "the process becomes this program";
    Some(Decoded::new(Purpose::Process, args, why)?.runs(line))
}

pub fn exit_group(entry: &Entry, _: Memory) -> Option<Decoded> {
    let args = vec![(entry.int(0) & 0xff).to_string()];
    Decoded::new(
        Purpose::Process,
        args,
        "the process ends, and its parent gets the status",
    )
}

pub fn setsid(_: &Entry, _: Memory) -> Option<Decoded> {
    let why = "a session of its own, without the terminal of the old one";
    Decoded::new(Purpose::Process, Vec::new(), why)
}

pub fn close_range(entry: &Entry, _: Memory) -> Option<Decoded> {
    let last = match entry.args[1] as u32 {
        u32::MAX => "~0U".into(),
        last => last.to_string(),
    };
    let args = vec![
        (entry.args[0] as u32).to_string(),
        last,
        bits(entry.args[2], CLOSE_RANGE),
    ];
    let why = match entry.args[2] & 4 {
        0 => "what was open is none of the program's business",
        _ => "what is open is none of the program's business: exec closes it",
    };
    Decoded::new(Purpose::Process, args, why)
}

pub fn ioctl(entry: &Entry, _: Memory) -> Option<Decoded> {
    let args = vec![
        entry.int(0).to_string(),
        "TIOCSCTTY".into(),
        entry.int(2).to_string(),
    ];
    let why = "the session takes this terminal for its own: Ctrl-C goes to it";
    Decoded::new(Purpose::Process, args, why)
}
