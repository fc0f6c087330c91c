//! The terminal that lab-vm was started at. qemu makes it raw, so that Ctrl-C goes into the machine.

use std::io::{IsTerminal, stdin, stdout};

use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};

/// The terminal's settings, put back when this is dropped. qemu does so itself, unless it is
/// killed.
#[must_use = "the settings are put back when this is dropped"]
pub struct Terminal {
    settings: Termios,
    /// Rows and columns, where the terminal knows.
    pub size: Option<(u16, u16)>,
}

impl Terminal {
    /// The terminal, if a person sits at one: standard input and output are it.
    pub fn here() -> Option<Self> {
        if !stdin().is_terminal() || !stdout().is_terminal() {
            return None;
        }
        Some(Self {
            settings: tcgetattr(stdin()).ok()?,
            size: size(),
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), SetArg::TCSADRAIN, &self.settings);
    }
}

fn size() -> Option<(u16, u16)> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: ioctl_tty(2): TIOCGWINSZ writes one winsize, and `size` is one that lives here.
    let done = unsafe { libc::ioctl(libc::STDIN_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (done == 0 && size.ws_row > 0).then_some((size.ws_row, size.ws_col))
}
