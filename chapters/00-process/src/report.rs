//! The line from the child to its parent: closed by a successful exec, or
//! carrying the error that came before it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;

use anyhow::{Result, anyhow};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::pipe2;

use crate::error::{SysError, SysResult};
use crate::status::Status;
use crate::sys::{self, exit_now};

// ANCHOR: pipe
/// Both ends. O_CLOEXEC on the writing one is the signal: exec closes it.
pub(crate) fn pipe() -> Result<(Report, Parent)> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).syscall("pipe2", || "O_CLOEXEC".into())?;
    let writer = RefCell::new(Some(File::from(writer)));
    Ok((Report(reader.into()), Parent { writer }))
}
// ANCHOR_END: pipe

/// The parent's end.
pub(crate) struct Report(File);

impl Report {
    /// Waits until the child has become the command.
    ///
    /// # Errors
    /// What the child failed at instead.
    pub(crate) fn read(mut self) -> Result<()> {
        let mut message = String::new();
        self.0
            .read_to_string(&mut message)
            .syscall("read", || "report of the child".into())?;
        if message.is_empty() {
            return Ok(());
        }
        Err(decode(&message))
    }
}

/// What a child knows of its parent.
pub struct Parent {
    writer: RefCell<Option<File>>,
}

impl Parent {
    /// Asks the kernel to kill this process when its parent dies.
    ///
    /// PR_SET_PDEATHSIG(2const): the request is dropped when the process
    /// changes its credentials, so a step that does so calls this again.
    ///
    /// # Errors
    /// When prctl(2) fails.
    // ANCHOR: pdeathsig
    pub fn die_with_it(&self) -> Result<()> {
        set_pdeathsig(Signal::SIGKILL).syscall("prctl", || "PR_SET_PDEATHSIG, SIGKILL".into())?;
        // A parent that died before that call sends nothing. But it held the
        // only reading end of our pipe, and poll(2) reports POLLERR without one.
        if let Some(writer) = &*self.writer.borrow() {
            let mut pipe = [PollFd::new(writer.as_fd(), PollFlags::empty())];
            let ready =
                poll(&mut pipe, PollTimeout::ZERO).syscall("poll", || "report pipe".into())?;
            if ready > 0 {
                exit_now(Status::RUNTIME_FAILED);
            }
        }
        Ok(())
    }
    // ANCHOR_END: pdeathsig

    /// Closes all descriptors but standard input, output and error, and the way
    /// to the parent: for a child that stays and never execs. What it had
    /// open would lead out of the container, by /proc/1/fd.
    ///
    /// # Errors
    /// When close_range(2) fails.
    pub fn keep_only_this(&self) -> Result<()> {
        if let Some(writer) = &*self.writer.borrow() {
            // SAFETY: this is the child, whose copies of the parent's values
            // are never used: it ends in _exit(2), and drops none of them.
            unsafe { sys::close_all_but(writer.as_fd()) }?;
        }
        Ok(())
    }

    /// Tells the parent that the command runs, for a child that stays and
    /// never execs: an init process.
    pub fn started(&self) {
        self.writer.borrow_mut().take();
    }

    /// Sends the error that ended the child's steps. If even that fails, the
    /// exit status 125 is all the parent gets.
    pub(crate) fn tell(&self, error: &anyhow::Error) {
        if let Some(writer) = &mut *self.writer.borrow_mut() {
            let _ = writer.write_all(encode(error).as_bytes());
        }
    }
}

/// One error, as NUL-separated fields: the failed call, its arguments and
/// errno (empty when it was no system call), then what was being done,
/// outermost first.
fn encode(error: &anyhow::Error) -> String {
    let root = error.root_cause();
    let (call, args, errno) = match root.downcast_ref::<SysError>() {
        Some(e) => (
            e.call.as_ref(),
            e.args.clone(),
            (e.errno as i32).to_string(),
        ),
        None => ("", root.to_string(), String::new()),
    };
    let mut fields = vec![call.to_owned(), args, errno];
    fields.extend(error.chain().map(|cause| cause.to_string()));
    fields.pop();
    let clean: Vec<_> = fields
        .iter()
        .map(|field| field.replace('\0', "\u{fffd}"))
        .collect();
    clean.join("\0")
}

fn decode(message: &str) -> anyhow::Error {
    let mut fields = message.split('\0');
    let mut field = || fields.next().unwrap_or_default().to_owned();
    let (call, args, errno) = (field(), field(), field());
    let root = match errno.parse() {
        Ok(errno) => anyhow!(SysError {
            call: Cow::Owned(call),
            args,
            errno: Errno::from_raw(errno),
        }),
        Err(_) => anyhow!(args),
    };
    let contexts: Vec<_> = fields.map(str::to_owned).collect();
    contexts
        .into_iter()
        .rev()
        .fold(root, anyhow::Error::context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn an_error_crosses_the_pipe_with_its_chain() {
        let failed: Result<()> = Err(Errno::EPERM)
            .syscall("mount", || "\"proc\"".into())
            .map_err(Into::into);
        let error = failed.context("inner").context("outer").unwrap_err();
        let decoded = decode(&encode(&error));
        assert_eq!(format!("{decoded:#}"), format!("{error:#}"));
        assert_eq!(decoded.chain().count(), 3);
        let root = decoded.root_cause().downcast_ref::<SysError>().unwrap();
        assert_eq!((root.call.as_ref(), root.errno), ("mount", Errno::EPERM));
    }

    #[test]
    fn an_error_of_no_system_call_crosses_the_pipe() {
        let error = anyhow!("no such thing\0here").context("looking");
        assert_eq!(
            format!("{:#}", decode(&encode(&error))),
            "looking: no such thing\u{fffd}here"
        );
    }
}
