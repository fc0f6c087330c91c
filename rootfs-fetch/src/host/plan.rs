//! What the tree will hold, decided before anything is written.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::hash::Hasher;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::elf::Program;
use crate::walk::Walk;

use super::loader::{Loader, Needed};
use super::selection::{ESSENTIAL, STANDARD_PATH, Selection};
use super::source::Source;
use super::stamp::{Fnv, Stamp};
use super::{own_files, system_directories};

/// Goes into every key. Raise it when the same sources are to give another tree.
const FORMAT: u32 = 1;

/// Directories that are links on many hosts. A loader's cache and scripts name files through them.
const TOP_LEVEL: [&str; 8] = [
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/usr/sbin",
    "/usr/lib64",
];

/// One path of the tree.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What is there.
    pub node: Node,
    /// Why, in a few words.
    pub why: String,
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
        plan.add_top_level(&source);
        plan.add_tools(selection, &mut source)?;
        own_files::add(&mut plan, &mut source)?;
        plan.watched = source.into_watched();
        Ok(plan)
    }

    /// The name of the tree that this plan gives: 16 hexadecimal digits.
    pub fn key(&self, uid: u32) -> String {
        let mut hash = Fnv::default();
        // The files belong to whoever builds the tree, so another user's is another tree.
        hash.write(format!("{FORMAT} {uid}\n").as_bytes());
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
        if real.parent().is_some() {
            self.add_directories_above(&real)?;
            self.entries.entry(real).or_insert(Entry {
                node,
                why: why.to_string(),
            });
        }
        Ok(())
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

    fn add_top_level(&mut self, source: &Source) {
        for path in TOP_LEVEL {
            let Ok(walk) = source.walk(Path::new(path)) else {
                continue;
            };
            if !walk.links.is_empty() {
                // A path through /proc or with a newline cannot be one of these.
                let _ = self.put_walk(&walk, "directory");
            }
        }
    }

    fn add_tools(&mut self, selection: &Selection, source: &mut Source) -> Result<()> {
        let mut loader = Loader::new(selection, source);
        for name in &selection.tools {
            let Some(path) = loader.find_tool(name) else {
                if name == ESSENTIAL {
                    bail!("this host has no `{name}` in {}", display_path(selection));
                }
                self.left_out.push(name.clone());
                continue;
            };
            let added = loader
                .closure(&path, name)
                .and_then(|closure| self.add_closure(&closure, selection, loader.source()));
            match added {
                Ok(()) => self.add_short_name(&path, name, loader.source())?,
                Err(error) if name == ESSENTIAL => {
                    return Err(error).with_context(|| format!("taking {}", path.display()));
                }
                Err(error) => self.left_out.push(format!("{name} ({error:#})")),
            }
        }
        self.add_opened_later(selection, &mut loader)
    }

    fn add_closure(
        &mut self,
        closure: &[Needed],
        selection: &Selection,
        source: &Source,
    ) -> Result<()> {
        let walks = closure
            .iter()
            .map(|needed| Ok((source.walk(&needed.path)?, &needed.why)));
        let walks: Vec<_> = walks.collect::<Result<_>>()?;
        // All or nothing: a tool without its library is worse than no tool.
        for (walk, _) in &walks {
            let links = walk.links.iter().map(|link| &link.path);
            for path in links.chain([&walk.real]) {
                refuse(path, selection)?;
            }
        }
        for (walk, why) in &walks {
            self.put_walk(walk, why)?;
        }
        Ok(())
    }

    /// Makes a tool from a directory of its own found by a container's PATH. On NixOS that is
    /// nearly every tool.
    fn add_short_name(&mut self, path: &Path, name: &str, source: &mut Source) -> Result<()> {
        let directory = path
            .parent()
            .and_then(|directory| source.directory(directory));
        let target = directory.map_or(path.to_path_buf(), |directory| directory.join(name));
        if name == ESSENTIAL {
            self.shell = source.walk(path)?.real;
        }
        if !STANDARD_PATH
            .iter()
            .any(|directory| self.has(&Path::new(directory).join(name)))
        {
            let node = Node::Symlink(target.clone(), None);
            self.put(&Path::new("/usr/bin").join(name), node, "short name")?;
        }
        // `#!` lines and execve(2) callers name these two in full.
        for full in ["/bin/sh", "/usr/bin/env"] {
            if full.ends_with(&format!("/{name}")) && !self.has(Path::new(full)) {
                self.put(
                    Path::new(full),
                    Node::Symlink(target.clone(), None),
                    "short name",
                )?;
            }
        }
        Ok(())
    }

    /// What is not named in any header, because it is opened while a program runs.
    fn add_opened_later(&mut self, selection: &Selection, loader: &mut Loader) -> Result<()> {
        let shell = loader.source().program(&self.shell)?;
        let Program::Elf(shell) = &*shell else {
            return Ok(());
        };
        let Some(interpreter) = &shell.interpreter else {
            return Ok(());
        };

        // A glibc before 2.34 opens these to read /etc/passwd and to ask for host names, nss(5).
        for library in ["libnss_files.so.2", "libnss_dns.so.2"] {
            let found = loader.find_by_name(library.as_ref(), &shell.target, interpreter);
            let Some(found) = found else { continue };
            let mut closure = loader.closure(&found, library)?;
            closure
                .iter_mut()
                .for_each(|needed| needed.why = "opened by glibc".to_string());
            self.add_closure(&closure, selection, loader.source())?;
        }
        // A loader with directories of its own finds libraries in them by these. glibc's cache
        // may name files that are not in the tree; the loader then looks in its directories.
        let mut configuration = vec![PathBuf::from("/etc/ld.so.cache")];
        configuration.extend(system_directories::musl_configuration(interpreter));
        for path in configuration {
            loader.source().watch(&path);
            if let Ok(walk) = loader.source().walk(&path) {
                self.put_walk(&walk, "where the loader finds libraries")?;
            }
        }
        Ok(())
    }

    fn put_real(&mut self, real: &Path, node: Node, why: &str) -> Result<()> {
        self.add_directories_above(real)?;
        if real.parent().is_some() {
            let entry = Entry {
                node,
                why: why.to_string(),
            };
            self.entries.entry(real.to_path_buf()).or_insert(entry);
        }
        Ok(())
    }

    fn add_directories_above(&mut self, real: &Path) -> Result<()> {
        for above in real
            .ancestors()
            .skip(1)
            .filter(|above| above.parent().is_some())
        {
            let directory = Entry {
                node: Node::Directory(0o755),
                why: "directory".to_string(),
            };
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

fn refuse(path: &Path, selection: &Selection) -> Result<()> {
    if selection.is_private(path) {
        bail!("{} is in a home directory", path.display());
    }
    if ["/proc", "/sys", "/dev"]
        .iter()
        .any(|top| path.starts_with(top))
    {
        bail!("{} is where a container mounts its own", path.display());
    }
    if path.as_os_str().as_bytes().contains(&b'\n') {
        bail!("{} has a newline in its name", path.display());
    }
    Ok(())
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

fn display_path(selection: &Selection) -> String {
    let directories: Vec<_> = selection
        .path
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    directories.join(":")
}
