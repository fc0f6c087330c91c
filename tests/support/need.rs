//! What a test needs of the machine. Found out by trying, and not with the
//! programs under test: a broken program must fail its tests, not skip them.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::geteuid;

type Need = Result<(), String>;

const PROBE: &str = "HULL_TEST_PROBE";

/// Namespaces can be made: by root, or in a user namespace.
pub fn namespaces() -> Need {
    static FOUND: OnceLock<Need> = OnceLock::new();
    FOUND.get_or_init(|| probe("namespaces")).clone()
}

/// This user is root, with the right to make namespaces.
pub fn root() -> Need {
    static FOUND: OnceLock<Need> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            if !geteuid().is_root() {
                return Err("needs root".into());
            }
            probe("root").map_err(|why| format!("root may not make namespaces here: {why}"))
        })
        .clone()
}

/// This user is root, and could drop to an unprivileged user that may make user namespaces.
pub fn root_and_unprivileged_user() -> Need {
    static FOUND: OnceLock<Need> = OnceLock::new();
    root()?;
    FOUND
        .get_or_init(|| {
            probe_command("user")
                .and_then(|mut c| run(std::os::unix::process::CommandExt::uid(&mut c, NOBODY)))
        })
        .clone()
}

/// The user that root's tests drop to.
pub const NOBODY: u32 = 65534;

/// Every one of these tools is installed.
pub fn tools(names: &[&str]) -> Need {
    let missing: Vec<_> = names
        .iter()
        .copied()
        .filter(|name| !installed(name))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("not installed: {}", missing.join(", ")))
    }
}

/// This program of another package of the workspace has been built.
pub fn built(name: &str) -> Need {
    if super::world::World::shared().bin().join(name).exists() {
        return Ok(());
    }
    let command = super::world::BESIDE
        .iter()
        .find(|(program, _)| program.ends_with(name))
        .map_or("no command", |(_, command)| command);
    Err(format!("{name} is not built: {command}"))
}

/// This file is there.
pub fn file(path: &str) -> Need {
    if std::path::Path::new(path).exists() {
        Ok(())
    } else {
        Err(format!("{path} is not there"))
    }
}

/// Anybody can make a user namespace, root too.
pub fn user_namespaces() -> Need {
    static FOUND: OnceLock<Need> = OnceLock::new();
    FOUND.get_or_init(|| probe("user")).clone()
}

/// This user is not root, and nobody may make a user namespace: user_namespaces(7).
pub fn user_namespaces_forbidden() -> Need {
    let limit = fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
    if limit.trim() == "0" && !geteuid().is_root() {
        Ok(())
    } else {
        Err("needs an ordinary user, with user namespaces forbidden".into())
    }
}

fn installed(name: &str) -> bool {
    env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .any(|directory| directory.join(name).is_file())
}

/// A controller of this machine's control groups, and where it is mounted.
#[derive(Debug, Clone)]
pub struct Controller {
    pub name: String,
    pub v2: bool,
    pub mount: PathBuf,
}

impl Controller {
    /// Its name in version 1.
    pub fn v1_name(&self) -> &str {
        if self.name == "io" {
            "blkio"
        } else {
            &self.name
        }
    }
}

/// A cgroup controller is there, in version 2 or 1: read from the mount table,
/// and not with the crate under test.
pub fn controller(name: &str) -> Result<Controller, String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|error| error.to_string())?;
    let found = mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mount = PathBuf::from(mount.split(' ').nth(4)?);
        let words: Vec<_> = kind.split(' ').collect();
        let v2 = words[0] == "cgroup2";
        let controllers = fs::read_to_string(mount.join("cgroup.controllers")).unwrap_or_default();
        let there = match words[0] {
            "cgroup2" => controllers.split_whitespace().any(|other| other == name),
            "cgroup" => words[2]
                .split(',')
                .any(|other| other == if name == "io" { "blkio" } else { name }),
            _ => false,
        };
        let name = name.to_owned();
        there.then_some(Controller { name, v2, mount })
    });
    found.ok_or_else(|| format!("needs the {name} controller"))
}

/// unshare(2) must not happen in this process, which has threads and other
/// tests. So the test program starts itself, and [`answer_probe`] tries.
fn probe(what: &str) -> Need {
    probe_command(what).and_then(|mut command| run(&mut command))
}

fn probe_command(what: &str) -> Result<Command, String> {
    let mut command = Command::new(super::world::World::shared().test_program());
    command.env(PROBE, what);
    Ok(command)
}

fn run(command: &mut Command) -> Need {
    let output = command
        .output()
        .map_err(|error| format!("cannot start the probe: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// To be called first in `main`: this process may be a probe.
pub fn answer_probe() {
    let Some(what) = env::var_os(PROBE) else {
        return;
    };
    let mut flags = CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWNS;
    if what != "root" && (what == "user" || !geteuid().is_root()) {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    if let Err(errno) = unshare(flags) {
        eprintln!("needs namespaces: unshare({flags:?}): {errno}");
        std::process::exit(1);
    }
    std::process::exit(0);
}
