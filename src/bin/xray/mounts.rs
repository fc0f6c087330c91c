//! The mount tree, with layers and propagation.

use anyhow::Result;
use serde::Serialize;

use crate::mountinfo::{Layers, Mount, parse};
use crate::table::Table;
use crate::target::{Target, read};

/// The mounts that the target's root directory shows.
#[derive(Debug, Serialize)]
pub struct Mounts {
    /// The mount namespace is the host's.
    pub shared: bool,
    /// Each mount stands after the one that it is in.
    pub tree: Vec<Entry>,
}

/// One mount.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// How many mounts it is inside of.
    pub depth: usize,
    /// The line of mountinfo.
    #[serde(flatten)]
    pub mount: Mount,
    /// The directories of an overlay.
    pub layers: Option<Layers>,
}

/// Reads them.
pub fn of(target: &Target) -> Result<Mounts> {
    let mounts = parse(&target.read("mountinfo")?);
    // No two mounts of a machine have the same ID, so one in common is enough.
    let own = parse(&read(std::process::id() as i32, "mountinfo")?);
    let shared = mounts
        .iter()
        .any(|mount| own.iter().any(|other| other.id == mount.id));
    let mut tree = Vec::new();
    let is_root = |mount: &&Mount| {
        !mounts
            .iter()
            .any(|other| other.id == mount.parent && other.id != mount.id)
    };
    for root in mounts.iter().filter(is_root) {
        grow(root, 0, &mounts, &mut tree);
    }
    Ok(Mounts { shared, tree })
}

fn grow(mount: &Mount, depth: usize, all: &[Mount], tree: &mut Vec<Entry>) {
    tree.push(Entry {
        depth,
        mount: mount.clone(),
        layers: mount.layers(),
    });
    for child in all
        .iter()
        .filter(|other| other.parent == mount.id && other.id != mount.id)
    {
        grow(child, depth + 1, all, tree);
    }
}

impl Mounts {
    /// The mount of the root directory. The last at `/` covers those before it.
    pub fn root(&self) -> Option<&Entry> {
        self.tree.iter().rfind(|entry| entry.mount.point == "/")
    }
}

/// Where the type and the options of a mount begin.
const OPTIONS: usize = 32;

/// Adds them to the table. Those of the host are only counted.
pub fn show(mounts: &Mounts, table: &mut Table) {
    if mounts.shared {
        table.line(&format!("  the host's: {} mounts", mounts.tree.len()));
        return;
    }
    let label = |entry: &Entry| format!("{}{}", "  ".repeat(entry.depth), entry.mount.point);
    for entry in &mounts.tree {
        let Entry { mount, layers, .. } = entry;
        let label = label(entry);
        let mut words = vec![
            mount.kind.clone(),
            if mount.read_only() { "ro" } else { "rw" }.to_owned(),
        ];
        words.extend(propagation(mount));
        if mount.root != "/" {
            words.push(format!("of {}", mount.root));
        }
        if layers.is_none() && mount.source.starts_with('/') {
            words.push(format!("on {}", mount.source));
        }
        // A longer mount point pushes its own row to the right.
        table.list_at((label.chars().count() + 4).max(OPTIONS), &label, words);
        if let Some(layers) = layers {
            if let Some(upper) = &layers.upper {
                table.list_at(12, "    upper", [upper.clone()]);
            }
            for lower in &layers.lower {
                table.list_at(12, "    lower", [lower.clone()]);
            }
        }
    }
}

/// mount_namespaces(7): a mount with no tag is private.
fn propagation(mount: &Mount) -> Vec<String> {
    if mount.propagation.is_empty() {
        vec!["private".into()]
    } else {
        mount.propagation.clone()
    }
}
