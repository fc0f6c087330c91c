//! What a reader types and sees, as a snapshot that the book includes.

use std::fmt::Write;
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use nix::unistd::{AccessFlags, access, geteuid};
use regex::Regex;
use tempfile::TempDir;

use super::kernel::{Process, eventually, processes_with};
use super::need::NOBODY;
use super::snapshot::snapshot;
use super::world::{World, directory};

/// A session at a terminal. Each line is given to `sh -c`, with the programs in `PATH`.
pub struct Transcript {
    text: String,
    background: Vec<Background>,
    /// PIDs that the run gave out, and what stands for them in the snapshot.
    pids: Vec<(u32, u32)>,
    unprivileged: bool,
    directory: Option<TempDir>,
}

/// A program that runs beside the lines, with what it prints.
struct Background {
    process: Child,
    output: BufReader<PipeReader>,
}

impl Transcript {
    pub fn new() -> Self {
        Self {
            text: String::new(),
            background: Vec::new(),
            pids: Vec::new(),
            unprivileged: false,
            directory: None,
        }
    }

    /// The session of an ordinary user, even when the tests run as root. Its
    /// user ID is 1000 in the snapshot, and what is said about it stays.
    pub fn unprivileged(mut self) -> Self {
        self.unprivileged = true;
        self
    }

    /// The lines run in an empty directory of their own.
    pub fn in_a_directory(mut self) -> Self {
        self.directory = Some(directory());
        self
    }

    /// Runs a line, and keeps what it printed.
    pub fn shell(mut self, line: &str) -> Self {
        let (output, status) = self.run(line);
        let output = self.stand_ins(&output);
        self.keep(line, &output, status);
        self
    }

    /// Runs a line that prints PIDs: every number of two digits or more is
    /// taken for one. (In a table of ps(1) they are known without this.)
    pub fn shell_with_pids(mut self, line: &str) -> Self {
        let (output, status) = self.run(line);
        let number = Regex::new(r"\b\d{2,7}\b").expect("a pattern");
        for found in number.find_iter(&output) {
            self.number(found.as_str());
        }
        let output = self.stand_ins(&output);
        self.keep(line, &output, status);
        self
    }

    /// Runs a line again and again until what it prints is `so`: what a reader
    /// looks at has happened by the time the line is typed.
    pub fn shell_until(mut self, line: &str, so: impl Fn(&str) -> bool) -> Self {
        let mut last = (String::new(), None);
        let came = eventually(|| {
            last = self.run(line);
            so(&last.0)
        });
        assert!(came, "{line}: {}", last.0);
        let output = self.stand_ins(&last.0);
        self.keep(line, &output, last.1);
        self
    }

    /// Runs `PROGRAM ARGS… COMMAND` in the background until the transcript ends.
    /// `command` must be unlike any other test's, for instance `sleep 1001`.
    /// Its PID on the host is 4054 in the snapshot, the program's own 4053.
    pub fn background(self, program: &str, command: &str) -> Self {
        self.background_line(&format!("{program} {command}"), command)
    }

    /// Runs a line in the background, and waits until it has come to `command`.
    /// In the lines that follow, `$!` is its PID, as it is at a terminal.
    pub fn background_line(mut self, line: &str, command: &str) -> Self {
        let _ = writeln!(self.text, "$ {line} &");
        let (output, process) = self.spawn(&format!("exec {line}"));
        let number = 4053 + 10 * self.background.len() as u32;
        let runtime = Process(process.id());
        let mut found = Vec::new();
        let started = eventually(|| {
            found = processes_with(command);
            found.retain(|process| {
                process.command_line() == command
                    && (*process == runtime || process.descends_from(runtime))
            });
            !found.is_empty()
        });
        assert!(started, "{line}: {command} does not run");
        for process in found {
            // The program itself, then, with an init between them, that one, then the command.
            let line: Vec<_> = process.line_from(runtime).collect();
            for (pid, number) in line.iter().rev().zip(number..) {
                self.pids.push((pid.0, number));
            }
        }
        self.background.push(Background {
            process,
            output: BufReader::new(output),
        });
        self
    }

    /// Waits until the program in the background prints a line, and keeps it.
    pub fn says(mut self) -> Self {
        let background = self.background.last_mut().expect("a background program");
        let mut line = String::new();
        while line.is_empty() || notice().is_match(&line) {
            line.clear();
            let length = background.output.read_line(&mut line).expect("a line");
            assert_ne!(length, 0, "the program in the background says nothing");
        }
        self.text += &line;
        self
    }

    /// Waits until the program in the background ends, and shows its status.
    pub fn wait(mut self) -> Self {
        let background = self.background.last_mut().expect("a background program");
        let status = background.process.wait().expect("a program that ends");
        let status = status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        let _ = writeln!(self.text, "$ wait $!; echo $?\n{status}");
        self
    }

    /// Holds the session to the snapshot of this name.
    pub fn snapshot(self, name: &str) {
        let text = self.normalised();
        snapshot(name, &text);
    }

    fn keep(&mut self, line: &str, output: &str, status: Option<i32>) {
        let _ = writeln!(self.text, "$ {line}");
        self.text += output;
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        if let Some(code) = status.filter(|code| *code != 0) {
            let _ = writeln!(self.text, "[exit status {code}]");
        }
    }

    /// Both outputs through one pipe, in the order in which they were written.
    fn run(&self, line: &str) -> (String, Option<i32>) {
        let line = match self.background.last() {
            Some(background) => line.replace("$!", &background.process.id().to_string()),
            None => line.to_owned(),
        };
        let (mut reader, mut process) = self.spawn(&line);
        let mut output = Vec::new();
        reader.read_to_end(&mut output).expect("an output");
        let status = process.wait().expect("a shell that ends");
        let mut output = String::from_utf8_lossy(&output).into_owned();
        if !self.unprivileged {
            // Said when the tests do not run as root; the output is otherwise the same.
            output = notice().replace_all(&output, "").into_owned();
        }
        (output, status.code())
    }

    fn spawn(&self, line: &str) -> (PipeReader, Child) {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let error = writer.try_clone().expect("a second end");
        let process = self
            .command(line)
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(error)
            .spawn()
            .expect("a shell");
        (reader, process)
    }

    fn command(&self, line: &str) -> Command {
        let world = World::shared();
        let mut command = if self.unprivileged && geteuid().is_root() {
            world.command_as_nobody("sh")
        } else {
            let mut command = world.command("sh");
            command.current_dir(env!("CARGO_MANIFEST_DIR"));
            command
        };
        if let Some(directory) = &self.directory {
            command.current_dir(directory.path());
        }
        command.args(["-c", line]).env("PATH", searchable_path());
        // What a terminal's size and language would change.
        command
            .env("LC_ALL", "C")
            .env("COLUMNS", "80")
            .env_remove("TERM");
        command
    }

    /// The stand-in of a PID: the next number, in the order in which they appear.
    fn number(&mut self, word: &str) -> String {
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
    fn stand_ins(&mut self, output: &str) -> String {
        if let Some(columns) = ps_columns(output) {
            return self.ps_table(output, columns);
        }
        let mut output = output.to_owned();
        for (pid, stand_in) in &self.pids {
            output = replace(&output, &format!(r"\b{pid}\b"), &stand_in.to_string());
        }
        output
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
    pub fn normalised(&self) -> String {
        let mut text = self.text.clone();
        let root = World::shared().hull_root();
        text = text.replace(&*root.to_string_lossy(), "$HULL_ROOT");
        text = text.replace(
            &*root.with_file_name("user").to_string_lossy(),
            "$HULL_ROOT",
        );
        text = text.replace(&*World::shared().bin().to_string_lossy(), "target/debug");
        text = replace(&text, r"rootfs/host-[0-9a-f]+", "rootfs/host-[KEY]");
        text = replace(&text, r"data/overlay/\d+/", "data/overlay/0/");
        text = replace(&text, r"/tmp/(hull-test-|\.tmp)\w+", "/tmp/[DIRECTORY]");
        if let Some(directory) = &self.directory {
            text = text.replace(&*directory.path().to_string_lossy(), "/tmp/[DIRECTORY]");
        }
        // Control groups: by the program's PID and its start, or by mktemp(1).
        text = replace(&text, r"/hull/\d+-\d+", "/hull/4053-61432");
        text = replace(&text, r"/hull-\w{6}\b", "/hull-k3Yp9Q");
        // Groups of other tests go while find(1) looks.
        text = replace(&text, r"(?m)^find: .*/hull/.* No such file.*\n", "");
        // What a group has used, in the words of chapter 3's example.
        let bytes = r"\b(memory|peak) [\d.]+ (bytes|KiB|MiB)";
        text = replace(&text, bytes, "$1 1.4 MiB");
        // The tables of xray, whose PIDs had other widths before they were replaced.
        text = replace(&text, r"(?m)^ +(\d{4})( {8,10}[-\d]  )", "     $1$2");
        let heading = r"(?m)^([A-Z ]{16})(\d{4}) +(\d{4})$";
        text = replace(&text, heading, &format!("${{1}}${{2}}{:26}${{3}}", ""));
        let column = r"(?m)^(  memory {8})[\d.]+ [KM]iB +(\d+ MiB)$";
        text = replace(&text, column, &format!("${{1}}{:30}$2", "1.4 MiB"));
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
            // In the words, the table and the picture of xray.
            let own = if geteuid().is_root() {
                NOBODY
            } else {
                geteuid().as_raw()
            };
            let column = format!(r"(?m)^(  user.{{10}}){own:<26}");
            text = replace(&text, &column, &format!("${{1}}{:<26}", 1000));
            text = replace(
                &text,
                &format!(r"(user ID: |this is user |>){own}\b"),
                "${1}1000",
            );
        }
        // A shell that is bash says more than dash does, when it is not at a terminal.
        let killed = r"(?m)^\w+: line \d+: +\d+ (Terminated|Killed)\b.*$";
        text = replace(&text, killed, "$1");
        text = replace(&text, r"(?m)[ \t]+$", "");
        number_namespaces(&text)
    }
}

/// What a program says of the user namespace that it had to make.
fn notice() -> Regex {
    Regex::new(
        r"(?m)^ch\d\d-\w+: [^\n]*in a user namespace: uid \d+ here is uid 0 \(root\) inside\n",
    )
    .expect("a pattern")
}

/// Without the directories that this user may not look into: a command that is
/// in none of the others would be "not permitted" in place of "not found".
fn searchable_path() -> std::ffi::OsString {
    let path = World::shared().path_variable();
    let searchable = std::env::split_paths(&path)
        .filter(|directory| access(directory, AccessFlags::X_OK).is_ok());
    std::env::join_paths(searchable).expect("parts of a PATH")
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

impl Drop for Transcript {
    fn drop(&mut self) {
        for background in &mut self.background {
            let _ = background.process.kill();
            let _ = background.process.wait();
        }
    }
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
