//! Why the kernel may refuse to let a process be traced. Each cause is looked up.

use std::fs;

use nix::errno::Errno;
use process::Remedy;

/// ptrace(2): EPERM has these causes for a child of one's own.
pub const REMEDIES: &[Remedy] = &[
    Remedy {
        call: "ptrace",
        errno: Errno::EPERM,
        check: |_| already_traced(),
    },
    Remedy {
        call: "ptrace",
        errno: Errno::EPERM,
        check: |_| yama(),
    },
    Remedy {
        call: "ptrace",
        errno: Errno::EPERM,
        check: |_| filtered(),
    },
    Remedy {
        call: "ptrace",
        errno: Errno::ENOSYS,
        check: |_| filtered(),
    },
];

/// A tracer that follows children has the child already, and a process has one tracer at most.
fn already_traced() -> Option<String> {
    let tracer = own_status("TracerPid:")?;
    let name = fs::read_to_string(format!("/proc/{tracer}/comm")).unwrap_or_default();
    (tracer != "0").then(|| {
        format!(
            "PID {tracer} ({}) traces this program and what it starts, and a process can have one tracer only; run it without",
            name.trim()
        )
    })
}

/// The kernel's Documentation/admin-guide/LSM/Yama.rst.
fn yama() -> Option<String> {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok()?;
    match scope.trim() {
        "3" => Some("/proc/sys/kernel/yama/ptrace_scope is 3: nobody may trace until the next boot".into()),
        "2" if !crate::launch::may(caps::Capability::CAP_SYS_PTRACE) => Some(
            "/proc/sys/kernel/yama/ptrace_scope is 2: only a process with CAP_SYS_PTRACE may trace; run it as root"
                .into(),
        ),
        _ => None,
    }
}

fn filtered() -> Option<String> {
    let traced = own_status("TracerPid:")? != "0";
    (!traced && own_status("Seccomp:")? == "2").then(|| {
        "a seccomp filter is on this process (\"Seccomp: 2\" in /proc/self/status), and it may refuse ptrace, as a container's does; run it outside of the container"
            .into()
    })
}

fn own_status(field: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.trim().to_owned())
}
