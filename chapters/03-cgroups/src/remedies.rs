//! What helps against this crate's failures.

use std::fs;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::geteuid;
use process::{Remedy, SysError};

/// Joined by each program to those of the crates it uses.
pub const REMEDIES: &[Remedy] = &[
    Remedy {
        call: "mkdir",
        errno: Errno::EACCES,
        check: not_delegated,
    },
    Remedy {
        call: "open",
        errno: Errno::EACCES,
        check: not_delegated,
    },
    Remedy {
        call: "mkdir",
        errno: Errno::EROFS,
        check: |failed| {
            in_a_cgroup(failed).then(|| "the cgroup file system is mounted read-only, as in a container: start the outer one with --privileged".into())
        },
    },
    Remedy {
        call: "clone3",
        errno: Errno::ENOENT,
        check: |_| of_another_cgroup_namespace(),
    },
    Remedy {
        call: "write",
        errno: Errno::EINVAL,
        check: no_such_processor,
    },
    Remedy {
        call: "write",
        errno: Errno::ERANGE,
        check: no_such_processor,
    },
    Remedy {
        call: "write",
        errno: Errno::EACCES,
        check: no_such_processor,
    },
];

/// cgroups(7), "Delegation": a user makes groups only below one that was given to them.
fn not_delegated(failed: &SysError) -> Option<String> {
    if geteuid().is_root() || !in_a_cgroup(failed) {
        return None;
    }
    let as_root = format!(
        "a limit needs a cgroup that this user may write to. Run it as root: {}",
        process::sudo_line()
    );
    // sd_booted(3): that directory is there when systemd is the first process.
    let has_systemd = Path::new("/run/systemd/system").is_dir();
    let only_version_2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    Some(if has_systemd && only_version_2 {
        format!("{as_root}; or ask systemd for one: systemd-run --user --scope -p Delegate=yes")
    } else {
        as_root
    })
}

fn in_a_cgroup(failed: &SysError) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts
        .lines()
        .filter(|line| line.contains(" - cgroup"))
        .filter_map(|line| line.split(' ').nth(4));
    points
        .map(|point| format!("\"{point}/"))
        .any(|point| failed.args.contains(&point))
}

fn no_such_processor(failed: &SysError) -> Option<String> {
    let online = fs::read_to_string("/sys/devices/system/cpu/online").ok()?;
    failed
        .args
        .contains("cpuset.cpus\"")
        .then(|| format!("this machine has the processors {}", online.trim()))
}

/// cgroup_namespaces(7): a process cannot be put into a group that its namespace
/// does not show. The root of such a mount begins with `/..`.
fn of_another_cgroup_namespace() -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
    let mut fields = mount.split(' ').skip(3);
    let (root, point) = (fields.next()?, fields.next()?);
    root.starts_with("/..").then(|| {
        format!("what is mounted on {point} shows groups outside of this cgroup namespace; umount -l {point}, then mount -t cgroup2 none {point}")
    })
}
