//! Files through which the kernel takes orders: /proc, /sys, control groups.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, FsType, PROC_SUPER_MAGIC};
use nix::sys::statfs::{SYSFS_MAGIC, statfs};
use nix::unistd::Pid;

use super::flags::directory;
use super::{Decoded, Entry};
use crate::memory::{Memory, quote};
use crate::purpose::Purpose;

pub fn write(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let file = kernel_file(entry.tid, entry.int(0))?;
    let length = entry.args[2].min(4096) as usize;
    written(entry, file, &memory.bytes(entry.args[1], length)?)
}

pub fn writev(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let file = kernel_file(entry.tid, entry.int(0))?;
    // struct iovec: an address and a length, again and again.
    let parts = memory.longs(entry.args[1], 2 * entry.args[2].min(16) as usize)?;
    let mut bytes = Vec::new();
    for part in parts.chunks_exact(2) {
        bytes.extend(memory.bytes(part[0], part[1].min(4096) as usize)?);
    }
    written(entry, file, &bytes)
}

fn written(entry: &Entry, (file, kind): (PathBuf, FsType), bytes: &[u8]) -> Option<Decoded> {
    let args = vec![
        format!("{}<{}>", entry.int(0), file.display()),
        quote(bytes),
        bytes.len().to_string(),
    ];
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let (purpose, why) = match is_cgroup(kind) {
        true => (Purpose::Cgroups, in_cgroup(&name)),
        false => of_kernel(&file, &name),
    };
    Decoded::new(purpose, args, why)
}

/// cgroup-v2.rst, and the controllers' own pages of version 1.
fn in_cgroup(file: &str) -> &'static str {
    match file {
        "cgroup.procs" | "tasks" => {
            "the process moves into this control group, and its children with it"
        }
        "cgroup.subtree_control" => "the groups below may use these controllers",
        "cgroup.freeze" | "freezer.state" => "all processes of the group stop, or go on",
        "cgroup.kill" => "all processes of the group are killed at once",
        "memory.max" | "memory.limit_in_bytes" => {
            "no more memory than this: beyond it, the OOM killer"
        }
        "memory.high" | "memory.soft_limit_in_bytes" => "beyond this the group is slowed down",
        "memory.swap.max" | "memory.memsw.limit_in_bytes" => "how much of it may be swapped out",
        "cpu.max" | "cpu.cfs_quota_us" | "cpu.cfs_period_us" => "processor time in every period",
        "cpu.weight" | "cpu.shares" => "its share where processors are scarce",
        "pids.max" => "how many processes at most",
        "cpuset.cpus" | "cpuset.mems" => "which processors, and which memory",
        "io.max" | "io.weight" | "blkio.weight" => "its part of a disk's speed",
        "devices.deny" | "devices.allow" => "which devices may be opened",
        _ => "a limit or a switch of a control group",
    }
}

/// proc_pid(5), proc_sys(5), user_namespaces(7).
fn of_kernel(file: &Path, name: &str) -> (Purpose, &'static str) {
    let path = file.to_string_lossy();
    match name {
        "uid_map" => (Purpose::Users, "which user ids inside are which outside"),
        "gid_map" => (Purpose::Users, "which group ids inside are which outside"),
        "setgroups" => (
            Purpose::Users,
            "without root, setgroups(2) must be given up before gid_map",
        ),
        "oom_score_adj" => (
            Purpose::Process,
            "how soon the OOM killer takes this process",
        ),
        "exec" | "current" if path.contains("/attr/") => (
            Purpose::Process,
            "the label of the security module for the next exec",
        ),
        "timens_offsets" => (
            Purpose::Namespaces,
            "how far its clocks are from the host's",
        ),
        "comm" => (Purpose::Process, "the name that ps(1) shows"),
        _ if path.contains("/sys/net/") => {
            (Purpose::Network, "a setting of this network namespace")
        }
        _ if path.contains("/proc/sys/") => {
            (Purpose::Namespaces, "a setting of the kernel's: sysctl(8)")
        }
        _ => (Purpose::Process, "an order to the kernel through a file"),
    }
}

/// A file of the kernel's, and of which kind it is. The kernel is asked, since a
/// path says little inside a container: by way of /proc/PID/fd it follows the descriptor.
fn kernel_file(tid: Pid, fd: i32) -> Option<(PathBuf, FsType)> {
    let link = format!("/proc/{tid}/fd/{fd}");
    let kind = statfs(link.as_str()).ok()?.filesystem_type();
    is_kernels(kind).then(|| (fs::read_link(link).unwrap_or_default(), kind))
}

fn is_kernels(kind: FsType) -> bool {
    kind == PROC_SUPER_MAGIC || kind == SYSFS_MAGIC || is_cgroup(kind)
}

fn is_cgroup(kind: FsType) -> bool {
    kind == CGROUP2_SUPER_MAGIC || kind == CGROUP_SUPER_MAGIC
}

/// A descriptor with the file that it is of: `3</proc>`.
pub fn descriptor(tid: Pid, fd: i32) -> String {
    match fs::read_link(format!("/proc/{tid}/fd/{fd}")) {
        Ok(file) => format!("{fd}<{}>", file.display()),
        Err(_) => fd.to_string(),
    }
}

/// A path, and where it leads if it is one of a descriptor, as runc's are.
pub fn path(tid: Pid, memory: Memory, address: u64) -> (String, String) {
    let (path, quoted) = (memory.text(address), memory.quoted(address));
    let fd = path.strip_prefix("/proc/self/fd/");
    let fd = fd.or_else(|| path.strip_prefix("/proc/thread-self/fd/"));
    match fs::read_link(format!("/proc/{tid}/fd/{}", fd.unwrap_or("none"))) {
        Ok(file) => {
            let file = file.display().to_string();
            (file.clone(), format!("{quoted}<{file}>"))
        }
        Err(_) => (path, quoted),
    }
}

/// Whether a call of this number writes.
pub fn is_write(nr: u64) -> bool {
    matches!(
        nr as i64,
        libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_writev
    )
}

/// A shell's `echo 1 >FILE`: looked at for what standard output is afterwards.
pub fn dup(_: &Entry, _: Memory) -> Option<Decoded> {
    Some(Decoded {
        args: Vec::new(),
        meaning: None,
        silent: true,
        redirects: true,
    })
}

/// Whether a standard stream of `tid` is a file of the kernel's, open for writing.
pub fn redirected(tid: Pid) -> bool {
    (0..3).any(|fd| kernel_file(tid, fd).is_some())
}

#[cfg(target_arch = "x86_64")]
pub fn mkdir(entry: &Entry, memory: Memory) -> Option<Decoded> {
    made(entry, memory, libc::AT_FDCWD, 0, 1)
}

pub fn mkdirat(entry: &Entry, memory: Memory) -> Option<Decoded> {
    made(entry, memory, entry.int(0), 1, 2)
}

fn made(entry: &Entry, memory: Memory, at: i32, path: usize, mode: usize) -> Option<Decoded> {
    in_hierarchy(entry.tid, at, memory.string(entry.args[path])?)?;
    let mut args = vec![memory.quoted(entry.args[path])];
    if path > 0 {
        args.insert(0, directory(at));
    }
    args.push(format!("{:04o}", entry.args[mode] & 0o7777));
    Decoded::new(Purpose::Cgroups, args, "a control group is a directory")
}

#[cfg(target_arch = "x86_64")]
pub fn rmdir(entry: &Entry, memory: Memory) -> Option<Decoded> {
    in_hierarchy(entry.tid, libc::AT_FDCWD, memory.string(entry.args[0])?)?;
    let args = vec![memory.quoted(entry.args[0])];
    Decoded::new(
        Purpose::Cgroups,
        args,
        "the control group goes; it has to be empty",
    )
}

pub fn unlinkat(entry: &Entry, memory: Memory) -> Option<Decoded> {
    in_hierarchy(entry.tid, entry.int(0), memory.string(entry.args[1])?)?;
    let args = vec![
        directory(entry.int(0)),
        memory.quoted(entry.args[1]),
        "AT_REMOVEDIR".into(),
    ];
    Decoded::new(
        Purpose::Cgroups,
        args,
        "the control group goes; it has to be empty",
    )
}

/// Whether a path of the tracee's is in a hierarchy of control groups, by the
/// directory that it is in: the last part may not be there.
fn in_hierarchy(tid: Pid, at: i32, path: Vec<u8>) -> Option<()> {
    let path = PathBuf::from(OsString::from_vec(path));
    let base = match (path.strip_prefix("/"), at) {
        (Ok(rest), _) => Path::new(&format!("/proc/{tid}/root")).join(rest),
        (Err(_), libc::AT_FDCWD) => Path::new(&format!("/proc/{tid}/cwd")).join(&path),
        (Err(_), fd) => Path::new(&format!("/proc/{tid}/fd/{fd}")).join(&path),
    };
    let kind = statfs(base.parent()?).ok()?.filesystem_type();
    is_cgroup(kind).then_some(())
}
