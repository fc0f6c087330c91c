//! A person at a terminal: Ctrl-C, once and twice.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use libtest_mimic::Trial;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use nix::unistd::{Pid, setsid};

use crate::support::world::World;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![terminal: [
        ctrl_c_is_not_passed_on_a_second_time,
        ctrl_c_ends_a_plain_process,
        second_ctrl_c_kills_a_pid_1_that_has_no_handler,
        second_ctrl_c_leaves_a_pid_1_with_a_handler_alone,
        init_passes_ctrl_c_no_further,
    ]]
}

const CTRL_C: &str = "\u{3}";

/// A program in the foreground of a terminal of its own.
struct Terminal {
    program: Child,
    keyboard: File,
    screen: String,
}

impl Terminal {
    fn start(name: &str, args: &[&str]) -> Self {
        let (keyboard, slave) = pseudo_terminal().expect("a pseudo-terminal");
        let side = || Stdio::from(slave.try_clone().expect("a descriptor"));
        let mut command = World::shared().command(name);
        command
            .args(args)
            .stdin(side())
            .stdout(side())
            .stderr(side());
        in_a_session(&mut command);
        let program = command.spawn().expect("a program that starts");
        Self {
            program,
            keyboard,
            screen: String::new(),
        }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard
            .write_all(keys.as_bytes())
            .expect("a terminal");
    }

    /// Reads on until the screen shows `text`.
    fn wait_for(&mut self, text: &str) {
        while !self.screen.contains(text) {
            assert!(
                self.read(),
                "the program ended, and never showed {text:?}: {}",
                self.screen
            );
        }
    }

    /// Waits for a `cat`: the terminal echoes what is typed, and then so does the `cat`.
    fn wait_for_cat(&mut self) {
        self.press("ready\n");
        while self.screen.matches("ready\r\n").count() < 2 {
            assert!(self.read(), "the cat has ended: {}", self.screen);
        }
    }

    /// Reads until the program has ended, and returns its status and the screen.
    fn end(mut self) -> (Option<i32>, String) {
        while self.read() {}
        let status = self.program.wait().expect("a program that ends");
        (status.code(), std::mem::take(&mut self.screen))
    }

    /// False at the end: a pty whose other side is closed gives EIO.
    fn read(&mut self) -> bool {
        let mut readable = [PollFd::new(self.keyboard.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut readable, 10_000u16).expect("poll");
        assert!(
            ready > 0,
            "nothing happens on the terminal: {:?}",
            self.screen
        );
        let mut bytes = [0; 4096];
        let length = self.keyboard.read(&mut bytes).unwrap_or(0);
        self.screen += &String::from_utf8_lossy(&bytes[..length]);
        length > 0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The two sides of a pty. Close-on-exec from the start: a side that another
/// test's program inherits would keep this terminal from ever hanging up.
fn pseudo_terminal() -> nix::Result<(File, File)> {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname_r(&master)?;
    let slave = open(
        name.as_str(),
        OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC,
        Mode::empty(),
    )?;
    // termios(3): else Ctrl-C flushes what a program wrote, its answer to the signal included.
    let mut settings = tcgetattr(&slave)?;
    settings.local_flags |= LocalFlags::NOFLSH;
    tcsetattr(&slave, SetArg::TCSANOW, &settings)?;
    Ok((File::from(OwnedFd::from(master)), File::from(slave)))
}

/// Makes standard input the controlling terminal of a new session.
fn in_a_session(command: &mut Command) {
    let session = || {
        setsid()?;
        // SAFETY: ioctl_tty(2): TIOCSCTTY on descriptor 0, the pty's slave, takes an int.
        let result = unsafe { nix::libc::ioctl(0, nix::libc::TIOCSCTTY, 0) };
        Ok(nix::errno::Errno::result(result).map(drop)?)
    };
    // SAFETY: setsid(2) and ioctl(2) are async-signal-safe, and nothing else is called.
    unsafe { command.pre_exec(session) };
}

/// The terminal signals the whole foreground group, and so the command too.
/// Here the command has left that group: what reaches it, the runtime sent.
fn ctrl_c_is_not_passed_on_a_second_time() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["setsid"]));
    let script = "trap 'exit 9' INT; trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done";
    for name in ["ch00-process", "ch01-namespaces"] {
        let mut terminal = Terminal::start(name, &["setsid", "sh", "-c", script]);
        terminal.wait_for("ready");
        terminal.press(CTRL_C);
        terminal.wait_for("^C");
        kill(Pid::from_raw(terminal.program.id() as i32), Signal::SIGTERM)?;
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(3), "{name}: {screen}");
    }
    done()
}

fn ctrl_c_ends_a_plain_process() -> Outcome {
    let mut terminal = Terminal::start("ch00-process", &["cat"]);
    terminal.wait_for_cat();
    terminal.press(CTRL_C);
    assert_eq!(terminal.end().0, Some(130));
    done()
}

fn second_ctrl_c_kills_a_pid_1_that_has_no_handler() -> Outcome {
    skip_unless!(need::namespaces());
    for name in ["ch01-namespaces", "ch02-rootfs"] {
        let mut terminal = Terminal::start(name, &["cat"]);
        terminal.wait_for_cat();
        terminal.press(CTRL_C);
        terminal.wait_for("PID 1 and has no handler for SIGINT");
        terminal.press(CTRL_C);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(137), "{name}: {screen}");
        assert!(
            screen.contains("killed: the command is PID 1"),
            "{name}: {screen}"
        );
    }
    done()
}

fn second_ctrl_c_leaves_a_pid_1_with_a_handler_alone() -> Outcome {
    skip_unless!(need::namespaces());
    let script = "trap 'echo caught' INT; echo ready; \
                  while :; do read line || continue; [ \"$line\" = end ] && exit 5; done";
    let mut terminal = Terminal::start("ch01-namespaces", &["sh", "-c", script]);
    terminal.wait_for("ready");
    for _ in 0..3 {
        terminal.press(CTRL_C);
        terminal.wait_for("caught");
        terminal.screen.clear();
    }
    terminal.press("end\n");
    assert_eq!(terminal.end().0, Some(5));
    done()
}

/// The command is in the foreground group itself; init must not double the signal, nor die of it.
fn init_passes_ctrl_c_no_further() -> Outcome {
    skip_unless!(need::namespaces());
    let mut terminal = Terminal::start("ch01-namespaces", &["--init", "cat"]);
    terminal.wait_for_cat();
    terminal.press(CTRL_C);
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(130), "{screen}");
    done()
}
