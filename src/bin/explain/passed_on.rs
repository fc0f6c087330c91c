//! Signals that this program gets and the watched one is to have.

use anyhow::Result;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigprocmask};
use process::SysResult;

use crate::sys;

/// What asks a process to do something, as the chapter programs pass it on.
const PASSED_ON: [Signal; 7] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
];

/// The signals caught, and how it was before.
pub struct Caught {
    mask: SigSet,
    actions: Vec<(Signal, SigAction)>,
}

impl Caught {
    /// Catches them all, and holds them back until there is somebody to have them.
    ///
    /// # Errors
    /// sigaction(2)'s, sigprocmask(2)'s.
    pub fn begin() -> Result<Self> {
        let mut mask = SigSet::empty();
        let held = SigSet::from_iter(PASSED_ON);
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&held), Some(&mut mask))
            .syscall("sigprocmask", || "SIG_BLOCK".into())?;
        let mut actions = Vec::new();
        for signal in PASSED_ON {
            let before = sys::catch(signal)?;
            if matches!(before.handler(), SigHandler::SigIgn) {
                // As nohup(1) wants it.
                sys::set_action(signal, &before)?;
            }
            actions.push((signal, before));
        }
        // A caller that ignores SIGCHLD hands that on to us, and the kernel would
        // then reap the program itself: wait(2).
        actions.push((
            Signal::SIGCHLD,
            sys::set_action(Signal::SIGCHLD, &default())?,
        ));
        Ok(Self { mask, actions })
    }

    /// In the child: as it was before. Rust's start-up code ignores SIGPIPE, and
    /// the program would inherit that.
    ///
    /// # Errors
    /// sigaction(2)'s, sigprocmask(2)'s.
    pub fn undo(&self) -> Result<()> {
        for (signal, before) in &self.actions {
            sys::set_action(*signal, before)?;
        }
        sys::set_action(Signal::SIGPIPE, &default())?;
        self.let_through()
    }

    /// In the parent: from now on they arrive.
    ///
    /// # Errors
    /// sigprocmask(2)'s.
    pub fn let_through(&self) -> Result<()> {
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.mask), None)
            .syscall("sigprocmask", || "SIG_SETMASK".into())?;
        Ok(())
    }
}

fn default() -> SigAction {
    SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty())
}
