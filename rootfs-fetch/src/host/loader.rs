//! Finds what a program needs, as its loader would.
//!
//! The rules are those of ld.so(8) for glibc, and of musl's `ldso/dynlink.c`. `LD_LIBRARY_PATH`
//! is left out: it belongs to one shell on the host, and a container does not have it.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::elf::{Elf, Program, Target};
use crate::machine;

use super::selection::Selection;
use super::source::Source;
use super::system_directories::{self, is_musl};
use super::tokens::expand;

/// A file that a program cannot do without.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Needed {
    /// The path by which it is asked for; links on it are not yet followed.
    pub path: PathBuf,
    /// Why, in a few words: `tool ls`, `loader of ls`, `library of ls`.
    pub why: String,
}

/// Directories that a program's loader looks in whatever the program says, by that loader.
type SystemDirectories = HashMap<(PathBuf, Target), Vec<PathBuf>>;

/// Answers what a program needs, and remembers.
pub struct Loader<'a> {
    selection: &'a Selection,
    source: &'a mut Source,
    system: SystemDirectories,
}

/// A file still to be looked into.
struct Step {
    needed: Needed,
    /// `DT_RPATH` directories of the files that asked for this one.
    inherited: Vec<PathBuf>,
}

impl<'a> Loader<'a> {
    /// A loader on the host `source`.
    pub fn new(selection: &'a Selection, source: &'a mut Source) -> Self {
        Self {
            selection,
            source,
            system: HashMap::new(),
        }
    }

    /// The host.
    pub fn source(&mut self) -> &mut Source {
        self.source
    }

    /// The first program called `name` in the selection's directories.
    pub fn find_tool(&mut self, name: &str) -> Option<PathBuf> {
        let selection = self.selection;
        let mut found = selection.path.iter().filter_map(|directory| {
            let walk = self.source.find_executable(directory, name.as_ref())?;
            let private = walk
                .links
                .iter()
                .any(|link| selection.is_private(&link.path));
            (!private && !selection.is_private(&walk.real)).then(|| directory.join(name))
        });
        found.next()
    }

    /// Everything that `program`, called `name`, needs to start: itself first.
    ///
    /// # Errors
    ///
    /// When it is no program, or one for another machine, or wants something that is not there.
    pub fn closure(&mut self, program: &Path, name: &str) -> Result<Vec<Needed>> {
        self.follow(Step::new(program, &format!("tool {name}")), None, name)
    }

    /// The library `name` and what it needs, if the host has it: one that programs started by
    /// the loader `interpreter` may open while they run, dlopen(3).
    pub fn opened_later(
        &mut self,
        name: &OsStr,
        target: &Target,
        interpreter: &Path,
    ) -> Option<Vec<Needed>> {
        let directories = self.system_directories(interpreter, target);
        let found = self.find_in(&directories, name, target)?;
        let step = Step::new(&found, "opened while programs run");
        self.follow(step, Some(interpreter), &name.to_string_lossy())
            .ok()
    }

    /// Looks into a file, then into what it needs, and so on. `interpreter` will load it, unless
    /// it names one.
    fn follow(
        &mut self,
        first: Step,
        interpreter: Option<&Path>,
        name: &str,
    ) -> Result<Vec<Needed>> {
        let mut interpreter = interpreter.map(Path::to_path_buf);
        let mut queue = vec![first];
        let mut done = BTreeSet::new();
        let mut closure = Vec::new();

        while let Some(step) = queue.pop() {
            let path = &step.needed.path;
            if !done.insert((path.clone(), step.inherited.clone())) {
                continue;
            }
            match &*self.source.program(path)? {
                Program::Unknown => bail!("{} is neither ELF nor a script", path.display()),
                Program::Script(words) => queue.extend(self.interpreter_of(words, name)?),
                Program::Elf(elf) => {
                    if !machine::runs_here(&elf.target) {
                        bail!("{} is for {}", path.display(), machine::name(&elf.target));
                    }
                    if let Some(loader) = &elf.interpreter {
                        // The last one in is looked into first, with all that it needs: a script
                        // may bring two programs, each with a loader of its own.
                        interpreter = Some(loader.clone());
                        queue.push(Step::new(loader, &format!("loader of {name}")));
                    }
                    let inherited = &step.inherited;
                    queue.extend(self.libraries_of(elf, path, inherited, &interpreter, name)?);
                }
            }
            closure.push(step.needed);
        }
        Ok(closure)
    }

    /// The interpreter of a script, if it is a shell. Perl, Python and their like come with a
    /// library of modules that no header names, so their scripts would start and then fail.
    fn interpreter_of(&mut self, words: &[OsString], name: &str) -> Result<Vec<Step>> {
        const SHELLS: [&str; 7] = ["sh", "bash", "dash", "ash", "ksh", "mksh", "busybox"];
        let Some(first) = words.first() else {
            bail!("its `#!` line is empty")
        };
        let why = format!("interpreter of {name}");
        let is_shell = |path: &Path| {
            SHELLS
                .iter()
                .any(|shell| path.file_name() == Some(OsStr::new(shell)))
        };
        let interpreter = Path::new(first);
        if is_shell(interpreter) {
            return Ok(vec![Step::new(interpreter, &why)]);
        }
        let argument = words
            .get(1)
            .map(Path::new)
            .filter(|argument| is_shell(argument));
        let by_env = interpreter.file_name() == Some(OsStr::new("env"));
        if let (true, Some(shell)) = (by_env, argument.and_then(Path::to_str)) {
            let Some(found) = self.find_tool(shell) else {
                bail!("a script for {shell}")
            };
            return Ok(vec![Step::new(interpreter, &why), Step::new(&found, &why)]);
        }
        bail!("a script for {}", argument.unwrap_or(interpreter).display())
    }

    fn libraries_of(
        &mut self,
        elf: &Elf,
        path: &Path,
        inherited: &[PathBuf],
        interpreter: &Option<PathBuf>,
        name: &str,
    ) -> Result<Vec<Step>> {
        // A static program, or the loader itself.
        let Some(interpreter) = interpreter.as_ref().filter(|_| !elf.needed.is_empty()) else {
            return Ok(Vec::new());
        };
        // $ORIGIN is the directory that the file really is in: ld.so(8).
        let origin = self.source.walk(path)?;
        let origin = origin.real.parent().unwrap_or(Path::new("/"));
        let expand = |list: &Option<OsString>| {
            list.as_deref()
                .map_or(Vec::new(), |list| expand(list, origin, &elf.target))
        };
        let (rpath, runpath) = (expand(&elf.rpath), expand(&elf.runpath));

        let mut search = Vec::new();
        let mut hand_down = inherited.to_vec();
        if is_musl(interpreter) {
            // musl makes no difference between the two, and hands both down.
            put_first(&mut hand_down, [runpath, rpath].concat());
            search.extend(hand_down.iter().cloned());
        } else if elf.runpath.is_some() {
            // ld.so(8): with DT_RUNPATH in a file, no DT_RPATH counts for it, nor those before it.
            search.extend(runpath);
        } else {
            put_first(&mut hand_down, rpath);
            search.extend(hand_down.iter().cloned());
        }
        search.extend(self.system_directories(interpreter, &elf.target));

        let mut steps = Vec::new();
        for library in &elf.needed {
            let Some(found) = self.find_library(library, &search, elf, origin) else {
                if is_musl(interpreter) && system_directories::is_inside_musl(library) {
                    continue;
                }
                bail!("{} needs {}, not found", path.display(), library.display());
            };
            let needed = Needed {
                path: found,
                why: format!("library of {name}"),
            };
            steps.push(Step {
                needed,
                inherited: hand_down.clone(),
            });
        }
        Ok(steps)
    }

    fn find_library(
        &mut self,
        name: &OsStr,
        search: &[PathBuf],
        elf: &Elf,
        origin: &Path,
    ) -> Option<PathBuf> {
        // ld.so(8): a name with a slash is a path.
        if !name.as_bytes().contains(&b'/') {
            return self.find_in(search, name, &elf.target);
        }
        let mut paths = expand(name, origin, &elf.target).into_iter();
        paths.find(|path| self.is_library(path, &elf.target))
    }

    fn find_in(&mut self, search: &[PathBuf], name: &OsStr, target: &Target) -> Option<PathBuf> {
        let mut candidates = search.iter().filter_map(|directory| {
            self.source.find(directory, name)?;
            Some(directory.join(name)).filter(|path| self.is_library(path, target))
        });
        candidates.next()
    }

    fn is_library(&mut self, path: &Path, target: &Target) -> bool {
        match self.source.program(path).as_deref() {
            Ok(Program::Elf(elf)) => elf.target.links_with(target),
            _ => false,
        }
    }

    fn system_directories(&mut self, interpreter: &Path, target: &Target) -> Vec<PathBuf> {
        let key = (interpreter.to_path_buf(), *target);
        if let Some(known) = self.system.get(&key) {
            return known.clone();
        }
        let directories = system_directories::of(self.source, interpreter, target);
        self.system.insert(key, directories.clone());
        directories
    }
}

impl Step {
    fn new(path: &Path, why: &str) -> Self {
        let needed = Needed {
            path: path.to_path_buf(),
            why: why.to_string(),
        };
        Self {
            needed,
            inherited: Vec::new(),
        }
    }
}

/// Puts `directories` before the others. Each stays once, so that libraries which name each other
/// do not make the list longer for ever.
fn put_first(others: &mut Vec<PathBuf>, directories: Vec<PathBuf>) {
    others.retain(|other| !directories.contains(other));
    others.splice(0..0, directories);
}
