//! What a process sees that cannot be read from outside its namespaces.

use std::env;
use std::fs::{self, File};
use std::process::{Command, ExitCode};

use nix::sched::{CloneFlags, setns};

use crate::kernel::Process;

const INSIDE: &str = "HULL_EXERCISE_INSIDE";

/// The two names of a UTS namespace: uts_namespaces(7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The host name.
    pub host: String,
    /// The NIS domain name.
    pub domain: String,
}

impl Names {
    /// Those of the namespace that this process is in.
    pub fn here() -> Self {
        let read = |name| {
            let value = fs::read_to_string(format!("/proc/sys/kernel/{name}"));
            value.unwrap_or_default().trim_end().to_owned()
        };
        Self {
            host: read("hostname"),
            domain: read("domainname"),
        }
    }
}

/// The names in the UTS namespace of `process`. Asked of the kernel there, by
/// a process of ours: what the program under test says of itself proves nothing.
pub fn names_inside(process: Process) -> Names {
    let test = env::current_exe().expect("the path of the test program");
    let output = Command::new(test)
        .env(INSIDE, process.0.to_string())
        .output()
        .expect("a process to look from");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines().map(str::to_owned);
    match (output.status.success(), lines.next(), lines.next()) {
        (true, Some(host), Some(domain)) => Names { host, domain },
        _ => panic!(
            "cannot look into the namespaces of process {}: {}",
            process.0,
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// Whether this process was started to look, and its answer.
pub(crate) fn answer() -> Option<ExitCode> {
    let pid = env::var(INSIDE).ok()?;
    Some(match enter(&pid) {
        Ok(()) => {
            let names = Names::here();
            println!("{}\n{}", names.host, names.domain);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    })
}

/// setns(2): the user namespace first, for it gives the right to the others.
/// A process cannot enter the one that it is in already.
fn enter(pid: &str) -> std::io::Result<()> {
    let link = |kind| format!("/proc/{pid}/ns/{kind}");
    let uts = File::open(link("uts"))?;
    if fs::read_link(link("user"))? != fs::read_link("/proc/self/ns/user")? {
        setns(File::open(link("user"))?, CloneFlags::CLONE_NEWUSER)?;
    }
    setns(uts, CloneFlags::CLONE_NEWUTS)?;
    Ok(())
}
