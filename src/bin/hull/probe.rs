//! The things that `hull doctor` tries, each in a child or in a directory of its own.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use cgroups::{Cgroup, Limits};
use clap::Parser;
use namespaces::UserNamespace;
use nix::sys::ptrace;
use nix::sys::utsname::uname;
use nix::unistd::geteuid;
use overlay::{LayerFlags, Layers};
use process::{CloneFlags, Status, SysResult, exit_now};
use rootfs::Root;
use rootfs_fetch::Directories;

/// One thing to try.
pub struct Probe {
    /// What it is.
    pub name: &'static str,
    /// Which chapters and flags need it.
    pub affects: &'static str,
    /// Whether a chapter does nothing without it.
    pub essential: bool,
    /// Tries it, and says what there is.
    pub attempt: fn() -> Result<String>,
}

const fn needed(
    name: &'static str,
    affects: &'static str,
    attempt: fn() -> Result<String>,
) -> Probe {
    Probe {
        name,
        affects,
        essential: true,
        attempt,
    }
}

const fn useful(
    name: &'static str,
    affects: &'static str,
    attempt: fn() -> Result<String>,
) -> Probe {
    Probe {
        name,
        affects,
        essential: false,
        attempt,
    }
}

/// In the order of the chapters.
pub const PROBES: &[Probe] = &[
    needed("namespaces", "chapter 1 and all later ones", own_namespaces),
    useful(
        "user namespace",
        "everything, for users who are not root",
        || made(CloneFlags::CLONE_NEWUSER),
    ),
    needed(
        "root filesystem",
        "chapter 2 and all later ones",
        root_filesystem,
    ),
    useful(
        "control group",
        "chapter 3: counting, freezing, killing",
        || group(&[]),
    ),
    useful("memory", "chapter 3: --memory", || {
        group(&["--memory", "64M"])
    }),
    useful("cpu", "chapter 3: --cpus", || group(&["--cpus", "1"])),
    useful("cpuset", "chapter 3: --cpuset", || {
        group(&["--cpuset", "0"])
    }),
    useful("pids", "chapter 3: --pids", || group(&["--pids", "64"])),
    useful("io", "chapter 3: --io-weight", || {
        group(&["--io-weight", "100"])
    }),
    useful("devices", "chapter 3: which devices may be used", || {
        group(&["--device-cgroup-rule", "c 1:3 rwm"])
    }),
    needed(
        "overlay",
        "chapter 4; --storage-driver vfs does without",
        overlay_mount,
    ),
    useful(
        "network namespace",
        "chapter 5, not in this edition yet",
        || made(CloneFlags::CLONE_NEWNET),
    ),
    useful(
        "cgroup namespace",
        "chapter 7, not in this edition yet",
        || made(CloneFlags::CLONE_NEWCGROUP),
    ),
    useful(
        "time namespace",
        "chapter 7, not in this edition yet",
        || {
            // clone3(2), CLONE_NEWTIME, which nix does not name.
            made(CloneFlags::from_bits_retain(0x80))
        },
    ),
    useful("seccomp", "chapter 6, not in this edition yet", seccomp),
    useful("ptrace", "explain", tracing),
];

/// What the machine is: nothing of it decides anything.
pub fn machine() -> Result<Vec<(&'static str, String)>> {
    let uname = uname().syscall("uname", String::new)?;
    let release = uname.release().to_string_lossy().into_owned();
    let who = if geteuid().is_root() {
        "root"
    } else {
        "not root"
    };
    let mut machine = vec![
        ("kernel", release.clone()),
        (
            "architecture",
            uname.machine().to_string_lossy().into_owned(),
        ),
        ("user", format!("{who}, uid {}", geteuid())),
    ];
    if release.to_lowercase().contains("microsoft") {
        machine.push(("inside", "the Windows Subsystem for Linux".into()));
    }
    let marks = [
        "/.dockerenv",
        "/run/.containerenv",
        "/run/systemd/container",
    ];
    if let Some(mark) = marks.iter().find(|mark| Path::new(mark).exists()) {
        machine.push(("inside", format!("a container, for there is {mark}")));
    }
    Ok(machine)
}

/// Runs `steps` in a child in new namespaces, with a user namespace where this user needs one.
fn in_child(flags: CloneFlags, steps: impl FnOnce() -> Result<()>) -> Result<()> {
    let user = UserNamespace::if_needed()?;
    in_child_with(user, flags, steps)
}

fn in_child_with(
    user: Option<UserNamespace>,
    mut flags: CloneFlags,
    steps: impl FnOnce() -> Result<()>,
) -> Result<()> {
    if user.is_some() {
        flags |= UserNamespace::FLAG;
    }
    let (go, wait_for_go) = namespaces::handshake()?;
    let child = process::spawn(flags, |_| {
        wait_for_go.wait()?;
        steps()?;
        exit_now(0)
    })?;
    if let Some(user) = user {
        user.map(child.pid())?;
    }
    go.go()?;
    match child.wait()? {
        Status::Exited(0) => Ok(()),
        status => bail!("the child ended with {status:?}"),
    }
}

fn made(flags: CloneFlags) -> Result<String> {
    in_child(flags, || Ok(())).map(|()| String::new())
}

fn own_namespaces() -> Result<String> {
    in_child(namespaces::FLAGS | rootfs::FLAG, || {
        namespaces::set_hostname("hull-doctor".as_ref())
    })?;
    let how = UserNamespace::if_needed()?.map_or("as root", |_| "in a user namespace");
    Ok(how.into())
}

fn root_filesystem() -> Result<String> {
    let built_in = rootfs_fetch::host(&Directories::from_env()?.data)?;
    let root = Root::read_only(built_in.path())?;
    in_child(namespaces::FLAGS | rootfs::FLAG, || {
        rootfs::make_private()?;
        let host = root.pivot()?;
        rootfs::mount_proc()?;
        rootfs::mount_dev(&host)?;
        rootfs::mount_sys(&host)?;
        rootfs::protect_kernel_paths()?;
        host.detach()
    })?;
    Ok(built_in.path().display().to_string())
}

#[derive(Parser)]
struct LimitFlags {
    #[command(flatten)]
    limits: Limits,
}

/// A group with one limit, made and removed.
fn group(flags: &[&str]) -> Result<String> {
    let words = std::iter::once(&"hull").chain(flags);
    let limits = LimitFlags::try_parse_from(words)
        .context("a flag of the doctor's own")?
        .limits;
    let group = Cgroup::create(&limits)?;
    let place = group.to_string();
    let place = place
        .split(' ')
        .next()
        .map(Path::new)
        .and_then(Path::parent);
    let place = place
        .context("this user may make no group here")?
        .display()
        .to_string();
    group.remove()?;
    Ok(place)
}

fn overlay_mount() -> Result<String> {
    let directories = Directories::from_env()?;
    let built_in = rootfs_fetch::host(&directories.data)?;
    let layers = Layers::prepare(&LayerFlags::default(), built_in.path(), &directories.data)?;
    let notice = layers.notice().unwrap_or_default();
    in_child(rootfs::FLAG, || {
        rootfs::make_private()?;
        layers.mount().map(drop)
    })?;
    layers.remove()?;
    Ok(notice)
}

/// seccomp(2), SECCOMP_GET_ACTION_AVAIL, in a file.
fn seccomp() -> Result<String> {
    let path = "/proc/sys/kernel/seccomp/actions_avail";
    let actions = fs::read_to_string(path).syscall("read", || format!("{path:?}"))?;
    ensure!(
        actions.contains("errno"),
        "the kernel has no filter that answers with an errno"
    );
    Ok(actions.trim().to_owned())
}

/// A child asks to be traced, as a program under `explain` is.
fn tracing() -> Result<String> {
    let traced = in_child_with(None, CloneFlags::empty(), || {
        Ok(ptrace::traceme().syscall("ptrace", || "PTRACE_TRACEME".into())?)
    });
    traced.with_context(
        || match fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope") {
            Ok(scope) => format!("kernel.yama.ptrace_scope is {}", scope.trim()),
            Err(_) => "this process may not be traced".into(),
        },
    )?;
    Ok(String::new())
}
