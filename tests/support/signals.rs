//! The signals that a test begins with.

use nix::sys::signal::{SigHandler, Signal, signal};

/// To be called first in `main`. A shell starts its background jobs with SIGINT
/// and SIGQUIT ignored, nohup those with SIGHUP. The programs that a test starts
/// would inherit that, and its signals would come to nothing.
pub fn as_at_a_terminal() {
    for which in [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
    ] {
        // SAFETY: SIG_DFL installs no handler, so no code of ours can run in one.
        let _ = unsafe { signal(which, SigHandler::SigDfl) };
    }
}
