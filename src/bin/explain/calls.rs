//! The calls that build a container, and when one of them is worth a stop.

use libc::c_long;

use crate::decode::{Decode, bpf, capabilities, clone, exec, files, ids, mount, mount_api};
use crate::decode::{namespaces, netlink, prctl, seccomp, signals, tree};

/// A system call that is told.
pub struct Call {
    /// Its number on this architecture.
    pub nr: c_long,
    /// Its name.
    pub name: &'static str,
    /// All of these have to hold, or it is of no interest.
    pub when: &'static [Test],
    /// What its arguments mean.
    pub decode: Decode,
}

/// What a filter can see of an argument: its value, and not what it points to.
/// The number says which; values are those of its lower half.
#[derive(Debug, Clone, Copy)]
pub enum Test {
    /// It is one of these.
    In(usize, &'static [u32]),
    /// It is not this.
    Not(usize, u32),
    /// It is greater than this.
    Above(usize, u32),
    /// It is not greater than this.
    AtMost(usize, u32),
    /// It has one of these bits.
    Bit(usize, u32),
    /// It is no null pointer.
    NotNull(usize),
}

impl Test {
    /// As the filter decides it.
    pub fn holds(&self, args: &[u64; 6]) -> bool {
        match *self {
            Test::In(arg, values) => values.contains(&(args[arg] as u32)),
            Test::Not(arg, value) => args[arg] as u32 != value,
            Test::Above(arg, value) => args[arg] as u32 > value,
            Test::AtMost(arg, value) => args[arg] as u32 <= value,
            Test::Bit(arg, bit) => args[arg] as u32 & bit != 0,
            Test::NotNull(arg) => args[arg] != 0,
        }
    }
}

/// Standard input, output and error are seldom a file of the kernel's; where
/// they are, dup2(2) made them so, and that is looked at.
const NO_STANDARD_STREAM: Test = Test::Above(0, 2);
/// What is written to a file of the kernel's fits on a page.
const FITS_ON_A_PAGE: Test = Test::AtMost(2, 4096);
const TO_A_STANDARD_STREAM: Test = Test::AtMost(1, 2);
/// A Go program sends it to its own threads all the time.
const SIGURG: u32 = libc::SIGURG as u32;

macro_rules! calls {
    ($($(#[$condition:meta])* $nr:ident $name:literal $when:expr => $decode:path,)*) => {
        &[$($(#[$condition])* Call { nr: libc::$nr, name: $name, when: &$when, decode: $decode }),*]
    };
}

/// Every call that is told. `--all` shows the others too, by name.
pub const CALLS: &[Call] = calls! {
    SYS_clone "clone" [] => clone::clone,
    SYS_clone3 "clone3" [] => clone::clone3,
    #[cfg(target_arch = "x86_64")] SYS_fork "fork" [] => clone::fork,
    #[cfg(target_arch = "x86_64")] SYS_vfork "vfork" [] => clone::fork,
    SYS_execve "execve" [] => exec::execve,
    SYS_execveat "execveat" [] => exec::execveat,
    SYS_exit_group "exit_group" [] => exec::exit_group,
    SYS_setsid "setsid" [] => exec::setsid,
    SYS_close_range "close_range" [] => exec::close_range,
    SYS_ioctl "ioctl" [Test::In(1, &[libc::TIOCSCTTY as u32])] => exec::ioctl,
    SYS_unshare "unshare" [] => namespaces::unshare,
    SYS_setns "setns" [] => namespaces::setns,
    SYS_sethostname "sethostname" [] => namespaces::sethostname,
    SYS_setdomainname "setdomainname" [] => namespaces::setdomainname,
    SYS_mount "mount" [] => mount::mount,
    SYS_umount2 "umount2" [] => mount::umount2,
    SYS_pivot_root "pivot_root" [] => tree::pivot_root,
    SYS_chroot "chroot" [] => tree::chroot,
    SYS_chdir "chdir" [] => tree::chdir,
    SYS_fchdir "fchdir" [] => tree::fchdir,
    #[cfg(target_arch = "x86_64")] SYS_mknod "mknod" [] => tree::mknod,
    SYS_mknodat "mknodat" [] => tree::mknodat,
    SYS_open_tree "open_tree" [] => mount_api::open_tree,
    SYS_move_mount "move_mount" [] => mount_api::move_mount,
    SYS_fsopen "fsopen" [] => mount_api::fsopen,
    SYS_fsconfig "fsconfig" [] => mount_api::fsconfig,
    SYS_fsmount "fsmount" [] => mount_api::fsmount,
    SYS_fspick "fspick" [] => mount_api::fspick,
    SYS_mount_setattr "mount_setattr" [] => mount_api::mount_setattr,
    #[cfg(target_arch = "x86_64")] SYS_mkdir "mkdir" [] => files::mkdir,
    SYS_mkdirat "mkdirat" [] => files::mkdirat,
    #[cfg(target_arch = "x86_64")] SYS_rmdir "rmdir" [] => files::rmdir,
    SYS_unlinkat "unlinkat" [Test::Bit(2, libc::AT_REMOVEDIR as u32)] => files::unlinkat,
    SYS_write "write" [NO_STANDARD_STREAM, FITS_ON_A_PAGE] => files::write,
    SYS_pwrite64 "pwrite64" [NO_STANDARD_STREAM, FITS_ON_A_PAGE] => files::write,
    SYS_writev "writev" [NO_STANDARD_STREAM, Test::AtMost(2, 16)] => files::writev,
    #[cfg(target_arch = "x86_64")] SYS_dup2 "dup2" [TO_A_STANDARD_STREAM] => files::dup,
    SYS_dup3 "dup3" [TO_A_STANDARD_STREAM] => files::dup,
    SYS_bpf "bpf" [] => bpf::bpf,
    SYS_sendto "sendto" [Test::Above(2, 15)] => netlink::sendto,
    SYS_sendmsg "sendmsg" [] => netlink::sendmsg,
    SYS_seccomp "seccomp" [] => seccomp::seccomp,
    SYS_prctl "prctl" [Test::In(0, prctl::TOLD)] => prctl::prctl,
    SYS_capset "capset" [] => capabilities::capset,
    SYS_setuid "setuid" [] => ids::setuid,
    SYS_setgid "setgid" [] => ids::setgid,
    SYS_setreuid "setreuid" [] => ids::setreuid,
    SYS_setregid "setregid" [] => ids::setregid,
    SYS_setresuid "setresuid" [] => ids::setresuid,
    SYS_setresgid "setresgid" [] => ids::setresgid,
    SYS_setgroups "setgroups" [] => ids::setgroups,
    SYS_prlimit64 "prlimit64" [Test::NotNull(2)] => ids::prlimit64,
    SYS_keyctl "keyctl" [Test::In(0, &[libc::KEYCTL_JOIN_SESSION_KEYRING])] => ids::keyctl,
    SYS_kill "kill" [] => signals::kill,
    SYS_tkill "tkill" [Test::Not(1, SIGURG)] => signals::tkill,
    SYS_tgkill "tgkill" [Test::Not(2, SIGURG)] => signals::tgkill,
    SYS_pidfd_send_signal "pidfd_send_signal" [] => signals::pidfd_send_signal,
};

/// The call of this number, if it is one that is told.
pub fn find(nr: u64) -> Option<&'static Call> {
    CALLS.iter().find(|call| call.nr as u64 == nr)
}
