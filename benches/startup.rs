//! What a start costs: each chapter's program, beside bubblewrap and crun with
//! the same root filesystem and the same isolation.
//!
//! `cargo bench --bench startup` needs hyperfine, bubblewrap and strace, and crun and
//! root for its second table (Debian's packages of these names).

#[path = "peers/mod.rs"]
mod peers;

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Result, ensure};
use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, unshare};

use peers::hyperfine;

const CH00: &str = env!("CARGO_BIN_EXE_ch00-process");
const CH01: &str = env!("CARGO_BIN_EXE_ch01-namespaces");
const CH02: &str = env!("CARGO_BIN_EXE_ch02-rootfs");
const CH03: &str = env!("CARGO_BIN_EXE_ch03-cgroups");
const CH04: &str = env!("CARGO_BIN_EXE_ch04-overlay");
const EXPLAIN: &str = env!("CARGO_BIN_EXE_explain");
const LIMITS: &str = "--memory 64M --pids 100 --cpus 1";

fn main() -> ExitCode {
    if let Some(mode) = std::env::args()
        .nth(1)
        .filter(|mode| mode.starts_with("bare"))
    {
        return peers::overlay::bare(mode == "bare-overlay");
    }
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
    beside_bubblewrap(directory.path(), &root)?;
    under_a_tracer(directory.path(), &root)?;
    if nix::unistd::geteuid().is_root() {
        beside_crun(directory.path(), &root)
    } else {
        println!("SKIPPED: crun with limits needs root");
        Ok(())
    }
}

fn beside_bubblewrap(directory: &Path, root: &Path) -> Result<()> {
    let own = std::env::current_exe()?;
    let (own, shown) = (own.display(), root.display());
    let figures = hyperfine(
        directory,
        &[
            (
                "bwrap",
                format!("bwrap --unshare-all --bind {shown} / --proc /proc --dev /dev true"),
            ),
            ("ch00-process", format!("{CH00} true")),
            ("ch01-namespaces", format!("{CH01} true")),
            ("ch02-rootfs", format!("{CH02} --rootfs {shown} true")),
            ("ch03-cgroups", format!("{CH03} --rootfs {shown} true")),
            ("ch04-overlay", format!("{CH04} --rootfs {shown} true")),
            (
                "ch04-overlay, limits",
                format!("{CH04} --rootfs {shown} {LIMITS} true"),
            ),
            ("ch04-overlay, built-in root", format!("{CH04} true")),
            ("a mount namespace", format!("{own} bare")),
            ("the same, an overlay in it", format!("{own} bare-overlay")),
        ],
    )?;
    figures.print("bwrap");
    let mount = figures.of("the same, an overlay in it") - figures.of("a mount namespace");
    let base = figures.of("bwrap") + mount;
    println!(
        "bwrap and the overlay mount: {base:.2} ms; ch04-overlay with limits: {:.2} of it, without: {:.2}",
        figures.of("ch04-overlay, limits") / base,
        figures.of("ch04-overlay") / base
    );
    Ok(())
}

/// What it costs to be watched. For root `explain` has a filter, and for others none.
fn under_a_tracer(directory: &Path, root: &Path) -> Result<()> {
    let alone = format!("{CH04} --rootfs {} true", root.display());
    let figures = hyperfine(
        directory,
        &[
            ("ch04-overlay", alone.clone()),
            ("under explain", format!("{EXPLAIN} -o /dev/null {alone}")),
            (
                "under explain --all",
                format!("{EXPLAIN} --all -o /dev/null {alone}"),
            ),
            ("under strace -f", format!("strace -f -o /dev/null {alone}")),
        ],
    )?;
    figures.print("ch04-overlay");
    Ok(())
}

/// crun 1.8 refuses a machine with both versions of cgroups. So all of this
/// runs in a mount namespace in which version 2 is out of the way.
fn beside_crun(directory: &Path, root: &Path) -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    peers::overlay::make_private()?;
    let _ = umount2("/sys/fs/cgroup/unified", MntFlags::MNT_DETACH);
    peers::bundle::write(directory, root)?;
    let (bundle, state, shown) = (directory.display(), directory.join("crun"), root.display());
    let state = state.display();
    let figures = hyperfine(
        directory,
        &[
            (
                "crun run",
                format!("crun --root {state} run --bundle {bundle} hull-bench"),
            ),
            (
                "ch04-overlay, limits",
                format!("{CH04} --rootfs {shown} {LIMITS} true"),
            ),
        ],
    )?;
    figures.print("crun run");
    Ok(())
}

/// A writable copy, for all: bubblewrap makes mount points in it.
fn copy_built_in_root(data: &Path, to: &Path) -> Result<()> {
    let built_in = rootfs_fetch::host(&data.join("data"))?;
    let mut copy = Command::new("cp");
    let copied = copy.arg("-a").arg(built_in.path()).arg(to).status()?;
    ensure!(
        copied.success(),
        "copying the built-in root filesystem failed"
    );
    Ok(())
}
