//! `hull system`: what the programs keep on this machine.

use std::path::{Path, PathBuf};

use anyhow::Result;
use process::Status;
use rootfs_fetch::Directories;

/// The commands below `hull system`.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Remove what no program uses: caches, and what killed runs left
    Prune(Prune),
}

#[derive(clap::Args)]
pub struct Prune {
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs one of them.
pub fn run(command: &Command) -> Result<Status> {
    match command {
        Command::Prune(flags) => prune(flags),
    }
}

/// One kind of thing that can be left, and how it goes.
struct Kind {
    name: &'static str,
    find: fn(&Path) -> Result<Vec<PathBuf>>,
    remove: fn(&Path, &[PathBuf]) -> Result<()>,
}

/// In this order: a cgroup's processes may use the files that come after it.
const KINDS: [Kind; 4] = [
    Kind {
        name: "control group of a killed run",
        find: |_| cgroups::orphans(),
        remove: |_, found| each(found, cgroups::remove_orphan),
    },
    Kind {
        name: "empty parent group",
        find: |_| cgroups::empty_parents(),
        remove: |_, found| each(found, cgroups::remove_parent),
    },
    Kind {
        name: "place for changes",
        find: |data| Ok(overlay::free_places(data)),
        remove: |data, _| overlay::remove_free_places(data),
    },
    Kind {
        name: "root filesystem",
        find: |data| Ok(rootfs_fetch::host::unused(data)),
        remove: |data, _| rootfs_fetch::host::prune(data).map(drop),
    },
];

/// What is in use is locked, or its owner lives: that stays. Everything is
/// tried, and the first failure is told at the end.
fn prune(flags: &Prune) -> Result<Status> {
    let data = Directories::from_env()?.data;
    let mut failed = Ok(());
    let mut any = false;
    for kind in KINDS {
        let found = (kind.find)(&data)?;
        any |= !found.is_empty();
        let word = if flags.dry_run {
            "would remove"
        } else {
            "removed"
        };
        let removed = if flags.dry_run {
            Ok(())
        } else {
            (kind.remove)(&data, &found)
        };
        for path in found.iter().filter(|path| flags.dry_run || !path.exists()) {
            println!("{word} {}: {}", kind.name, path.display());
        }
        failed = failed.and(removed);
    }
    if !any {
        println!("nothing to remove");
    }
    failed.map(|()| Status::Exited(0))
}

fn each(paths: &[PathBuf], remove: fn(&Path) -> Result<()>) -> Result<()> {
    let results: Vec<_> = paths.iter().map(|path| remove(path)).collect();
    results.into_iter().collect()
}
