//! What a reader types and sees, as a snapshot that the book includes.

use std::fmt::Write;
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use nix::unistd::{AccessFlags, access, geteuid};
use regex::Regex;
use tempfile::TempDir;

use super::kernel::{Process, eventually, processes_with};
use super::snapshot::snapshot;
use super::stand_in::StandIns;
use super::world::{World, directory};

/// A session at a terminal. Each line is given to `sh -c`, with the programs in `PATH`.
pub struct Transcript {
    text: String,
    background: Vec<Background>,
    stand_ins: StandIns,
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
            stand_ins: StandIns::default(),
            directory: None,
        }
    }

    /// The session of an ordinary user, even when the tests run as root. Its
    /// user ID is 1000 in the snapshot, and what is said about it stays.
    pub fn unprivileged(mut self) -> Self {
        self.stand_ins.unprivileged = true;
        self
    }

    /// The lines run in an empty directory of their own.
    pub fn in_a_directory(mut self) -> Self {
        let directory = directory();
        self.stand_ins.directory = Some(directory.path().to_string_lossy().into_owned());
        self.directory = Some(directory);
        self
    }

    /// Runs a line, and keeps what it printed.
    pub fn shell(mut self, line: &str) -> Self {
        let (output, status) = self.run(line);
        let output = self.stand_ins.apply(&output);
        self.keep(line, &output, status);
        self
    }

    /// Runs a line that prints PIDs: every number of two digits or more is
    /// taken for one. (In a table of ps(1) they are known without this.)
    pub fn shell_with_pids(mut self, line: &str) -> Self {
        let (output, status) = self.run(line);
        let number = Regex::new(r"\b\d{2,7}\b").expect("a pattern");
        for found in number.find_iter(&output) {
            self.stand_ins.number(found.as_str());
        }
        let output = self.stand_ins.apply(&output);
        self.keep(line, &output, status);
        self
    }

    /// Runs a line that prints what `explain` tells: the number that a line begins with is a PID.
    pub fn narration(mut self, line: &str) -> Self {
        let (output, status) = self.run(line);
        let output = self.stand_ins.narration(&output);
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
        let output = self.stand_ins.apply(&last.0);
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
                self.stand_ins.set(pid.0, number);
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

    /// The session without what differs from run to run.
    pub fn normalised(&self) -> String {
        self.stand_ins.normalised(&self.text)
    }

    /// Holds the session to the snapshot of this name.
    pub fn snapshot(self, name: &str) {
        snapshot(name, &self.normalised());
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
        if !self.stand_ins.unprivileged {
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
        let mut command = if self.stand_ins.unprivileged && geteuid().is_root() {
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

impl Drop for Transcript {
    fn drop(&mut self) {
        for background in &mut self.background {
            let _ = background.process.kill();
            let _ = background.process.wait();
        }
    }
}
