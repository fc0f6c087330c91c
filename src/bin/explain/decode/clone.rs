//! clone(2), clone3, fork(2), vfork(2): a process or a thread is made.

use super::flags::{Names, bits};
use super::namespaces;
use super::signals::name as signal;
use super::{Decoded, Entry};
use crate::memory::Memory;
use crate::purpose::Purpose;

const FLAGS: Names = &[
    (0x100, "CLONE_VM"),
    (0x200, "CLONE_FS"),
    (0x400, "CLONE_FILES"),
    (0x800, "CLONE_SIGHAND"),
    (0x1000, "CLONE_PIDFD"),
    (0x2000, "CLONE_PTRACE"),
    (0x4000, "CLONE_VFORK"),
    (0x8000, "CLONE_PARENT"),
    (0x1_0000, "CLONE_THREAD"),
    (0x80, "CLONE_NEWTIME"),
    (0x2_0000, "CLONE_NEWNS"),
    (0x200_0000, "CLONE_NEWCGROUP"),
    (0x400_0000, "CLONE_NEWUTS"),
    (0x800_0000, "CLONE_NEWIPC"),
    (0x1000_0000, "CLONE_NEWUSER"),
    (0x2000_0000, "CLONE_NEWPID"),
    (0x4000_0000, "CLONE_NEWNET"),
    (0x4_0000, "CLONE_SYSVSEM"),
    (0x8_0000, "CLONE_SETTLS"),
    (0x10_0000, "CLONE_PARENT_SETTID"),
    (0x20_0000, "CLONE_CHILD_CLEARTID"),
    (0x80_0000, "CLONE_UNTRACED"),
    (0x100_0000, "CLONE_CHILD_SETTID"),
    (0x8000_0000, "CLONE_IO"),
    (0x1_0000_0000, "CLONE_CLEAR_SIGHAND"),
    (0x2_0000_0000, "CLONE_INTO_CGROUP"),
];

const CLONE_THREAD: u64 = libc::CLONE_THREAD as u64;
const CLONE_PARENT: u64 = libc::CLONE_PARENT as u64;
/// libc's own constant is cut off.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

pub fn clone(entry: &Entry, _: Memory) -> Option<Decoded> {
    // The lowest byte is the signal that the parent gets at the child's end.
    let (flags, exit_signal) = (entry.args[0] & !0xff, entry.args[0] & 0xff);
    let mut text = bits(flags, FLAGS);
    if exit_signal != 0 {
        text = match flags {
            0 => signal(exit_signal as i32),
            _ => format!("{text}|{}", signal(exit_signal as i32)),
        };
    }
    made(flags, vec![format!("flags={text}")])
}

pub fn clone3(entry: &Entry, memory: Memory) -> Option<Decoded> {
    // struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack,
    // stack_size, tls, set_tid, set_tid_size, cgroup.
    let count = (entry.args[1] / 8).min(11) as usize;
    let args = memory.longs(entry.args[0], count).unwrap_or_default();
    let arg = |n: usize| args.get(n).copied().unwrap_or(0);
    let flags = arg(0);
    let mut fields = Vec::new();
    if flags != 0 {
        fields.push(format!("flags={}", bits(flags, FLAGS)));
    }
    if arg(4) != 0 {
        fields.push(format!("exit_signal={}", signal(arg(4) as i32)));
    }
    if flags & CLONE_INTO_CGROUP != 0 {
        fields.push(format!("cgroup={}", arg(10)));
    }
    let fields = format!("{{{}}}", fields.join(", "));
    made(flags, vec![fields, entry.args[1].to_string()])
}

#[cfg(target_arch = "x86_64")]
pub fn fork(_: &Entry, _: Memory) -> Option<Decoded> {
    made(0, Vec::new())
}

/// A thread is made all the time, and is no process: of no interest.
fn made(flags: u64, args: Vec<String>) -> Option<Decoded> {
    if flags & CLONE_THREAD != 0 {
        return None;
    }
    let gained = flags & namespaces::ALL;
    let new = namespaces::in_words(gained);
    let mut why = match gained {
        0 => "a child process".to_owned(),
        _ => format!("a child process in {new} of its own"),
    };
    if flags & CLONE_PARENT != 0 {
        why += ", a sibling of its maker's";
    }
    if flags & CLONE_INTO_CGROUP != 0 {
        why += ", born in a control group";
    }
    let purpose = match gained {
        0 => Purpose::Process,
        _ => Purpose::Namespaces,
    };
    Some(Decoded::new(purpose, args, why)?.gains(gained))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_namespace_has_its_flag() {
        for (flag, _, _) in namespaces::KINDS {
            assert!(FLAGS.iter().any(|(known, _)| known == flag));
        }
    }
}
