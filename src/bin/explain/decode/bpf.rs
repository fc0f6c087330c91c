//! bpf(2): programs in the kernel. A container's decide which devices may be opened.

use super::flags::{Names, name};
use super::{Decoded, Entry};
use crate::memory::Memory;
use crate::purpose::Purpose;

const COMMANDS: Names = &[
    (0, "BPF_MAP_CREATE"),
    (1, "BPF_MAP_LOOKUP_ELEM"),
    (2, "BPF_MAP_UPDATE_ELEM"),
    (5, "BPF_PROG_LOAD"),
    (8, "BPF_PROG_ATTACH"),
    (9, "BPF_PROG_DETACH"),
    (13, "BPF_PROG_GET_FD_BY_ID"),
    (15, "BPF_OBJ_GET_INFO_BY_FD"),
    (16, "BPF_PROG_QUERY"),
    (18, "BPF_BTF_LOAD"),
    (28, "BPF_LINK_CREATE"),
];
const TYPES: Names = &[
    (1, "BPF_PROG_TYPE_SOCKET_FILTER"),
    (8, "BPF_PROG_TYPE_CGROUP_SKB"),
    (15, "BPF_PROG_TYPE_CGROUP_DEVICE"),
];
const ATTACH: Names = &[
    (0, "BPF_CGROUP_INET_INGRESS"),
    (1, "BPF_CGROUP_INET_EGRESS"),
    (6, "BPF_CGROUP_DEVICE"),
];
const LOAD: u64 = 5;
const ATTACH_TO: u64 = 8;
const DETACH: u64 = 9;
const QUERY: u64 = 16;

pub fn bpf(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let command = entry.args[0] & 0xffff_ffff;
    let words = memory.words(entry.args[1], 4).unwrap_or_default();
    let word = |n: usize| words.get(n).copied().unwrap_or(0);
    let (fields, why) = match command {
        // union bpf_attr: prog_type, insn_cnt.
        LOAD => (
            format!(
                "{{prog_type={}, {} instructions}}",
                name(word(0).into(), TYPES),
                word(1)
            ),
            "a program for the kernel, which looks it over first",
        ),
        // target_fd, attach_bpf_fd, attach_type.
        ATTACH_TO | DETACH => (
            format!(
                "{{target_fd={}, attach_bpf_fd={}, attach_type={}}}",
                word(0),
                word(1),
                name(word(2).into(), ATTACH)
            ),
            "the program is asked about each device that this control group opens",
        ),
        QUERY => (
            format!(
                "{{target_fd={}, attach_type={}}}",
                word(0),
                name(word(1).into(), ATTACH)
            ),
            "which programs this control group has already",
        ),
        _ => ("{…}".into(), "a program or a table in the kernel"),
    };
    let args = vec![name(command, COMMANDS), fields, entry.args[2].to_string()];
    Decoded::new(Purpose::Cgroups, args, why)
}
