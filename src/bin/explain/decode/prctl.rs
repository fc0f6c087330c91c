//! prctl(2): those of its operations that make a container.

use super::capabilities::name as capability;
use super::flags::{Names, name};
use super::signals::name as signal;
use super::{Decoded, Entry, seccomp};
use crate::memory::Memory;
use crate::purpose::Purpose;

const PDEATHSIG: u32 = libc::PR_SET_PDEATHSIG as u32;
const DUMPABLE: u32 = libc::PR_SET_DUMPABLE as u32;
const KEEPCAPS: u32 = libc::PR_SET_KEEPCAPS as u32;
const SECCOMP: u32 = libc::PR_SET_SECCOMP as u32;
const CAPBSET_DROP: u32 = libc::PR_CAPBSET_DROP as u32;
const SECUREBITS: u32 = libc::PR_SET_SECUREBITS as u32;
const SUBREAPER: u32 = libc::PR_SET_CHILD_SUBREAPER as u32;
const NO_NEW_PRIVS: u32 = libc::PR_SET_NO_NEW_PRIVS as u32;
const AMBIENT: u32 = libc::PR_CAP_AMBIENT as u32;

/// The operations that are told.
pub const TOLD: &[u32] = &[
    PDEATHSIG,
    DUMPABLE,
    KEEPCAPS,
    SECCOMP,
    CAPBSET_DROP,
    SECUREBITS,
    SUBREAPER,
    NO_NEW_PRIVS,
    AMBIENT,
];

const AMBIENTS: Names = &[
    (1, "PR_CAP_AMBIENT_IS_SET"),
    (2, "PR_CAP_AMBIENT_RAISE"),
    (3, "PR_CAP_AMBIENT_LOWER"),
    (4, "PR_CAP_AMBIENT_CLEAR_ALL"),
];

pub fn prctl(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let value = entry.args[1];
    let number = value.to_string();
    let (name, value, purpose, why) = match entry.args[0] as u32 {
        PDEATHSIG => (
            "PR_SET_PDEATHSIG",
            signal(value as i32),
            Purpose::Process,
            "the kernel sends this when the parent dies, so that nobody is left behind",
        ),
        DUMPABLE => (
            "PR_SET_DUMPABLE",
            number,
            Purpose::Process,
            "whether others may look into its memory and its /proc",
        ),
        KEEPCAPS => (
            "PR_SET_KEEPCAPS",
            number,
            Purpose::Users,
            "whether capabilities survive a change of the user",
        ),
        CAPBSET_DROP => (
            "PR_CAPBSET_DROP",
            capability(value),
            Purpose::Users,
            "no program it runs can ever get this capability back",
        ),
        SECUREBITS => (
            "PR_SET_SECUREBITS",
            format!("{value:#x}"),
            Purpose::Users,
            "whether user 0 has all capabilities just for being 0",
        ),
        SUBREAPER => (
            "PR_SET_CHILD_SUBREAPER",
            number,
            Purpose::Process,
            "orphans below it become its children, and not PID 1's",
        ),
        NO_NEW_PRIVS => (
            "PR_SET_NO_NEW_PRIVS",
            number,
            Purpose::Seccomp,
            "no program it runs gets more rights, set-user-ID or not; then a filter may be set",
        ),
        SECCOMP => return seccomp::by_prctl(entry, memory),
        AMBIENT => return ambient(entry),
        _ => return None,
    };
    Decoded::new(purpose, vec![name.into(), value], why)
}

fn ambient(entry: &Entry) -> Option<Decoded> {
    let mut args = vec!["PR_CAP_AMBIENT".into(), name(entry.args[1], AMBIENTS)];
    if entry.args[1] < 4 {
        args.push(capability(entry.args[2]));
    }
    let why = "which capabilities a program keeps that knows nothing of them";
    Decoded::new(Purpose::Users, args, why)
}
