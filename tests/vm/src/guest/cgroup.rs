//! The control groups: all controllers on, and a part that belongs to the ordinary user.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use anyhow::{Context, Result};

use super::learner::ID;

const ROOT: &str = "/sys/fs/cgroup";

/// What belongs to the ordinary user, as systemd gives a user's own manager a part.
const LEARNER: &str = "/sys/fs/cgroup/learner";

/// Where the ordinary user's processes begin. Not in the part itself: with processes in it, it
/// could not have controllers for the groups below, cgroups(7).
pub const SESSION: &str = "/sys/fs/cgroup/learner/session";

/// Turns every controller on for the groups below the root, and for those below the user's.
///
/// # Errors
///
/// When a file of the hierarchy cannot be read or written.
pub fn set_up() -> Result<()> {
    enable(ROOT)?;
    fs::create_dir_all(SESSION).with_context(|| format!("mkdir {SESSION}"))?;
    enable(LEARNER)?;
    // cgroups(7), "Delegation containment": these files, and no limits.
    let files = ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"];
    for directory in [LEARNER, SESSION] {
        let owned = files.iter().map(|file| Path::new(directory).join(file));
        for path in owned.chain([directory.into()]) {
            chown(&path, Some(ID), Some(ID))
                .with_context(|| format!("chown {}", path.display()))?;
        }
    }
    Ok(())
}

/// One at a time: a controller that cannot be had does not take the others away.
fn enable(directory: &str) -> Result<()> {
    let controllers = fs::read_to_string(format!("{directory}/cgroup.controllers"))
        .with_context(|| format!("reading {directory}/cgroup.controllers"))?;
    for controller in controllers.split_whitespace() {
        let path = format!("{directory}/cgroup.subtree_control");
        if let Err(error) = fs::write(&path, format!("+{controller}")) {
            eprintln!("lab-init: writing +{controller} to {path}: {error}");
        }
    }
    Ok(())
}
