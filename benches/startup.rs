//! What a start costs: each chapter's program, beside bubblewrap with the same
//! root filesystem and the same isolation, in one hyperfine run.
//!
//! `cargo bench --bench startup` needs hyperfine and bubblewrap (Debian's packages of these names).

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};

const CH00: &str = env!("CARGO_BIN_EXE_ch00-process");
const CH01: &str = env!("CARGO_BIN_EXE_ch01-namespaces");
const CH02: &str = env!("CARGO_BIN_EXE_ch02-rootfs");
const CH03: &str = env!("CARGO_BIN_EXE_ch03-cgroups");

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("startup: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let root = directory.path().join("root");
    copy_built_in_root(directory.path(), &root)?;
    let root = root.display();
    let commands = [
        (
            "bwrap",
            format!("bwrap --unshare-all --bind {root} / --proc /proc --dev /dev true"),
        ),
        ("ch00-process", format!("{CH00} true")),
        ("ch01-namespaces", format!("{CH01} true")),
        ("ch02-rootfs", format!("{CH02} --rootfs {root} true")),
        ("ch03-cgroups", format!("{CH03} --rootfs {root} true")),
        ("ch02-rootfs, built-in root", format!("{CH02} true")),
    ];
    let csv = directory.path().join("figures.csv");
    let mut hyperfine = Command::new("hyperfine");
    hyperfine.args([
        "--shell=none",
        "--warmup=20",
        "--runs=300",
        "--style=none",
        "--export-csv",
    ]);
    hyperfine.arg(&csv).env("HULL_ROOT", directory.path());
    for (name, command) in &commands {
        hyperfine.args(["--command-name", name, command]);
    }
    let status = hyperfine
        .stdout(Stdio::null())
        .status()
        .context("cannot start hyperfine")?;
    ensure!(
        status.success(),
        "hyperfine failed: is bubblewrap installed?"
    );
    print(&std::fs::read_to_string(&csv)?)
}

/// A writable copy, for both: bubblewrap makes mount points in it.
fn copy_built_in_root(data: &Path, to: &Path) -> Result<()> {
    let built_in = rootfs_fetch::host(&data.join("data"))?;
    let copied = Command::new("cp")
        .arg("-a")
        .arg(built_in.path())
        .arg(to)
        .status()?;
    ensure!(
        copied.success(),
        "copying the built-in root filesystem failed"
    );
    Ok(())
}

/// hyperfine's columns: command, mean, stddev, median, user, system, min, max; in seconds.
fn print(csv: &str) -> Result<()> {
    let mut base = None;
    println!("{:28} {:>10} {:>10}", "", "median ms", "of bwrap");
    for line in csv.lines().skip(1) {
        let line = line.trim_start_matches('"');
        let (name, rest) = line
            .split_once("\",")
            .or_else(|| line.split_once(','))
            .context("a line of figures")?;
        let median: f64 = rest.split(',').nth(2).context("a median")?.parse()?;
        let base = *base.get_or_insert(median);
        println!("{name:28} {:10.2} {:10.2}", median * 1000.0, median / base);
    }
    Ok(())
}
