//! A control group: made, joined, read, removed.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use process::SysResult;

use crate::controller::Controller;
use crate::devices::{self, DeviceRule};
use crate::file::write;
use crate::freeze::kill_all;
use crate::hierarchy::{Hierarchies, Hierarchy};
use crate::limits::Limits;
use crate::oom::{self, OomKill};
use crate::{bpf, name, v1, v2};

/// The control group of one container. In version 1 it is a directory in each
/// hierarchy that has a limit; in version 2 it is one.
#[must_use = "a cgroup that is dropped is removed"]
pub struct Cgroup {
    groups: Vec<Group>,
    pub(crate) notices: Vec<String>,
}

#[derive(Debug)]
struct Group {
    path: PathBuf,
    /// Version 2: clone3(2) can make a process right inside it.
    v2: Option<OwnedFd>,
}

impl Cgroup {
    /// Makes the group, with its limits in place before a process joins it.
    ///
    /// What earlier runs left that were killed is removed first.
    ///
    /// # Errors
    /// When the limits contradict each other, when this machine lacks a
    /// controller that one needs, when the kernel refuses a value, and EACCES
    /// where this user may make no group.
    // ANCHOR: create
    pub fn create(limits: &Limits) -> Result<Self> {
        limits.check()?;
        let hierarchies = Hierarchies::find()?;
        hierarchies
            .groups_of_hull()
            .iter()
            .for_each(|parent| remove_orphans(parent));
        let mut this = Self {
            groups: Vec::new(),
            notices: Vec::new(),
        };
        let in_v2 = this.limit_in_v1(&hierarchies, limits)?;
        if let Some(Hierarchy::V2(mount)) = hierarchies.v2() {
            let made = this.make_v2(&mount, &in_v2, limits);
            // Without a limit the group only counts and kills: a user who may make none does without.
            if !in_v2.is_empty() {
                made?;
            }
        }
        this.hold_devices(&hierarchies, &limits.device_cgroup_rule)?;
        this.make_freezer(&hierarchies);
        Ok(this)
    }
    // ANCHOR_END: create

    /// Makes the groups of version 1, and returns the controllers that version 2 has.
    // ANCHOR: limit_in_v1
    pub(crate) fn limit_in_v1(
        &mut self,
        hierarchies: &Hierarchies,
        limits: &Limits,
    ) -> Result<Vec<Controller>> {
        let mut in_v2 = Vec::new();
        for (controller, flag) in limits.controllers() {
            let missing = || {
                format!(
                    "{flag} needs the {} controller, which this machine lacks: {}",
                    controller.v2_name(),
                    hierarchies.describe()
                )
            };
            match hierarchies.of(controller).with_context(missing)? {
                Hierarchy::V2(_) => in_v2.push(controller),
                Hierarchy::V1(own) => {
                    let group = self.make(&v1::parent(&own, controller)?, false)?;
                    v1::limit(&group, controller, limits)
                        .with_context(|| format!("setting {flag}"))?;
                }
            }
        }
        Ok(in_v2)
    }
    // ANCHOR_END: limit_in_v1

    fn make_v2(&mut self, mount: &Path, controllers: &[Controller], limits: &Limits) -> Result<()> {
        let (parent, notices) = v2::parent(mount, controllers)?;
        self.notices.extend(notices);
        let group = self.make(&parent, true)?;
        v2::limit(&group, limits, controllers)
    }

    /// Version 2 asks a program of ours about devices, version 1 has a controller for them.
    // ANCHOR: hold_devices
    fn hold_devices(&mut self, hierarchies: &Hierarchies, asked: &[DeviceRule]) -> Result<()> {
        if !devices::in_reach()? {
            ensure!(
                asked.is_empty(),
                "--device-cgroup-rule needs root: in a user namespace the kernel allows no new device nodes"
            );
            return Ok(());
        }
        let rules = [&devices::DEFAULT, asked].concat();
        let by_program = match self.descriptor() {
            Some(group) => bpf::attach(group, &rules),
            None => Err(anyhow!("version 2 has no group for it")),
        };
        let held = match (by_program, hierarchies.of(Controller::Devices)) {
            (Err(_), Some(Hierarchy::V1(own))) => {
                let group = self.make(&v1::parent(&own, Controller::Devices)?, false)?;
                v1::hold_devices(&group, &rules)
            }
            (by_program, _) => by_program,
        };
        match held {
            Err(why) if asked.is_empty() => {
                self.notices
                    .push(format!("every device can be used inside: {why:#}"));
                Ok(())
            }
            held => held.context("--device-cgroup-rule"),
        }
    }
    // ANCHOR_END: hold_devices

    /// Version 2 can freeze every group. Version 1 has a hierarchy for it.
    fn make_freezer(&mut self, hierarchies: &Hierarchies) {
        if self.descriptor().is_none()
            && let Some(Hierarchy::V1(own)) = hierarchies.of(Controller::Freezer)
        {
            // A user who may make no group has a container that cannot be frozen.
            let made = v1::parent(&own, Controller::Freezer);
            let _ = made.and_then(|parent| self.make(&parent, false));
        }
    }

    /// Lines for the user: where the group holds less than it should, and what
    /// had to be done to other processes.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    fn make(&mut self, parent: &Path, is_v2: bool) -> Result<PathBuf> {
        let path = parent.join(name::own());
        // One hierarchy of version 1 can have several controllers.
        if self.groups.iter().any(|group| group.path == path) {
            return Ok(path);
        }
        fs::create_dir(&path).syscall("mkdir", || format!("{path:?}"))?;
        // From here on the guard removes it, also when the next step fails.
        self.groups.push(Group {
            path: path.clone(),
            v2: None,
        });
        if is_v2 && let Some(group) = self.groups.last_mut() {
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            group.v2 = Some(
                open(&path, flags, Mode::empty())
                    .syscall("open", || format!("{path:?}, O_PATH"))?,
            );
        }
        Ok(path)
    }

    /// For clone3(2) and CLONE_INTO_CGROUP. Version 1 has nothing like it.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.groups
            .iter()
            .find_map(|group| Some(group.v2.as_ref()?.as_fd()))
    }

    /// The parent's step: moves the child in, where clone3(2) could have and has
    /// not. Its children to come will be in it too.
    ///
    /// # Errors
    /// When a write to cgroup.procs fails.
    // ANCHOR: add
    pub fn add(&self, child: Pid, born_in_it: bool) -> Result<()> {
        let v2 = self.groups.iter().filter(|group| group.v2.is_some());
        for group in v2.filter(|_| !born_in_it) {
            write(&group.path, "cgroup.procs", &child.to_string())?;
        }
        Ok(())
    }

    /// The child's step, version 1: moves its one thread in, "0".
    ///
    /// To move a whole process the kernel first waits until no other process
    /// is being made or ends, which takes it milliseconds. One thread that
    /// moves itself need not wait: so `tasks`, and not `cgroup.procs`.
    ///
    /// # Errors
    /// When a write to tasks fails.
    pub fn join(&self) -> Result<()> {
        let v1 = self.groups.iter().filter(|group| group.v2.is_none());
        for group in v1 {
            write(&group.path, "tasks", "0")?;
        }
        Ok(())
    }
    // ANCHOR_END: add

    /// The directories of the group: one, or one in each hierarchy of version 1.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.groups.iter().map(|group| group.path.as_path())
    }

    /// What the out-of-memory killer did to the group, if it did.
    pub fn oom_kill(&self) -> Option<OomKill> {
        self.groups
            .iter()
            .find_map(|group| oom::read_from(&group.path))
    }

    /// Removes the group. Its processes have ended, or are killed.
    ///
    /// # Errors
    /// The first that a removal met; the others are gone all the same.
    pub fn remove(mut self) -> Result<()> {
        let results: Vec<_> = self
            .groups
            .drain(..)
            .rev()
            .map(|group| remove(&group.path))
            .collect();
        results.into_iter().collect()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for group in self.groups.iter().rev() {
            let _ = remove(&group.path);
        }
    }
}

/// Groups of runtimes that were killed.
fn remove_orphans(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if name::is_orphan(&entry.file_name().to_string_lossy()) {
            // Another run may be removing it too.
            let _ = remove(&entry.path());
        }
    }
}

// ANCHOR: remove
/// rmdir(2): EBUSY while there are processes. A killed one needs a moment to
/// end; one that waits for a disk may need longer than anybody waits.
fn remove(path: &Path) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(2);
    loop {
        match fs::remove_dir(path).syscall("rmdir", || format!("{path:?}")) {
            Err(failed) if failed.errno == Errno::EBUSY && Instant::now() < end => {
                kill_all(path)?;
                std::thread::yield_now();
            }
            Err(failed) if failed.errno == Errno::ENOENT => return Ok(()),
            result => return Ok(result?),
        }
    }
}
// ANCHOR_END: remove
