//! Chapter 3's example `steer`, which does to a group what each line says.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};

use super::kernel::{Process, eventually};
use super::world::World;

/// The example, whose lines are its calls.
pub struct Steer {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Steer {
    pub fn start(args: &[&str]) -> Self {
        Self::start_line(&format!("exec steer {}", args.join(" ")))
    }

    pub fn start_line(line: &str) -> Self {
        let mut process = World::shared()
            .command("sh")
            .args(["-c", line])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let steer = Self { process, answers };
        assert!(
            eventually(|| !steer.runtime().children().is_empty()),
            "the command starts"
        );
        steer
    }

    fn runtime(&self) -> Process {
        Process(self.process.id())
    }

    /// The command, once it is more than a copy of the example.
    pub fn command(&self) -> Process {
        let mut command = None;
        eventually(|| {
            command = self.runtime().children().first().copied();
            let own = self.runtime().command_line();
            own.starts_with("steer ") && command.is_some_and(|it| it.command_line() != own)
        });
        command.expect("a command")
    }

    /// Gives an order.
    pub fn order(&mut self, line: &str) {
        let input = self.process.stdin.as_mut().expect("a pipe");
        writeln!(input, "{line}").expect("an example that reads");
    }

    /// Gives an order, and returns what it printed.
    pub fn ask(&mut self, line: &str) -> String {
        self.order(line);
        self.order("end-of-answer");
        let mut answer = String::new();
        while !answer.contains("end-of-answer: no such word\n") {
            let read = self.answers.read_line(&mut answer).expect("an answer");
            assert_ne!(read, 0, "the example ended: {answer}");
        }
        answer
    }

    pub fn end(mut self) -> Option<i32> {
        drop(self.process.stdin.take());
        self.process.wait().expect("an example that ends").code()
    }
}
