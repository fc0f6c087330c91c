//! What helps against this crate's failures.

use std::fs;
use std::path::Path;

use nix::errno::Errno;
use process::{Remedy, SysError};

/// Joined by each program to those of the crates it uses.
pub const REMEDIES: &[Remedy] = &[
    Remedy {
        call: "clone3",
        errno: Errno::EPERM,
        check: user_namespace_forbidden,
    },
    Remedy {
        call: "clone3",
        errno: Errno::ENOSPC,
        check: too_many_namespaces,
    },
    Remedy {
        call: "clone3",
        errno: Errno::EINVAL,
        check: not_built_in,
    },
    // Ubuntu's AppArmor lets the namespace be made, and takes its capabilities away.
    Remedy {
        call: "sethostname",
        errno: Errno::EPERM,
        check: |_| restricted_by_apparmor(Path::new("/proc/sys")),
    },
    Remedy {
        call: "write",
        errno: Errno::EPERM,
        check: id_map_refused,
    },
    Remedy {
        call: "setdomainname",
        errno: Errno::EPERM,
        check: |_| restricted_by_apparmor(Path::new("/proc/sys")),
    },
    Remedy {
        call: "mount",
        errno: Errno::EACCES,
        check: |_| restricted_by_apparmor(Path::new("/proc/sys")),
    },
    Remedy {
        call: "sethostname",
        errno: Errno::EINVAL,
        check: |_| Some("a host name has at most 64 bytes".into()),
    },
    Remedy {
        call: "setdomainname",
        errno: Errno::EINVAL,
        check: |_| Some("a domain name has at most 64 bytes".into()),
    },
];

fn user_namespace_forbidden(_: &SysError) -> Option<String> {
    let sysctls = Path::new("/proc/sys");
    restricted_by_apparmor(sysctls)
        .or_else(|| switched_off(sysctls))
        .or_else(in_a_chroot)
        .or_else(filtered)
}

/// Ubuntu, since 23.10.
fn restricted_by_apparmor(sysctls: &Path) -> Option<String> {
    let name = "kernel.apparmor_restrict_unprivileged_userns";
    (sysctl(sysctls, name)? == "1").then(|| allow(name, "0", "AppArmor restricts user namespaces"))
}

/// The map is written by the parent, but AppArmor judges the new namespace.
fn id_map_refused(failed: &SysError) -> Option<String> {
    let is_map = ["/uid_map\"", "/gid_map\"", "/setgroups\""]
        .iter()
        .any(|file| failed.args.contains(file));
    is_map
        .then(|| restricted_by_apparmor(Path::new("/proc/sys")))
        .flatten()
}

/// Debian's kernels before version 11, and others that carry its patch.
fn switched_off(sysctls: &Path) -> Option<String> {
    let name = "kernel.unprivileged_userns_clone";
    (sysctl(sysctls, name)? == "0").then(|| allow(name, "1", "user namespaces are switched off"))
}

/// namespaces(7): the limits under /proc/sys/user hold for a user, in a user namespace.
fn too_many_namespaces(failed: &SysError) -> Option<String> {
    let limits = [
        ("CLONE_NEWUSER", "user.max_user_namespaces"),
        ("CLONE_NEWPID", "user.max_pid_namespaces"),
        ("CLONE_NEWUTS", "user.max_uts_namespaces"),
        ("CLONE_NEWIPC", "user.max_ipc_namespaces"),
        ("CLONE_NEWNS", "user.max_mnt_namespaces"),
    ];
    let asked = limits.iter().filter(|(flag, _)| failed.args.contains(flag));
    let (name, value) = asked
        .filter_map(|(_, name)| Some((name, sysctl(Path::new("/proc/sys"), name)?)))
        .min_by_key(|(_, value)| value.parse().unwrap_or(u64::MAX))?;
    Some(match value.as_str() {
        "0" => allow(name, "10000", "namespaces of this kind are switched off"),
        _ => format!("this user may have {value} such namespaces at once: {name} is the limit"),
    })
}

/// user_namespaces(7): a process in a chroot makes no user namespace, so that it cannot leave the chroot by it.
fn in_a_chroot() -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    (!root_is_a_mount(&mounts))
        .then(|| "this process is in a chroot, where no user namespace can be made".into())
}

/// Certain in one direction only: a chroot into a mount point looks like no chroot.
fn root_is_a_mount(mountinfo: &str) -> bool {
    mountinfo
        .lines()
        .any(|line| line.split(' ').nth(4) == Some("/"))
}

/// A container's own filter refuses the call before any sysctl is asked.
fn filtered() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let mode = status
        .lines()
        .find_map(|line| line.strip_prefix("Seccomp:"))?
        .trim();
    (mode == "2").then(|| {
        "a seccomp filter is on this process, as in a container: \
         start the outer container with --privileged, or with --security-opt seccomp=unconfined"
            .into()
    })
}

/// clone(2): EINVAL for a namespace that the kernel was built without.
fn not_built_in(failed: &SysError) -> Option<String> {
    let kinds = [
        ("CLONE_NEWUSER", "user"),
        ("CLONE_NEWPID", "pid"),
        ("CLONE_NEWUTS", "uts"),
        ("CLONE_NEWIPC", "ipc"),
    ];
    let missing = kinds
        .iter()
        .filter(|(flag, _)| failed.args.contains(flag))
        .find(|(_, file)| !Path::new("/proc/self/ns").join(file).exists())?;
    Some(format!(
        "this kernel was built without {} namespaces",
        missing.1
    ))
}

fn allow(name: &str, value: &str, what: &str) -> String {
    format!(
        "{what}: {name} says so. Allow them (sudo sysctl -w {name}={value}), or run this as root: {}",
        process::sudo_line()
    )
}

fn sysctl(root: &Path, name: &str) -> Option<String> {
    let value = fs::read_to_string(root.join(name.replace('.', "/"))).ok()?;
    Some(value.trim().to_owned())
}
