//! `rootfs-fetch`: prints the path of a root filesystem, and makes one if need be.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use rootfs_fetch::host::{Node, Plan, Selection};
use rootfs_fetch::{Directories, copy, dir, host};

/// Get a root filesystem for a container, and print where it is.
#[derive(Parser)]
#[command(name = "rootfs-fetch", version)]
struct Arguments {
    #[command(subcommand)]
    source: Source,
}

#[derive(Subcommand)]
enum Source {
    /// Cut one from this machine's own tools; no network is needed.
    Host {
        /// Write a copy of your own to DIR, which must be empty or not exist.
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
        /// Build it again, even if nothing has changed.
        #[arg(long)]
        fresh: bool,
        /// Print what goes in, and why, and build nothing.
        #[arg(long, conflicts_with_all = ["output", "fresh"])]
        list: bool,
    },
    /// Check one that is there.
    Dir {
        /// The root directory.
        dir: PathBuf,
        /// Write a copy to DIR, which must be empty or not exist.
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rootfs-fetch: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    match arguments.source {
        Source::Host { list: true, .. } => list(),
        Source::Host { output, fresh, .. } => {
            let data = Directories::from_env()?.data;
            let rootfs = host::cut(&data, &Selection::from_env(), fresh)?;
            say_left_out(rootfs.left_out());
            give(rootfs.path(), output.as_deref())
        }
        Source::Dir { dir: path, output } => {
            let root = dir(&path)?;
            if !dir::has_shell(&root) {
                eprintln!(
                    "rootfs-fetch: note: {} has no sh; name a command to run",
                    root.display()
                );
            }
            give(&root, output.as_deref())
        }
    }
}

/// Prints the path of `root`, or of the copy that is asked for.
fn give(root: &Path, output: Option<&Path>) -> Result<()> {
    let Some(output) = output else {
        return print(&format!("{}\n", root.display()));
    };
    let left_out = copy::copy_tree(root, output)?;
    for path in left_out {
        eprintln!(
            "rootfs-fetch: note: {} is a device, socket or FIFO: not copied",
            path.display()
        );
    }
    let output = output
        .canonicalize()
        .with_context(|| format!("finding {}", output.display()))?;
    print(&format!("{}\n", output.display()))
}

fn list() -> Result<()> {
    let plan = Plan::new(&Selection::from_env())?;
    let mut text = String::new();
    for (path, entry) in &plan.entries {
        let bytes = entry
            .bytes()
            .map_or("-".to_string(), |bytes| bytes.to_string());
        let why = match &entry.node {
            Node::Symlink(target, _) => format!("{} to {}", entry.why, target.display()),
            Node::File(_) if entry.others > 0 => format!("{} and {} more", entry.why, entry.others),
            _ => entry.why.clone(),
        };
        text += &format!("{bytes:>9}  {}  ({why})\n", path.display());
    }
    let total: u64 = plan
        .entries
        .values()
        .filter_map(|entry| entry.bytes())
        .sum();
    text += &format!("{total:>9}  bytes in {} paths\n", plan.entries.len());
    say_left_out(&plan.left_out);
    print(&text)
}

fn say_left_out(tools: &[String]) {
    if !tools.is_empty() {
        eprintln!("rootfs-fetch: left out: {}", tools.join(", "));
    }
}

/// As `print!`, but a closed pipe is an error to return and not a panic.
fn print(text: &str) -> Result<()> {
    io::stdout()
        .write_all(text.as_bytes())
        .context("writing to standard output")
}
