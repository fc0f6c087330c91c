//! Who cloned whom, and which namespaces each gained.

use std::collections::BTreeMap;

use process::Status;

use crate::decode::{namespaces, signals};
use crate::event::{Event, What, Who};

/// What is known of one process.
#[derive(Default)]
struct Process {
    who: Option<Who>,
    children: Vec<i32>,
    /// The kinds of the clone that made it, then of its own unshare and setns.
    born_in: u64,
    moved_into: u64,
    runs: Vec<String>,
    ended: Option<Status>,
}

/// The tree of all processes, the program at its root.
pub fn draw(events: &[Event]) -> String {
    let mut processes: BTreeMap<i32, Process> = BTreeMap::new();
    // A clone is told before its child's birth, so what it gave is known by then.
    let mut given = 0;
    for event in events {
        let own = processes.entry(event.who.pid).or_default();
        own.who.get_or_insert(event.who);
        match &event.what {
            What::Call(step) if step.outcome.succeeded() => {
                let Some(meaning) = &step.meaning else {
                    continue;
                };
                own.runs.extend(meaning.runs.clone());
                if step.call == "unshare" || step.call == "setns" {
                    own.moved_into |= meaning.gained;
                } else if step.call.starts_with("clone") || step.call.ends_with("fork") {
                    given = meaning.gained;
                }
            }
            What::Born { child } => {
                own.children.push(child.pid);
                let born = processes.entry(child.pid).or_default();
                born.who = Some(*child);
                born.born_in = given;
            }
            What::Ended(status) => own.ended = Some(*status),
            _ => {}
        }
    }
    let mut text = String::new();
    if let Some(first) = events.first() {
        branch(&processes, first.who.pid, "", "", &mut text);
    }
    text
}

fn branch(
    processes: &BTreeMap<i32, Process>,
    pid: i32,
    lead: &str,
    below: &str,
    text: &mut String,
) {
    let Some(process) = processes.get(&pid) else {
        return;
    };
    *text += &format!("{lead}{}\n", line(pid, process));
    let last = process.children.len().saturating_sub(1);
    for (n, child) in process.children.iter().enumerate() {
        let (fork, bar) = if n == last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let (fork, bar) = (format!("{below}{fork}"), format!("{below}{bar}"));
        branch(processes, *child, &fork, &bar, text);
    }
}

fn line(pid: i32, process: &Process) -> String {
    let mut line = pid.to_string();
    if let Some(inside) = process.who.and_then(|who| who.inside) {
        line += &format!(" ({inside})");
    }
    for (verb, kinds) in [
        ("born in new", process.born_in),
        ("moved to", process.moved_into),
    ] {
        let kinds: Vec<_> = namespaces::kinds(kinds).collect();
        if !kinds.is_empty() {
            line += &format!("  [{verb} {}]", kinds.join(", "));
        }
    }
    if !process.runs.is_empty() {
        line += &format!("  {}", process.runs.join(" → "));
    }
    match process.ended {
        Some(Status::Exited(0)) | None => {}
        Some(Status::Exited(code)) => line += &format!("  [status {code}]"),
        Some(Status::Killed(signal)) => line += &format!("  [{}]", signals::name(signal)),
    }
    line
}
