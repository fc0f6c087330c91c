//! The user namespace of a single id: root inside, and yourself outside.

use std::fs;

use anyhow::{Context, Result};
use caps::{CapSet, Capability};
use nix::unistd::{Gid, Pid, Uid, getegid, geteuid};
use process::{CloneFlags, SysResult};

/// A user namespace in which this process's user is root, and nobody else exists.
#[derive(Debug, Clone, Copy)]
pub struct UserNamespace {
    uid: Uid,
    gid: Gid,
}

impl UserNamespace {
    /// One for a process that lacks `CAP_SYS_ADMIN`, which every other
    /// namespace asks for. A process that has it needs none.
    ///
    /// # Errors
    /// When capget(2) fails.
    // ANCHOR: if_needed
    pub fn if_needed() -> Result<Option<Self>> {
        let able = caps::has_cap(None, CapSet::Effective, Capability::CAP_SYS_ADMIN)
            .context("reading the capabilities of this process")?;
        let this = Self {
            uid: geteuid(),
            gid: getegid(),
        };
        Ok((!able).then_some(this))
    }
    // ANCHOR_END: if_needed

    /// What clone3(2) needs to make it. The kernel makes the user namespace
    /// first, so one call may ask for it and for those it gives the right to.
    pub const FLAG: CloneFlags = CloneFlags::CLONE_NEWUSER;

    /// Maps the one id, for the child `pid`, from outside: user and group 0
    /// inside are this process's own user and group outside, and setgroups(2)
    /// is denied for good.
    ///
    /// # Errors
    /// When a file of /proc/PID cannot be written: user_namespaces(7) has the rules.
    // ANCHOR: map
    pub fn map(self, pid: Pid) -> Result<()> {
        // Without a privilege over groups a process could drop one that
        // forbids it a file. So setgroups(2) goes first, for good.
        write(pid, "setgroups", "deny")?;
        // ID inside, ID outside, how many.
        write(pid, "uid_map", &format!("0 {} 1", self.uid))?;
        write(pid, "gid_map", &format!("0 {} 1", self.gid))
    }
    // ANCHOR_END: map

    /// One line for the user, who did not ask for it.
    pub fn notice(self) -> String {
        let who = if self.uid.is_root() {
            "root without CAP_SYS_ADMIN"
        } else {
            "not root"
        };
        format!(
            "{who}, so in a user namespace: uid {} here is uid 0 (root) inside",
            self.uid
        )
    }
}

// One write(2) each: the kernel takes a map whole or not at all.
fn write(pid: Pid, file: &str, content: &str) -> Result<()> {
    let path = format!("/proc/{pid}/{file}");
    fs::write(&path, content).syscall("write", || format!("{path:?}, {content:?}"))?;
    Ok(())
}
