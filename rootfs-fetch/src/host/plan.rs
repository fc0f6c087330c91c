//! What the tree will hold, decided before anything is written.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::hash::Hasher;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};

use crate::walk::Walk;

use super::selection::Selection;
use super::source::Source;
use super::stamp::{Fnv, Stamp};
use super::{gather, own_files};

/// Goes into every key. Raise it when the same sources are to give another tree.
pub const FORMAT: u32 = 1;

/// One path of the tree.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What is there.
    pub node: Node,
    /// Why, in a few words: `tool ls`, `library of sh`, `own file`.
    pub why: String,
    /// How many more reasons there are.
    pub others: usize,
}

impl Entry {
    fn new(node: Node, why: &str) -> Self {
        Self {
            node,
            why: why.to_string(),
            others: 0,
        }
    }

    /// The length of the file's contents in bytes; nothing for what is not a file.
    pub fn bytes(&self) -> Option<u64> {
        match &self.node {
            Node::File(found) => Some(found.size),
            Node::Text(text) => Some(text.len() as u64),
            Node::Directory(_) | Node::Symlink(..) => None,
        }
    }
}

/// What can be at a path of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A directory, with its permissions.
    Directory(u32),
    /// A symbolic link, with what it says; and with what lstat(2) said, if the host has it.
    Symlink(PathBuf, Option<Stamp>),
    /// A copy of the host's file of that path.
    File(Stamp),
    /// A file of Hull's own, with its contents.
    Text(String),
}

/// A tree to be.
#[derive(Debug)]
pub struct Plan {
    /// What is at each path. A directory comes before what is in it.
    pub entries: BTreeMap<PathBuf, Entry>,
    /// The tools that this host has not, or that cannot be taken, with the reason.
    pub left_out: Vec<String>,
    /// What the search depended on besides the entries.
    pub watched: BTreeMap<PathBuf, Option<Stamp>>,
    /// The path in the tree of the shell, without links.
    pub shell: PathBuf,
}

impl Plan {
    /// Looks for every tool of `selection` and for what it needs.
    ///
    /// # Errors
    ///
    /// When there is no shell, or when something of Hull's own would stand in a tool's place.
    pub fn new(selection: &Selection) -> Result<Self> {
        let mut source = Source::new(&selection.root);
        let mut plan = Self {
            entries: BTreeMap::new(),
            left_out: Vec::new(),
            watched: BTreeMap::new(),
            shell: PathBuf::new(),
        };
        gather::add(&mut plan, selection, &mut source)?;
        own_files::add(&mut plan, &mut source)?;
        plan.watched = source.into_watched();
        Ok(plan)
    }

    /// The name of the tree that this plan gives: 16 hexadecimal digits.
    pub fn key(&self) -> String {
        let mut hash = Fnv::default();
        hash.write(format!("{FORMAT}\n").as_bytes());
        for (path, entry) in &self.entries {
            hash.write(path.as_os_str().as_bytes());
            let node = match &entry.node {
                Node::Directory(mode) => format!("\0directory {mode:o}\0"),
                Node::Symlink(target, found) => {
                    hash.write(target.as_os_str().as_bytes());
                    found.map_or("\0link\0".to_string(), |found| format!("\0link {found}\0"))
                }
                Node::File(found) => format!("\0file {found}\0"),
                Node::Text(text) => format!("\0text {text}\0"),
            };
            hash.write(node.as_bytes());
        }
        hash.write(self.left_out.join(" ").as_bytes());
        format!("{:016x}", hash.finish())
    }

    /// Puts `node` at `path`, through the links that are planned already. What is there stays.
    pub fn put(&mut self, path: &Path, node: Node, why: &str) -> Result<()> {
        let real = self.resolve(path)?;
        self.put_real(&real, node, why)
    }

    /// Puts a directory at `path`, through the links that are planned already, and gives it `mode`.
    pub fn put_directory(&mut self, path: &Path, mode: u32) -> Result<()> {
        self.put(path, Node::Directory(mode), "directory")?;
        let real = self.resolve(path)?;
        match self.entries.get_mut(&real).map(|entry| &mut entry.node) {
            Some(Node::Directory(planned)) => *planned = mode,
            _ => bail!("the host has a file where {} belongs", path.display()),
        }
        Ok(())
    }

    /// Puts what `walk` met, and the file at its end, into the tree.
    pub fn put_walk(&mut self, walk: &Walk, why: &str) -> Result<()> {
        for link in &walk.links {
            let node = Node::Symlink(link.target.clone(), Some(Stamp::from(&link.found)));
            self.put_real(&link.path, node, "symlink")?;
        }
        self.put_real(&walk.real, node_of(&walk.found), why)
    }

    /// Whether the tree will have something at the end of `path`.
    pub fn has(&self, path: &Path) -> bool {
        self.resolve(path)
            .is_ok_and(|real| self.entries.contains_key(&real))
    }

    fn put_real(&mut self, real: &Path, node: Node, why: &str) -> Result<()> {
        self.add_directories_above(real)?;
        if real.parent().is_some() {
            let planned = self.entries.entry(real.to_path_buf());
            planned
                .and_modify(|entry| entry.others += 1)
                .or_insert(Entry::new(node, why));
        }
        Ok(())
    }

    fn add_directories_above(&mut self, real: &Path) -> Result<()> {
        for above in real
            .ancestors()
            .skip(1)
            .filter(|above| above.parent().is_some())
        {
            let directory = Entry::new(Node::Directory(0o755), "directory");
            let entry = self.entries.entry(above.to_path_buf()).or_insert(directory);
            if !matches!(entry.node, Node::Directory(_)) {
                bail!("{} is in the way of {}", above.display(), real.display());
            }
        }
        Ok(())
    }

    /// Follows the planned links on `path`. What is not planned is taken for a plain name.
    fn resolve(&self, path: &Path) -> Result<PathBuf> {
        let mut rest: Vec<PathBuf> = reversed(path);
        let mut real = PathBuf::from("/");
        let mut steps = 0;
        while let Some(name) = rest.pop() {
            steps += 1;
            if steps > 1000 {
                bail!("{} leads through a loop of links", path.display());
            }
            if name == Path::new("..") {
                real.pop();
                continue;
            }
            let here = real.join(&name);
            match self.entries.get(&here).map(|entry| &entry.node) {
                Some(Node::Symlink(target, _)) => {
                    if target.is_absolute() {
                        real = PathBuf::from("/");
                    }
                    rest.append(&mut reversed(target));
                }
                _ => real = here,
            }
        }
        Ok(real)
    }
}

fn node_of(found: &Metadata) -> Node {
    if found.is_dir() {
        Node::Directory(0o755)
    } else {
        Node::File(Stamp::from(found))
    }
}

fn reversed(path: &Path) -> Vec<PathBuf> {
    let names = path
        .components()
        .filter(|component| matches!(component, Component::Normal(_) | Component::ParentDir));
    names
        .rev()
        .map(|component| PathBuf::from(component.as_os_str()))
        .collect()
}
