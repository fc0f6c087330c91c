//! The system calls that nix has no safe wrapper for.

use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::signal::SigSet;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::setsid;

/// Makes the child the leader of a session, with the signals that its parent has blocked; and if
/// `terminal`, its standard input the terminal of that session: credentials(7).
pub fn start_session(command: &mut Command, terminal: bool) {
    let step = move || {
        SigSet::all().thread_unblock()?;
        setsid()?;
        if terminal {
            // SAFETY: ioctl_tty(2): TIOCSCTTY takes an integer, and touches no memory.
            let done = unsafe { libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0) };
            Errno::result(done)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec `step` makes system calls alone, and allocates nothing.
    unsafe { command.pre_exec(step) };
}

/// Sets an interface up: netdevice(7).
pub fn set_up(interface: &str) -> Result<()> {
    let socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .context("socket(AF_INET, SOCK_DGRAM)")?;
    // SAFETY: ifreq is plain data, for which zeroes are a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays zero and ends the name.
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name[..room].iter_mut().zip(interface.bytes()) {
        *to = from.cast_signed() as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one ifreq, and `request` is one that lives here.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut request) };
    Errno::result(done).with_context(|| format!("ioctl(SIOCSIFFLAGS, {interface:?})"))?;
    Ok(())
}
