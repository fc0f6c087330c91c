//! A failed system call, by name; and what helps against it.

use std::borrow::Cow;
use std::fmt;
use std::io::IsTerminal;
use std::process::ExitCode;

use colored::Colorize;
use nix::errno::Errno;

use crate::status::Status;

/// A system call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SysError {
    /// Its name, as the man page has it.
    pub call: Cow<'static, str>,
    /// Its arguments, as strace would print them.
    pub args: String,
    /// Why it failed: errno(3).
    pub errno: Errno,
}

impl fmt::Display for SysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}({}): {} ({:?})",
            self.call,
            self.args,
            self.errno.desc(),
            self.errno
        )
    }
}

impl std::error::Error for SysError {}

/// Names the system call behind a result.
pub trait SysResult<T> {
    /// Turns an errno into a [`SysError`] that says which call failed, with which arguments.
    ///
    /// # Errors
    /// The same failure, named.
    fn syscall(self, call: &'static str, args: impl FnOnce() -> String) -> Result<T, SysError>;
}

impl<T> SysResult<T> for nix::Result<T> {
    fn syscall(self, call: &'static str, args: impl FnOnce() -> String) -> Result<T, SysError> {
        self.map_err(|errno| SysError {
            call: Cow::Borrowed(call),
            args: args(),
            errno,
        })
    }
}

impl<T> SysResult<T> for std::io::Result<T> {
    fn syscall(self, call: &'static str, args: impl FnOnce() -> String) -> Result<T, SysError> {
        self.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
            .syscall(call, args)
    }
}

/// What helps against a failed call. Keyed on the call and its errno, but said
/// only when `check` has found the cause on this machine.
pub struct Remedy {
    /// The call that failed.
    pub call: &'static str,
    /// How it failed.
    pub errno: Errno,
    /// Looks for the cause, and returns what to do about it.
    pub check: fn(&SysError) -> Option<String>,
}

/// Prints the error, once, as a chain, and the remedies whose cause was found.
/// Returns the exit status that stands for it.
pub fn fail(program: &str, error: &anyhow::Error, remedies: &[&[Remedy]]) -> ExitCode {
    colored::control::set_override(
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    );
    eprintln!("{program}: {} {error:#}", "error:".red().bold());
    for advice in advice(error, remedies) {
        eprintln!("  {} {advice}", "help:".green().bold());
    }
    Status::of_error(error).into()
}

/// The remedies whose cause was found on this machine.
pub fn advice(error: &anyhow::Error, remedies: &[&[Remedy]]) -> Vec<String> {
    let Some(failed) = error.root_cause().downcast_ref::<SysError>() else {
        return Vec::new();
    };
    let all = remedies.iter().copied().flatten();
    let matching = all.filter(|r| r.call == failed.call && r.errno == failed.errno);
    matching.filter_map(|r| (r.check)(failed)).collect()
}

/// The command line that repeats this run as root. Not `sudo cargo`: root has
/// no toolchain of its own, and would own the files of the build.
pub fn sudo_line() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let here = std::env::current_dir().unwrap_or_default();
    let program = program
        .strip_prefix(&here)
        .unwrap_or(&program)
        .to_string_lossy()
        .into_owned();
    let rest = std::env::args_os()
        .skip(1)
        .map(|arg| arg.to_string_lossy().into_owned());
    let words: Vec<_> = std::iter::once(program)
        .chain(rest)
        .map(|word| shell_word(&word))
        .collect();
    format!("sudo {}", words.join(" "))
}

fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_for_the_shell_only_where_it_must_be() {
        assert_eq!(shell_word("--rootfs=/a/b"), "--rootfs=/a/b");
        assert_eq!(shell_word("echo $$; it's"), r"'echo $$; it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
