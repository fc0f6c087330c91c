//! Start the program, under the tracer's eye from its first instruction on.

use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use caps::{CapSet, Capability};
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::unistd::{ForkResult, Pid, execv};
use process::{Program, Status, SysError, SysResult, exit_now};

use crate::passed_on::Caught;
use crate::{NAME, calls, filter, sys};

/// What is to be started, and how it is to be looked at.
pub struct Launch<'a> {
    /// The program and its arguments.
    pub program: &'a [OsString],
    /// Every call is to stop.
    pub all: bool,
}

/// The program, which waits to be let go on.
pub struct Launched {
    /// Its PID.
    pub pid: Pid,
    /// Only the calls of the table stop.
    pub filtered: bool,
    report: PipeReader,
}

impl Launch<'_> {
    /// Starts it.
    ///
    /// # Errors
    /// When the words are no command, and when fork(2) or ptrace(2) fails.
    pub fn start(&self) -> Result<Launched> {
        let program = Program::new(self.program)?;
        let file = find(&self.program[0]);
        if let Some(notice) = file.as_deref().and_then(loses_privileges) {
            eprintln!("{NAME}: {notice}");
        }
        let prepared = Prepared {
            file: file.map(|file| c_string(file.as_os_str())).transpose()?,
            argv: self
                .program
                .iter()
                .map(|word| c_string(word))
                .collect::<Result<_>>()?,
            program,
            filter: self.filter(),
        };
        let caught = Caught::begin()?;
        let (wait_for_go, go) = pipe().syscall("pipe2", || "O_CLOEXEC".into())?;
        let (report, tell) = pipe().syscall("pipe2", || "O_CLOEXEC".into())?;
        // SAFETY: this program has one thread, and `run` does not return.
        match unsafe { sys::fork_once() }? {
            ForkResult::Child => {
                drop((go, report));
                prepared.run(&caught, wait_for_go, tell)
            }
            ForkResult::Parent { child } => {
                drop((wait_for_go, tell));
                seize(child)?;
                sys::pass_on_to(child);
                caught.let_through()?;
                (&go)
                    .write_all(b"!")
                    .syscall("write", || "the pipe to the child".into())?;
                Ok(Launched {
                    pid: child,
                    filtered: prepared.filter.is_some(),
                    report,
                })
            }
        }
    }

    /// seccomp(2): a filter needs CAP_SYS_ADMIN, or no_new_privs. The latter the
    /// program would notice, in what its set-user-ID programs can do. So without
    /// the capability every call stops, which is slower and changes nothing.
    fn filter(&self) -> Option<Vec<libc::sock_filter>> {
        let wanted = !self.all && may(Capability::CAP_SYS_ADMIN);
        wanted.then(|| filter::compile(calls::CALLS))
    }
}

impl Launched {
    /// Why it never became the program.
    ///
    /// # Errors
    /// That.
    pub fn failure(mut self) -> Result<()> {
        let mut message = String::new();
        self.report
            .read_to_string(&mut message)
            .syscall("read", || "report of the child".into())?;
        let mut fields = message.split('\0');
        let (call, args, errno) = (fields.next(), fields.next(), fields.next());
        let errno = errno.and_then(|errno| errno.parse().ok());
        let (Some(call), Some(args), Some(errno)) = (call, args, errno) else {
            return Ok(()); // A signal ended it before it could say a word.
        };
        let root = SysError {
            call: call.to_owned().into(),
            args: args.to_owned(),
            errno: Errno::from_raw(errno),
        };
        let contexts: Vec<_> = fields.map(str::to_owned).collect();
        let contexts = contexts.into_iter().rev();
        Err(contexts.fold(anyhow!(root), anyhow::Error::context))
    }
}

/// What the child needs, made before the fork.
struct Prepared {
    program: Program,
    /// The file of that name in `PATH`, if there is one.
    file: Option<CString>,
    argv: Vec<CString>,
    filter: Option<Vec<libc::sock_filter>>,
}

impl Prepared {
    /// The child's whole life.
    fn run(&self, caught: &Caught, wait_for_go: PipeReader, mut tell: PipeWriter) -> ! {
        let error = match self.become_program(caught, wait_for_go) {
            Ok(never) => match never {},
            Err(error) => error,
        };
        if let Some(root) = error.root_cause().downcast_ref::<SysError>() {
            let errno = (root.errno as i32).to_string();
            let mut fields = vec![root.call.to_string(), root.args.clone(), errno];
            fields.extend(error.chain().map(ToString::to_string));
            fields.pop();
            let _ = tell.write_all(fields.join("\0").as_bytes());
        }
        exit_now(Status::RUNTIME_FAILED)
    }

    fn become_program(&self, caught: &Caught, mut wait_for_go: PipeReader) -> Result<Infallible> {
        let mut go = [0];
        // Closed without a word, the parent may not trace, and says so itself.
        if wait_for_go.read(&mut go).unwrap_or(0) == 0 {
            exit_now(Status::RUNTIME_FAILED);
        }
        caught.undo()?;
        if let Some(filter) = &self.filter {
            sys::set_filter(filter).syscall("seccomp", || "SECCOMP_SET_MODE_FILTER".into())?;
        }
        // Not `Program::exec`, which keeps open descriptors from the program.
        // But why there is no such program, that one knows.
        if let Some(file) = &self.file {
            let _ = execv(file, &self.argv);
        }
        self.program.exec()
    }
}

/// Makes this process the tracer of `child`, and of all that `child` starts.
/// They die with it.
fn seize(child: Pid) -> Result<()> {
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_TRACESECCOMP
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(child, options).syscall("ptrace", || format!("PTRACE_SEIZE, {child}"))?;
    // It goes on from here only as the tracer says: from call to call, or freely.
    ptrace::interrupt(child).syscall("ptrace", || format!("PTRACE_INTERRUPT, {child}"))?;
    Ok(())
}

/// Whether this process has a capability.
pub fn may(capability: Capability) -> bool {
    caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false)
}

/// As execvp(3) finds it: the first in `PATH` that can be executed.
fn find(name: &OsStr) -> Option<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(name));
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| {
            let found = file.metadata();
            found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
}

/// execve(2): a traced program gets nothing from its set-user-ID bit, unless its
/// tracer has CAP_SYS_PTRACE.
fn loses_privileges(file: &Path) -> Option<String> {
    let found = file.metadata().ok()?;
    let sets_id = found.permissions().mode() & 0o4000 != 0;
    let other = found.uid() != nix::unistd::geteuid().as_raw();
    (sets_id && other && !may(Capability::CAP_SYS_PTRACE)).then(|| {
        format!(
            "{} is set-user-ID, and runs without that right when an ordinary user traces it",
            file.display()
        )
    })
}

fn c_string(word: &OsStr) -> Result<CString> {
    CString::new(word.as_bytes()).with_context(|| format!("{word:?} has a NUL byte in it"))
}
