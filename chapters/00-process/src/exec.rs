//! The command, and the exec that turns this process into it.

use std::convert::Infallible;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::unistd::execve;

use crate::error::SysError;
use crate::{diagnose, sys};

/// The command with its arguments and environment, made ready before the fork.
pub struct Program {
    name: String,
    /// The files it may be, in the order of `PATH`.
    candidates: Vec<CString>,
    argv: Vec<CString>,
    envp: Vec<CString>,
}

impl Program {
    /// A command that keeps this process's environment.
    ///
    /// # Errors
    /// When the command is empty or has a NUL byte in it.
    pub fn new(command: &[OsString]) -> Result<Self> {
        Self::with_environment(command, std::env::vars_os())
    }

    /// A command with an environment of its own. Its `PATH` is where the
    /// command is looked for.
    ///
    /// # Errors
    /// When the command is empty, or a NUL byte is in it or in the environment.
    pub fn with_environment(
        command: &[OsString],
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self> {
        let name = command.first().context("no command")?;
        ensure!(!name.is_empty(), "the command is an empty word");
        let environment: Vec<_> = environment.into_iter().collect();
        let path = environment
            .iter()
            .find(|(key, _)| key == "PATH")
            .map(|(_, path)| path.as_os_str());
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            candidates: candidates(name, path.unwrap_or(OsStr::new("/usr/bin:/bin")))?,
            argv: command
                .iter()
                .map(|word| c_string(word))
                .collect::<Result<_>>()?,
            envp: environment
                .iter()
                .map(|(key, value)| c_variable(key, value))
                .collect::<Result<_>>()?,
        })
    }

    /// Becomes the command. On success there is nobody left to return to.
    ///
    /// # Errors
    /// execve(2)'s error for the command: ENOENT when no file of that name is
    /// in `PATH`, EACCES when one is, but may not be executed.
    // ANCHOR: exec
    pub fn exec(&self) -> Result<Infallible> {
        sys::keep_only_standard_descriptors()?;
        let mut refused = None;
        for file in &self.candidates {
            match execve(file, &self.argv, &self.envp) {
                Err(Errno::ENOENT | Errno::ENOTDIR) => continue,
                // As execvp(3): a later directory may have one that may be
                // executed. And a directory that may not be searched has none.
                Err(Errno::EACCES) if self.is_path() || is_there(file) => {
                    refused = refused.or(Some(file))
                }
                Err(Errno::EACCES) => continue,
                Err(errno) => return Err(self.failed(file, errno)),
                Ok(never) => match never {},
            }
        }
        Err(match refused {
            Some(file) => self.failed(file, Errno::EACCES),
            None => self.not_found(),
        })
    }
    // ANCHOR_END: exec

    fn failed(&self, file: &CString, errno: Errno) -> anyhow::Error {
        let file = file.to_string_lossy();
        let error = SysError {
            call: "execve".into(),
            args: format!("{file:?}"),
            errno,
        };
        let what = diagnose::file(OsStr::new(file.as_ref()), errno);
        self.because(error, what)
    }

    fn not_found(&self) -> anyhow::Error {
        // A file that is there, and yet "not found", lacks what would run it.
        if let Some(file) = self.candidates.iter().find(|file| is_there(file)) {
            return self.failed(file, Errno::ENOENT);
        }
        let error = SysError {
            call: "execve".into(),
            args: format!("{:?}", self.name),
            errno: Errno::ENOENT,
        };
        let searched =
            (!self.is_path()).then(|| "no directory of PATH has a file of that name".into());
        self.because(error, searched)
    }

    /// Named by a path, the command is looked for nowhere else.
    fn is_path(&self) -> bool {
        self.name.contains('/')
    }

    fn because(&self, error: SysError, what: Option<String>) -> anyhow::Error {
        let error = anyhow::Error::from(error);
        let error = match what {
            Some(what) => error.context(what),
            None => error,
        };
        error.context(format!("cannot run {:?}", self.name))
    }
}

fn is_there(file: &CStr) -> bool {
    std::fs::exists(OsStr::from_bytes(file.to_bytes())).unwrap_or(false)
}

/// As execvp(3): a name with a slash is a path, any other is looked for in `PATH`.
fn candidates(name: &OsStr, path: &OsStr) -> Result<Vec<CString>> {
    if name.as_bytes().contains(&b'/') {
        return Ok(vec![c_string(name)?]);
    }
    std::env::split_paths(path)
        .map(|directory| c_string(directory.join(name).as_os_str()))
        .collect()
}

fn c_string(word: &OsStr) -> Result<CString> {
    CString::new(word.as_bytes()).with_context(|| format!("{word:?} has a NUL byte in it"))
}

fn c_variable(key: &OsStr, value: &OsStr) -> Result<CString> {
    let mut variable = key.to_owned();
    variable.push("=");
    variable.push(value);
    c_string(&variable)
}
