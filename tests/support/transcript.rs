//! What a reader types and sees, as a snapshot that the book includes.

use std::fmt::Write;
use std::process::{Child, Command, Stdio};

use regex::Regex;

use super::kernel::{Process, eventually, processes_with};
use super::snapshot::snapshot;
use super::world::World;

/// A session at a terminal. Each line is given to `sh -c`, with the programs in `PATH`.
pub struct Transcript {
    text: String,
    background: Vec<Child>,
    /// PIDs that the run gave out, and what stands for them in the snapshot.
    pids: Vec<(u32, u32)>,
}

impl Transcript {
    pub fn new() -> Self {
        Self {
            text: String::new(),
            background: Vec::new(),
            pids: Vec::new(),
        }
    }

    /// Runs a line, and keeps what it printed.
    pub fn shell(mut self, line: &str) -> Self {
        let output = self
            .command(line)
            .stdin(Stdio::null())
            .output()
            .expect("a shell");
        let _ = writeln!(self.text, "$ {line}");
        self.text += &String::from_utf8_lossy(&output.stdout);
        self.end_line();
        self.text += &String::from_utf8_lossy(&output.stderr);
        self.end_line();
        if let Some(code) = output.status.code().filter(|code| *code != 0) {
            let _ = writeln!(self.text, "[exit status {code}]");
        }
        self
    }

    /// Runs `PROGRAM ARGS… COMMAND` in the background until the transcript ends.
    /// `command` must be unlike any other test's, for instance `sleep 1001`.
    /// Its PID on the host is 4054 in the snapshot, the program's own 4053.
    pub fn background(mut self, program: &str, command: &str) -> Self {
        let _ = writeln!(self.text, "$ {program} {command} &");
        let runtime = self
            .command(&format!("exec {program} {command}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        self.pids
            .push((runtime.id(), 4053 + 10 * self.background.len() as u32));
        let mut found = Vec::new();
        let started = eventually(|| {
            found = processes_with(command);
            found.retain(|process| {
                process.command_line() == command && process.descends_from(Process(runtime.id()))
            });
            !found.is_empty()
        });
        assert!(started, "{program} {command}: the command does not run");
        for Process(pid) in found {
            self.pids
                .push((pid, 4054 + 10 * self.background.len() as u32));
        }
        self.background.push(runtime);
        self
    }

    /// Holds the session to the snapshot of this name.
    pub fn snapshot(self, name: &str) {
        let text = self.normalised();
        snapshot(name, &text);
    }

    fn command(&self, line: &str) -> Command {
        let world = World::shared();
        let mut command = world.command("sh");
        command
            .args(["-c", line])
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        // What a terminal's size and language would change.
        command
            .env("LC_ALL", "C")
            .env("COLUMNS", "80")
            .env_remove("TERM");
        command
    }

    fn end_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Without what differs from run to run and from machine to machine.
    fn normalised(&self) -> String {
        let mut text = self.text.clone();
        for (pid, stand_in) in &self.pids {
            text = replace(&text, &format!(r"\b{pid}\b"), &stand_in.to_string());
        }
        let root = World::shared().hull_root();
        text = text.replace(&*root.to_string_lossy(), "$HULL_ROOT");
        text = text.replace(&*World::shared().bin().to_string_lossy(), "target/debug");
        text = replace(&text, r"rootfs/host-[0-9a-f]+", "rootfs/host-[KEY]");
        text = replace(&text, r"/tmp/(hull-test-|\.tmp)\w+", "/tmp/[DIRECTORY]");
        // Said when the tests do not run as root; the output is otherwise the same.
        text = replace(
            &text,
            r"(?m)^ch\d\d-\w+: [^\n]*in a user namespace: uid \d+ here is uid 0 \(root\) inside\n",
            "",
        );
        text = replace(&text, r"(?m)[ \t]+$", "");
        number_namespaces(&text)
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        for runtime in &mut self.background {
            let _ = runtime.kill();
            let _ = runtime.wait();
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
