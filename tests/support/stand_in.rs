//! What stands in a snapshot for what differs from run to run and from machine to machine: for
//! PIDs, inodes of namespaces, users, and the directories of a run.

use std::fmt::Write;

use nix::unistd::geteuid;
use regex::Regex;

use super::need::NOBODY;
use super::world::World;

/// The stand-ins of one session.
#[derive(Default)]
pub struct StandIns {
    /// PIDs that the run gave out, and what stands for them in the snapshot.
    pids: Vec<(u32, u32)>,
    /// Whether it is the session of an ordinary user, whose ID is 1000 in the snapshot.
    pub unprivileged: bool,
    /// The directory that the lines run in, where they have one of their own.
    pub directory: Option<String>,
}

impl StandIns {
    /// From now on `number` stands for `pid`.
    pub fn set(&mut self, pid: u32, number: u32) {
        self.pids.push((pid, number));
    }

    /// The stand-in of a PID: the next number, in the order in which they appear.
    pub fn number(&mut self, word: &str) -> String {
        let Ok(pid) = word.parse::<u32>() else {
            return word.to_owned();
        };
        // No process of the host's has so low a PID, but a container's have.
        if pid < 10 {
            return word.to_owned();
        }
        let known = self.pids.iter().find(|(known, _)| *known == pid);
        let number = known.map_or_else(
            || self.pids.iter().map(|(_, n)| n + 1).max().unwrap_or(4053),
            |(_, number)| *number,
        );
        self.pids.push((pid, number));
        number.to_string()
    }

    /// What one line printed, with the stand-ins of its PIDs.
    pub fn apply(&mut self, output: &str) -> String {
        if let Some(columns) = ps_columns(output) {
            return self.ps_table(output, columns);
        }
        let mut output = output.to_owned();
        for (pid, stand_in) in &self.pids {
            output = replace(&output, &format!(r"\b{pid}\b"), &stand_in.to_string());
        }
        output
    }

    /// What `explain` tells: the number that a line begins with is a PID. The column is as wide
    /// with a stand-in of another length.
    pub fn narration(&mut self, output: &str) -> String {
        let number = Regex::new(r"(?m)^[ │├└─]*(\d{2,7})\b").expect("a pattern");
        for found in number.captures_iter(output) {
            self.number(&found[1]);
        }
        let column = Regex::new(r"(?m)^(\d+(?: \(\d+\))?) +(\w+\(|---|\+\+\+)").expect("a pattern");
        column
            .replace_all(&self.apply(output), |found: &regex::Captures| {
                format!("{:<10} {}", &found[1], &found[2])
            })
            .into_owned()
    }

    /// ps(1) makes its columns as wide as the machine's highest PID may be.
    fn ps_table(&mut self, output: &str, columns: usize) -> String {
        let mut table = String::new();
        for line in output.lines() {
            let mut rest = line;
            let in_table = line.starts_with(' ') || line.starts_with(|c: char| c.is_ascii_digit());
            for _ in 0..if in_table { columns } else { 0 } {
                let (word, after) = next_word(rest);
                let word = self.number(word);
                let _ = write!(table, "{word:>7} ");
                rest = after;
            }
            let rest = if in_table { rest.trim_start() } else { rest };
            let _ = writeln!(table, "{}", rest.replace(" <defunct>", ""));
        }
        table
    }

    /// Without what differs from run to run and from machine to machine.
    pub fn normalised(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let root = World::shared().hull_root();
        text = text.replace(&*root.to_string_lossy(), "$HULL_ROOT");
        let own = root.with_file_name("user");
        text = text.replace(&*own.to_string_lossy(), "$HULL_ROOT");
        text = text.replace(&*World::shared().bin().to_string_lossy(), "target/debug");
        text = replace(&text, r"rootfs/host-[0-9a-f]+", "rootfs/host-[KEY]");
        text = replace(&text, r"/tmp/(hull-test-|\.tmp)\w+", "/tmp/[DIRECTORY]");
        if let Some(directory) = &self.directory {
            text = text.replace(&**directory, "/tmp/[DIRECTORY]");
        }
        text = replace(&text, r"data/overlay/\d+/", "data/overlay/0/");
        text = xray(&text);
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
        if self.unprivileged {
            text = replace(&text, r": uid \d+ here", ": uid 1000 here");
            text = replace(&text, r"(?m)^(\$ id -u\n)\d+$", "${1}1000");
            text = xray_of_a_user(&text);
        }
        // A shell that is bash says more than dash does, when it is not at a terminal.
        let killed = r"(?m)^\w+: line \d+: +\d+ (Terminated|Killed)\b.*$";
        text = replace(&text, killed, "$1");
        text = replace(&text, r"(?m)[ \t]+$", "");
        number_namespaces(&text)
    }
}

/// The tables of xray, whose PIDs had other widths before they were replaced.
fn xray(text: &str) -> String {
    let text = replace(text, r"(?m)^ +(\d{4})( {8,10}[-\d]  )", "     $1$2");
    let heading = r"(?m)^([A-Z ]{16})(\d{4}) +(\d{4})$";
    let text = replace(&text, heading, &format!("${{1}}${{2}}{:26}${{3}}", ""));
    let column = r"(?m)^(  memory {8})[\d.]+ [KM]iB +(\d+ MiB)$";
    replace(&text, column, &format!("${{1}}{:30}$2", "1.4 MiB"))
}

/// In the words, the table and the picture of xray.
fn xray_of_a_user(text: &str) -> String {
    let own = if geteuid().is_root() {
        NOBODY
    } else {
        geteuid().as_raw()
    };
    let column = format!(r"(?m)^(  user.{{10}}){own:<26}");
    let text = replace(text, &column, &format!("${{1}}{:<26}", 1000));
    let words = format!(r"(user ID: |this is user |>){own}\b");
    replace(&text, &words, "${1}1000")
}

/// How many columns of PIDs a table of ps(1) begins with.
fn ps_columns(output: &str) -> Option<usize> {
    let is_pid = |word: &&str| matches!(*word, "PID" | "PPID" | "PGID" | "SID");
    let columns = output
        .lines()
        .map(|line| line.split_whitespace().take_while(is_pid).count());
    columns.max().filter(|columns| *columns > 0)
}

fn next_word(line: &str) -> (&str, &str) {
    let line = line.trim_start();
    line.split_at(line.find(' ').unwrap_or(line.len()))
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

fn replace(text: &str, pattern: &str, by: &str) -> String {
    Regex::new(pattern)
        .expect("a pattern")
        .replace_all(text, by)
        .into_owned()
}
