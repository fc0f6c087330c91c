//! seccomp(2): how long a filter is, and what it can answer.

use std::collections::BTreeSet;

use super::flags::{Names, bits, name};
use super::{Decoded, Entry};
use crate::memory::Memory;
use crate::purpose::Purpose;

const OPERATIONS: Names = &[
    (0, "SECCOMP_SET_MODE_STRICT"),
    (1, "SECCOMP_SET_MODE_FILTER"),
    (2, "SECCOMP_GET_ACTION_AVAIL"),
    (3, "SECCOMP_GET_NOTIF_SIZES"),
];
const FLAGS: Names = &[
    (1, "SECCOMP_FILTER_FLAG_TSYNC"),
    (2, "SECCOMP_FILTER_FLAG_LOG"),
    (4, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"),
    (8, "SECCOMP_FILTER_FLAG_NEW_LISTENER"),
    (16, "SECCOMP_FILTER_FLAG_TSYNC_ESRCH"),
    (32, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"),
];
const FILTER: u64 = 1;
const LISTENER: u64 = 8;

pub fn seccomp(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let operation = entry.args[0];
    // Strict mode has no flags, and a filter has a program: what has not only
    // asks what this kernel can do.
    let asks = match operation {
        FILTER => entry.args[2] == 0,
        _ => operation > FILTER || entry.args[1] != 0,
    };
    if asks {
        return None;
    }
    let mut args = vec![name(operation, OPERATIONS), bits(entry.args[1], FLAGS)];
    args.push(program(entry.args[2], memory));
    let why = match entry.args[1] & LISTENER {
        0 => "from here on each call is looked at by this program in the kernel",
        _ => "from here on another process is asked about some of the calls",
    };
    Decoded::new(Purpose::Seccomp, args, why)
}

/// prctl(2), the older way: PR_SET_SECCOMP, SECCOMP_MODE_FILTER, a program.
pub fn by_prctl(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let mode = match entry.args[1] {
        1 => "SECCOMP_MODE_STRICT",
        _ => "SECCOMP_MODE_FILTER",
    };
    let args = vec![
        "PR_SET_SECCOMP".into(),
        mode.into(),
        program(entry.args[2], memory),
    ];
    let why = "from here on each call is looked at by this program in the kernel";
    Decoded::new(Purpose::Seccomp, args, why)
}

/// struct sock_fprog: how many instructions, and where they are. Eight bytes each.
fn program(address: u64, memory: Memory) -> String {
    let Some(head) = memory.longs(address, 2).filter(|head| head.len() == 2) else {
        return format!("{address:#x}");
    };
    let length = u64::from(head[0] as u16);
    let words = memory
        .words(head[1], 2 * length as usize)
        .unwrap_or_default();
    let actions: Vec<_> = actions(&words).into_iter().collect();
    format!("{{{length} instructions, actions: {}}}", actions.join(", "))
}

/// What the instructions that return a constant return: BPF_RET|BPF_K.
fn actions(words: &[u32]) -> BTreeSet<String> {
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    let code = |instruction: &[u32]| match cfg!(target_endian = "little") {
        true => instruction[0] & 0xffff,
        false => instruction[0] >> 16,
    };
    let returns = words.chunks_exact(2).filter(|one| code(one) == RETURN);
    returns.map(|one| action(one[1])).collect()
}

fn action(value: u32) -> String {
    let data = value & libc::SECCOMP_RET_DATA;
    match value & libc::SECCOMP_RET_ACTION_FULL {
        libc::SECCOMP_RET_KILL_PROCESS => "KILL_PROCESS".into(),
        libc::SECCOMP_RET_KILL_THREAD => "KILL_THREAD".into(),
        libc::SECCOMP_RET_TRAP => "TRAP".into(),
        libc::SECCOMP_RET_ERRNO => {
            let errno = nix::errno::Errno::from_raw(data as i32);
            format!("ERRNO({errno:?})")
        }
        libc::SECCOMP_RET_USER_NOTIF => "USER_NOTIF".into(),
        libc::SECCOMP_RET_TRACE => "TRACE".into(),
        libc::SECCOMP_RET_LOG => "LOG".into(),
        libc::SECCOMP_RET_ALLOW => "ALLOW".into(),
        other => format!("{other:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_told_by_what_it_can_answer() {
        let code = if cfg!(target_endian = "little") {
            6
        } else {
            6 << 16
        };
        let words = [0x20, 4, code, 0x7fff_0000, code, 0x0005_0001];
        let found: Vec<_> = actions(&words).into_iter().collect();
        assert_eq!(found, ["ALLOW", "ERRNO(EPERM)"]);
    }
}
