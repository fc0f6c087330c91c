//! Each event as lines to read.

use std::collections::HashSet;

use colored::Colorize;
use process::Status;

use crate::decode::signals;
use crate::event::{Event, Outcome, Step, What, Who};

/// Writes what happened, one event after the other.
pub struct Narrator {
    colour: bool,
    time: bool,
    /// What the last line gave as its reason: the same again is not said again.
    last: String,
    /// Processes whose exit_group was told: how they ended is known by that.
    left: HashSet<i32>,
}

impl Narrator {
    /// With colours, and with the time that each call took.
    pub fn new(colour: bool, time: bool) -> Self {
        Self {
            colour,
            time,
            last: String::new(),
            left: HashSet::new(),
        }
    }

    /// The lines of one event; none for what the lines of another say already.
    pub fn lines(&mut self, event: &Event) -> String {
        colored::control::set_override(self.colour);
        let who = who(event.who);
        match &event.what {
            What::Call(step) => {
                if step.call == "exit_group" {
                    self.left.insert(event.who.pid);
                }
                self.call(&who, step)
            }
            What::Born { .. } => String::new(),
            What::Signal { signal, sender } => {
                let from = sender.map_or(String::new(), |sender| format!(" from {sender}"));
                let text = format!("--- {}{from}", signals::name(*signal));
                format!("{} {}\n", who.bold(), text.yellow())
            }
            What::Ended(Status::Exited(_)) if self.left.remove(&event.who.pid) => String::new(),
            What::Ended(status) => format!("{} {}\n", who.bold(), ended(*status).dimmed()),
        }
    }

    fn call(&mut self, who: &str, step: &Step) -> String {
        let outcome = step.outcome.text();
        let outcome = match step.outcome {
            Outcome::Failed(..) => outcome.red(),
            _ => outcome.green(),
        };
        let took = match (self.time, step.outcome) {
            (true, Outcome::Returned(_) | Outcome::Failed(..)) => {
                format!(" <{} us>", step.took.as_micros())
            }
            _ => String::new(),
        };
        let name = step.call.cyan().bold();
        let args = step.args.join(", ");
        let line = format!("{} {name}({args}) = {outcome}{took}\n", who.bold());
        let why = match (&step.meaning, step.outcome) {
            // A command that is not in this directory of PATH.
            (Some(meaning), Outcome::Failed(..)) if meaning.runs.is_some() => String::new(),
            (Some(meaning), _) => {
                format!("chapter {}: {}", meaning.purpose.chapter(), meaning.why)
            }
            (None, _) => String::new(),
        };
        let new = why != self.last && !why.is_empty();
        self.last.clone_from(&why);
        let why = match new {
            true => format!("{}{}\n", " ".repeat(WIDTH + 3), why.dimmed()),
            false => String::new(),
        };
        line + &why
    }
}

/// The width of the column with PIDs.
const WIDTH: usize = 10;

/// `4054`, or `4054 (1)` for what is PID 1 in its innermost namespace.
fn who(who: Who) -> String {
    let text = match who.inside {
        Some(inside) => format!("{} ({inside})", who.pid),
        None => who.pid.to_string(),
    };
    format!("{text:<WIDTH$}")
}

/// How a process ended, as strace says it.
pub fn ended(status: Status) -> String {
    match status {
        Status::Exited(code) => format!("+++ exited with {code}"),
        Status::Killed(signal) => format!("+++ killed by {}", signals::name(signal)),
    }
}
