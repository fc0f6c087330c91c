//! unshare(2), setns(2), and what is in a UTS namespace.

use super::flags::{bits, listed};
use super::{Decoded, Entry};
use crate::memory::Memory;
use crate::purpose::Purpose;

/// CLONE_NEW* of clone(2): the flag, its name, and the namespace in words.
pub const KINDS: &[(u64, &str, &str)] = &[
    (0x1000_0000, "CLONE_NEWUSER", "user"),
    (0x2_0000, "CLONE_NEWNS", "mount"),
    (0x2000_0000, "CLONE_NEWPID", "PID"),
    (0x400_0000, "CLONE_NEWUTS", "UTS"),
    (0x800_0000, "CLONE_NEWIPC", "IPC"),
    (0x4000_0000, "CLONE_NEWNET", "network"),
    (0x200_0000, "CLONE_NEWCGROUP", "cgroup"),
    (0x80, "CLONE_NEWTIME", "time"),
];

/// All of them at once.
pub const ALL: u64 = 0x7e02_0080;

/// What unshare takes besides, of a thread that shares them.
const SHARED: &[(u64, &str)] = &[
    (0x1000_0000, "CLONE_NEWUSER"),
    (0x2_0000, "CLONE_NEWNS"),
    (0x2000_0000, "CLONE_NEWPID"),
    (0x400_0000, "CLONE_NEWUTS"),
    (0x800_0000, "CLONE_NEWIPC"),
    (0x4000_0000, "CLONE_NEWNET"),
    (0x200_0000, "CLONE_NEWCGROUP"),
    (0x80, "CLONE_NEWTIME"),
    (0x200, "CLONE_FS"),
    (0x400, "CLONE_FILES"),
    (0x4_0000, "CLONE_SYSVSEM"),
];

/// `mount, PID and UTS namespaces`.
pub fn in_words(flags: u64) -> String {
    let words: Vec<_> = kinds(flags).collect();
    let noun = if words.len() == 1 {
        "a NAME namespace".replace("NAME", words[0])
    } else {
        format!("{} namespaces", listed(&words))
    };
    noun.replace("a IPC", "an IPC")
}

/// Their short names.
pub fn kinds(flags: u64) -> impl Iterator<Item = &'static str> {
    let set = KINDS.iter().filter(move |(flag, _, _)| flags & flag != 0);
    set.map(|(_, _, name)| *name)
}

pub fn unshare(entry: &Entry, _: Memory) -> Option<Decoded> {
    let flags = entry.args[0];
    let gained = flags & ALL;
    let args = vec![bits(flags, SHARED)];
    let mut why = match gained {
        0 => {
            return Decoded::new(
                Purpose::Process,
                args,
                "no longer shared between its threads",
            );
        }
        _ => format!("this process moves into {} of its own", in_words(gained)),
    };
    // unshare(2), clone(2): the caller stays where its PID is known.
    if gained == libc::CLONE_NEWPID as u64 {
        why = "the children from here on are in a PID namespace of their own".into();
    } else if gained & libc::CLONE_NEWPID as u64 != 0 {
        why += ", and into the PID namespace its next child";
    }
    Some(Decoded::new(Purpose::Namespaces, args, why)?.gains(gained))
}

pub fn setns(entry: &Entry, _: Memory) -> Option<Decoded> {
    let fd = super::files::descriptor(entry.tid, entry.int(0));
    let joined = entry.args[1] & ALL;
    let args = vec![fd, bits(entry.args[1], SHARED)];
    let which = match joined {
        0 => "a namespace".into(),
        _ => in_words(joined),
    };
    let why = format!("joins {which} that is there already");
    Some(Decoded::new(Purpose::Namespaces, args, why)?.gains(joined))
}

pub fn sethostname(entry: &Entry, memory: Memory) -> Option<Decoded> {
    named(entry, memory, "the host name, in this UTS namespace alone")
}

pub fn setdomainname(entry: &Entry, memory: Memory) -> Option<Decoded> {
    named(
        entry,
        memory,
        "the NIS domain name, in this UTS namespace alone",
    )
}

fn named(entry: &Entry, memory: Memory, why: &str) -> Option<Decoded> {
    // sethostname(2): the name has a length, and no NUL at its end.
    let length = entry.args[1].min(64) as usize;
    let name = memory.bytes(entry.args[0], length).unwrap_or_default();
    let args = vec![crate::memory::quote(&name), entry.args[1].to_string()];
    Decoded::new(Purpose::Namespaces, args, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_are_all() {
        assert_eq!(KINDS.iter().map(|(flag, _, _)| flag).sum::<u64>(), ALL);
        assert_eq!(in_words(0x800_0000), "an IPC namespace");
        assert_eq!(in_words(0x2002_0000), "mount and PID namespaces");
    }
}
