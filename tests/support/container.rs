//! A container that runs while a test looks at it from the host's side.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::kernel::{Process, eventually};

/// A running program whose command is `cat`: it runs until its input ends,
/// and its echo proves that the exec is done.
pub struct Container {
    runtime: Child,
    output: BufReader<ChildStdout>,
}

impl Container {
    /// Starts `command`, which must end in a `cat`, and waits until the `cat` answers.
    pub fn start(command: &mut Command) -> Self {
        let mut runtime = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a program that starts");
        let output = BufReader::new(runtime.stdout.take().expect("a pipe from the program"));
        let mut this = Self { runtime, output };
        this.write("ready\n");
        let mut line = String::new();
        this.output.read_line(&mut line).expect("an answer");
        if line != "ready\n" {
            let mut error = String::new();
            if let Some(mut stderr) = this.runtime.stderr.take() {
                let _ = stderr.read_to_string(&mut error);
            }
            panic!("the container did not start: {line:?} {error}");
        }
        this
    }

    /// The runtime's own process.
    pub fn runtime(&self) -> Process {
        Process(self.runtime.id())
    }

    /// The container's first process: the runtime's only child.
    pub fn first_process(&self) -> Process {
        let children = self.runtime().children();
        assert_eq!(children.len(), 1, "a runtime has one child");
        children[0]
    }

    /// The `cat`, which has a parent of its own under `--init`.
    pub fn cat(&self) -> Process {
        let first = self.first_process();
        *first.children().first().unwrap_or(&first)
    }

    pub fn write(&mut self, text: &str) {
        let stdin = self.runtime.stdin.as_mut().expect("a pipe to the program");
        stdin
            .write_all(text.as_bytes())
            .expect("a program that reads");
    }

    /// Sends a signal to the runtime.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.runtime.id() as i32), signal).expect("a runtime that runs");
    }

    /// Sends a signal to a process of the container.
    pub fn signal_inside(&self, process: Process, signal: Signal) {
        kill(Pid::from_raw(process.0 as i32), signal).expect("a process that runs");
    }

    /// Waits until the runtime has ended, and returns its status and what it wrote on stderr.
    pub fn wait(mut self) -> (Ended, String) {
        let ended = eventually(|| matches!(self.runtime.try_wait(), Ok(Some(_))));
        assert!(ended, "the runtime does not end");
        let status = self.runtime.wait().expect("a runtime that ends");
        let mut error = String::new();
        if let Some(mut stderr) = self.runtime.stderr.take() {
            let _ = stderr.read_to_string(&mut error);
        }
        (Ended(status), error)
    }

    /// Lets the `cat` end, and waits.
    pub fn end(mut self) -> (Ended, String) {
        drop(self.runtime.stdin.take());
        self.wait()
    }

    /// Waits until nobody holds the container's output open any more: until
    /// all its processes have ended.
    pub fn wait_for_silence(&mut self) {
        loop {
            let mut output = [PollFd::new(
                self.output.get_ref().as_fd(),
                PollFlags::POLLIN,
            )];
            let ready = poll(&mut output, 10_000u16).expect("poll");
            assert!(ready > 0, "a process of the container lives on");
            if self
                .output
                .read(&mut [0; 512])
                .expect("an end of the output")
                == 0
            {
                return;
            }
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let child = self.runtime.id();
        let _ = self.runtime.kill();
        let _ = self.runtime.wait();
        eventually(|| !Process(child).exists());
    }
}

/// How a runtime ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended(ExitStatus);

impl Ended {
    pub fn code(self) -> Option<i32> {
        self.0.code()
    }
}
