//! What differs from run to run and from machine to machine, and what stands for it in a snapshot.

use std::path::Path;

use regex::Regex;

use super::world::World;

/// Without what differs from run to run and from machine to machine.
pub fn normalised(text: &str, directory: Option<&Path>, unprivileged: bool) -> String {
    let mut text = text.to_owned();
    let root = World::shared().hull_root();
    text = text.replace(&*root.to_string_lossy(), "$HULL_ROOT");
    text = text.replace(&*World::shared().bin().to_string_lossy(), "target/debug");
    text = replace(&text, r"rootfs/host-[0-9a-f]+", "rootfs/host-[KEY]");
    text = replace(&text, r"/tmp/(hull-test-|\.tmp)\w+", "/tmp/[DIRECTORY]");
    if let Some(directory) = directory {
        text = text.replace(&*directory.to_string_lossy(), "/tmp/[DIRECTORY]");
    }
    // Control groups: by the program's PID and its start, or by mktemp(1).
    text = replace(&text, r"/hull/\d+-\d+", "/hull/4053-61432");
    text = replace(&text, r"/hull-\w{6}\b", "/hull-k3Yp9Q");
    // Groups of other tests go while find(1) looks.
    text = replace(&text, r"(?m)^find: .*/hull/.* No such file.*\n", "");
    // What a group has used, in the words of chapter 3's example.
    let bytes = r"\b(memory|peak) [\d.]+ (bytes|KiB|MiB)";
    text = replace(&text, bytes, "$1 1.4 MiB");
    let times = r"processors \d+ us: user \d+ us, system \d+ us";
    let example = "processors 900 us: user 300 us, system 600 us";
    text = replace(&text, times, example);
    text = replace(&text, r"/dev/loop\d+\b", "/dev/loop0");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = format!("(?m)^{}$", regex::escape(host.trim()));
    text = replace(&text, &host, "laptop");
    // user_namespaces(7): the ID inside, the ID outside, how many.
    text = replace(&text, r"(?m)^( +0) +\d+( +1)$", "${1}       1000${2}");
    if unprivileged {
        text = replace(&text, r": uid \d+ here", ": uid 1000 here");
        text = replace(&text, r"(?m)^(\$ id -u\n)\d+$", "${1}1000");
    }
    // A shell that is bash says more than dash does, when it is not at a terminal.
    let killed = r"(?m)^\w+: line \d+: +\d+ (Terminated|Killed)\b.*$";
    text = replace(&text, killed, "$1");
    text = replace(&text, r"(?m)[ \t]+$", "");
    number_namespaces(&text)
}

/// What a program says of the user namespace that it had to make.
pub fn notice() -> Regex {
    Regex::new(
        r"(?m)^ch\d\d-\w+: [^\n]*in a user namespace: uid \d+ here is uid 0 \(root\) inside\n",
    )
    .expect("a pattern")
}

/// Namespace inodes, numbered in the order in which they appear.
fn number_namespaces(text: &str) -> String {
    let inode = Regex::new(r"\b402653\d{4}\b").expect("a pattern");
    let mut seen = Vec::new();
    inode
        .replace_all(text, |found: &regex::Captures| {
            let inode = found[0].to_owned();
            let number = seen
                .iter()
                .position(|other| *other == inode)
                .unwrap_or_else(|| {
                    seen.push(inode);
                    seen.len() - 1
                });
            format!("{}", 4_026_532_201 + number as u64)
        })
        .into_owned()
}

pub fn replace(text: &str, pattern: &str, by: &str) -> String {
    Regex::new(pattern)
        .expect("a pattern")
        .replace_all(text, by)
        .into_owned()
}

/// How many columns of PIDs a table of ps(1) begins with.
pub fn ps_columns(output: &str) -> Option<usize> {
    let is_pid = |word: &&str| matches!(*word, "PID" | "PPID" | "PGID" | "SID");
    let columns = output
        .lines()
        .map(|line| line.split_whitespace().take_while(is_pid).count());
    columns.max().filter(|columns| *columns > 0)
}

pub fn next_word(line: &str) -> (&str, &str) {
    let line = line.trim_start();
    line.split_at(line.find(' ').unwrap_or(line.len()))
}
