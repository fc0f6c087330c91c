//! `lab-init`: the first process of the lab machine, and the few commands it answers to.

use std::path::Path;
use std::process::ExitCode;

use lab_vm::guest;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let name = Path::new(&name).file_name().unwrap_or_default();
    let done = match name.to_str() {
        // The kernel starts it by this name, on the initramfs.
        Some("init") => guest::boot::boot().map(|never| match never {}),
        Some("lab-init") => guest::session::run().map(|never| match never {}),
        Some("as-learner") => guest::learner::become_learner(arguments).map(|never| match never {}),
        _ => guest::power::off(),
    };
    if let Err(error) = done {
        eprintln!("{}: error: {error:#}", name.to_string_lossy());
        if std::process::id() == 1 {
            // What is left to a first process; its end would be a kernel panic.
            guest::power::cut();
        }
    }
    ExitCode::FAILURE
}
