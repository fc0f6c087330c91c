//! The user namespace of a single id: root inside, and yourself outside.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use caps::{CapSet, Capability};
use nix::unistd::{Gid, Pid, Uid, getegid, geteuid};
use process::CloneFlags;

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
    pub fn if_needed() -> Result<Option<Self>> {
        let able = caps::has_cap(None, CapSet::Effective, Capability::CAP_SYS_ADMIN)
            .context("reading the capabilities of this process")?;
        let this = Self {
            uid: geteuid(),
            gid: getegid(),
        };
        Ok((!able).then_some(this))
    }

    /// What clone3(2) needs to make it. The kernel makes the user namespace
    /// first, so one call may ask for it and for those it gives the right to.
    pub const FLAG: CloneFlags = CloneFlags::CLONE_NEWUSER;

    /// Maps the one id, for the child `pid`, from outside.
    ///
    /// # Errors
    /// When a file of /proc/PID cannot be written: user_namespaces(7) has the rules.
    pub fn map(self, pid: Pid) -> Result<()> {
        let directory = PathBuf::from("/proc").join(pid.to_string());
        let one = |id: u32| format!("{:>10} {:>10} {:>10}\n", 0, id, 1);
        let files = [
            ("uid_map", one(self.uid.as_raw())),
            ("setgroups", "deny\n".to_owned()),
            ("gid_map", one(self.gid.as_raw())),
        ];
        for (name, content) in files {
            let mut file = File::options()
                .write(true)
                .open(directory.join(name))
                .with_context(|| format!("opening {name}"))?;
            let written = file
                .write(content.as_bytes())
                .with_context(|| format!("writing {name}"))?;
            ensure!(written == content.len(), "{name} was taken in part");
        }
        Ok(())
    }

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
