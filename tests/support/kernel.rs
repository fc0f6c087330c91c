//! What the kernel says of a process, read from the host's side.

use std::fs;
use std::time::{Duration, Instant};

/// A process, by its PID on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(pub u32);

/// One line of /proc/PID/mountinfo: proc_pid_mountinfo(5).
#[derive(Debug, Clone)]
pub struct Mount {
    pub root: String,
    pub point: String,
    pub options: String,
    pub propagation: String,
    pub kind: String,
}

impl Process {
    /// Its children. The kernel keeps a list for each thread, and so one is asked for each.
    pub fn children(self) -> Vec<Process> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0))
            .into_iter()
            .flatten()
            .flatten();
        let lists =
            threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        let pids: Vec<_> = lists
            .flat_map(|list| {
                list.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        pids.iter()
            .filter_map(|pid| pid.parse().ok())
            .map(Process)
            .collect()
    }

    /// The inode of one of its namespaces. Equal inodes are one namespace: namespaces(7).
    pub fn namespace(self, kind: &str) -> String {
        let link = fs::read_link(format!("/proc/{}/ns/{kind}", self.0)).expect("a namespace link");
        link.to_string_lossy().into_owned()
    }

    /// A field of /proc/PID/status, without its name.
    pub fn status(self, field: &str) -> Option<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let value = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Its command line, words joined by spaces.
    pub fn command_line(self) -> String {
        let line = fs::read(format!("/proc/{}/cmdline", self.0)).unwrap_or_default();
        String::from_utf8_lossy(&line)
            .trim_end_matches('\0')
            .replace('\0', " ")
    }

    /// Its mount namespace's mounts, as its root sees them.
    pub fn mounts(self) -> Vec<Mount> {
        let table = fs::read_to_string(format!("/proc/{}/mountinfo", self.0)).expect("mountinfo");
        table.lines().map(parse_mount).collect()
    }

    /// Whether `ancestor` is its parent, or a parent of that one, and so on.
    pub fn descends_from(self, ancestor: Process) -> bool {
        self.line().skip(1).any(|process| process == ancestor)
    }

    /// Itself, its parent, and so on up to `ancestor`.
    pub fn line_from(self, ancestor: Process) -> impl Iterator<Item = Process> {
        let mut below = true;
        self.line()
            .take_while(move |process| std::mem::replace(&mut below, *process != ancestor))
    }

    /// Itself, its parent, the parent of that one, and so on.
    fn line(self) -> impl Iterator<Item = Process> {
        let parent = |process: Process| process.status("PPid")?.parse().ok().map(Process);
        std::iter::successors(Some(self), move |process| parent(*process))
    }

    /// Its processor time until now, in clock ticks: proc_pid_stat(5), fields 14 and 15.
    pub fn ticks(self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let times = fields.split_whitespace().skip(11).take(2);
        times.filter_map(|time| time.parse::<u64>().ok()).sum()
    }

    pub fn exists(self) -> bool {
        fs::exists(format!("/proc/{}", self.0)).unwrap_or(false)
    }
}

fn parse_mount(line: &str) -> Mount {
    let words: Vec<_> = line.split(' ').collect();
    let dash = words
        .iter()
        .position(|word| *word == "-")
        .expect("a separator in mountinfo");
    Mount {
        root: words[3].to_owned(),
        point: words[4].to_owned(),
        options: words[5].to_owned(),
        propagation: words[6..dash].join(" "),
        kind: words[dash + 1].to_owned(),
    }
}

/// All processes with `needle` in their command line.
pub fn processes_with(needle: &str) -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = entries
        .filter_map(|entry| entry.file_name().to_string_lossy().parse().ok())
        .map(Process);
    pids.filter(|process| process.command_line().contains(needle))
        .collect()
}

/// Waits until the kernel says so; false when it has not in a minute: an emulated processor copies
/// a whole file tree in ten seconds.
/// It yields, and does not sleep: what is waited for is milliseconds away.
pub fn eventually(mut so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if so() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        std::thread::yield_now();
    }
}
