//! A program under test while it runs. Every wait here has a limit.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::kernel::Process;
use crate::limit::{eventually, limit};
use crate::needle::needle;

/// How many lines of a stream are kept until a check asks for them.
const LINES: usize = 4096;
/// How many bytes a line may have; a longer one is taken for several.
const LINE: u64 = 8 << 10;
/// How many bytes a whole output may have.
const OUTPUT: usize = 1 << 20;

/// A running program, with pipes for its three standard streams.
pub struct Container {
    runtime: Child,
    output: Receiver<String>,
    error: Receiver<String>,
}

impl Container {
    /// Starts a program. Whether its command runs yet is not known.
    pub fn begin(command: &mut Command) -> Self {
        let mut runtime = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a program that starts");
        Self {
            output: lines(runtime.stdout.take().expect("a pipe from the program")),
            error: lines(runtime.stderr.take().expect("a pipe from the program")),
            runtime,
        }
    }

    /// Starts a program whose command is, or ends in, a `cat`, and waits until the `cat` answers.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let mut this = Self::begin(command);
        this.expect_echo();
        this
    }

    /// The runtime's own process.
    pub fn runtime(&self) -> Process {
        Process(self.runtime.id())
    }

    /// The container's first process: the runtime's only child.
    #[track_caller]
    pub fn first_process(&self) -> Process {
        match self.runtime().children()[..] {
            [only] => only,
            ref children => panic!("the program has {} children, not one", children.len()),
        }
    }

    /// Gives the command an input line, and waits until it comes back.
    #[track_caller]
    pub fn expect_echo(&mut self) {
        let word = needle();
        // A program that has ended reads nothing; the line that does not come back will tell.
        if let Some(input) = &mut self.runtime.stdin {
            let _ = writeln!(input, "{word}");
        }
        self.expect_line(&word);
    }

    /// Waits for a line of output.
    #[track_caller]
    pub fn expect_line(&mut self, expected: &str) {
        match self.output.recv_timeout(limit()) {
            Ok(line) => assert_eq!(line, expected, "the command's output"),
            Err(RecvTimeoutError::Timeout) => panic!(
                "the program has not answered in {:?}\n{}",
                limit(),
                self.said_so_far()
            ),
            Err(RecvTimeoutError::Disconnected) => {
                let ended = self.status().map_or("not yet reaped".into(), in_words);
                let error = rest(&self.error).unwrap_or_default();
                panic!("the program ended: {ended}\n{}", said(&error))
            }
        }
    }

    /// Ends the program's input.
    pub fn end_input(&mut self) {
        drop(self.runtime.stdin.take());
    }

    /// Sends a signal to the runtime, and waits until the runtime has taken it.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("a runtime that runs");
        let taken = eventually(|| {
            let pending = |field| self.runtime().status(field);
            [pending("SigPnd"), pending("ShdPnd")].iter().all(|mask| {
                mask.as_ref()
                    .is_none_or(|mask| !mask.contains(|c| c != '0'))
            })
        });
        assert!(taken, "the program has not read {signal} in {:?}", limit());
    }

    /// Ends a process of the container, whatever it thinks of it.
    #[track_caller]
    pub fn kill_inside(&self, process: Process) {
        kill(Pid::from_raw(process.0 as i32), Signal::SIGKILL).expect("a process that runs");
    }

    /// Whether the runtime has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.runtime.try_wait(), Ok(None))
    }

    /// Waits until the program ends.
    #[track_caller]
    pub fn wait(mut self) -> Ended {
        let output = rest(&self.output);
        let error = rest(&self.error);
        let ended = output.is_some() && error.is_some();
        let status = if ended { self.status() } else { None };
        let Some(status) = status else {
            let error = error.map_or_else(|| self.said_so_far(), |error| said(&error));
            panic!("the program has not ended in {:?}\n{error}", limit());
        };
        Ended {
            status,
            output: output.unwrap_or_default(),
            error: error.unwrap_or_default(),
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.runtime.id() as i32)
    }

    fn status(&mut self) -> Option<ExitStatus> {
        let mut status = None;
        eventually(|| {
            status = self.runtime.try_wait().ok().flatten();
            status.is_some()
        });
        status
    }

    /// What came on stderr until now.
    fn said_so_far(&self) -> String {
        let lines: Vec<_> = self.error.try_iter().collect();
        said(&lines.join("\n"))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // A child dies with its runtime: the kernel sees to that.
        let _ = self.runtime.kill();
        let _ = self.runtime.wait();
    }
}

/// How a program ended, and what it wrote.
#[derive(Debug)]
pub struct Ended {
    status: ExitStatus,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub error: String,
}

impl Ended {
    /// Holds the exit status to `code`.
    #[track_caller]
    pub fn expect_code(&self, code: u64) {
        let seen = self.status.code().and_then(|code| u64::try_from(code).ok());
        assert!(
            seen == Some(code),
            "expected exit status {code}, and saw {}\n{self}",
            in_words(self.status)
        );
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&said(&self.error))
    }
}

fn in_words(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("a death by signal {signal}"),
        None => format!("exit status {}", status.code().unwrap_or(-1)),
    }
}

/// What a program wrote on stderr: the reader of a failure asks for it.
fn said(error: &str) -> String {
    let lines: Vec<_> = error
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("note: run with `RUST_BACKTRACE"))
        .map(|line| format!("    {line}"))
        .collect();
    if lines.is_empty() {
        return "it wrote nothing on stderr".into();
    }
    format!("it wrote on stderr:\n{}", lines.join("\n"))
}

/// Runs a program without input to its end.
pub fn run(command: &mut Command) -> Ended {
    let mut container = Container::begin(command);
    container.end_input();
    container.wait()
}

/// The lines of a pipe, read by a thread of its own: a read cannot be given a
/// limit. A program that writes without end waits, once these are full.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = sync_channel(LINES);
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while (&mut reader)
            .take(LINE)
            .read_until(b'\n', &mut line)
            .is_ok_and(|n| n > 0)
        {
            let text = String::from_utf8_lossy(&line)
                .trim_end_matches('\n')
                .to_owned();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}

/// Everything until the pipe's end; nothing when there is no end in time.
fn rest(lines: &Receiver<String>) -> Option<String> {
    let end = Instant::now() + limit();
    let mut text = String::new();
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) if Instant::now() < end && text.len() < OUTPUT => text = text + &line + "\n",
            Err(RecvTimeoutError::Disconnected) => return Some(text),
            // Also a program that writes without end.
            Ok(_) | Err(RecvTimeoutError::Timeout) => return None,
        }
    }
}
