//! The directories of one container: checked and made before it, removed after it.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::unistd::geteuid;
use process::SysResult;
use rootfs::Root;

use crate::changes::{self, Change};
use crate::flags::{Driver, LayerFlags};
use crate::lower::Lowers;
use crate::mount::{self, Overlay};
use crate::scratch::{self, Scratch};
use crate::vfs;

/// The layers of one container: the lower ones, which are only read, and the
/// one that takes its changes.
#[must_use = "dropped at once, the upper layer is removed at once"]
#[derive(Debug)]
pub struct Layers {
    lowers: Lowers,
    /// Where the changes go. With the plain copy, where the whole tree is.
    upper: PathBuf,
    made: Made,
    scratch: Scratch,
    driver: Driver,
    diff: bool,
    kept: bool,
    on_tmpfs: bool,
}

impl Layers {
    /// Checks the layers of `flags` over the root filesystem `bottom`, and makes an upper one:
    /// the user's, or below `data` one that ends with the container.
    ///
    /// With the plain copy, this is where it is made.
    ///
    /// # Errors
    /// When a layer is not a directory or is inside another, when the upper one
    /// is in use, and where a directory cannot be made.
    // ANCHOR: prepare
    pub fn prepare(flags: &LayerFlags, bottom: &Path, data: &Path) -> Result<Self> {
        let over = flags.lower.iter().map(PathBuf::as_path);
        let lowers = Lowers::new(over.chain([bottom]))?;
        if flags.storage_driver == Driver::Overlay {
            lowers.check_count()?;
        }
        let (upper, scratch) = match &flags.upper {
            Some(directory) => {
                let upper = kept(directory, &lowers)?;
                let scratch = Scratch::beside(&upper)?;
                (upper, scratch)
            }
            None => {
                let scratch = Scratch::among(&data.join("overlay")).with_context(|| {
                    format!("the changes need a place below {data:?} (HULL_ROOT names another)")
                })?;
                (scratch.path().join("upper"), scratch)
            }
        };
        lowers.are_apart_from(&upper)?;
        let this = Self {
            made: Made::missing(&upper, lowers.topmost())?,
            on_tmpfs: flags.upper.is_none() && !mount::can_carry_an_upper(scratch.path()),
            diff: flags.diff,
            kept: flags.upper.is_some(),
            driver: flags.storage_driver,
            lowers,
            upper,
            scratch,
        };
        match this.driver {
            Driver::Overlay => make_work(this.scratch.path())?,
            Driver::Vfs => vfs::copy(&this.lowers, &this.upper, &this.scratch.path().join("copy"))?,
        }
        Ok(this)
    }
    // ANCHOR_END: prepare

    /// What is not as its user may expect: one line.
    pub fn notice(&self) -> Option<String> {
        (self.on_tmpfs && self.driver == Driver::Overlay).then(|| {
            format!(
                "the file system of {:?} cannot carry an upper layer: the changes go to memory",
                self.scratch.path()
            )
        })
    }

    /// Where the changes are, seen from the host.
    pub fn upper(&self) -> &Path {
        &self.upper
    }

    /// The child's step: the layers become one directory, which can be its root.
    ///
    /// It is mounted in the mount namespace of the caller, so it needs no unmounting.
    ///
    /// # Errors
    /// When mount(2) fails: ENODEV in a kernel without overlay, EINVAL where
    /// the upper directory is on a file system that cannot carry one.
    // ANCHOR: mount
    pub fn mount(&self) -> Result<Root> {
        if self.driver == Driver::Vfs {
            return Root::writable(&self.upper);
        }
        let scratch = self.scratch.path();
        if self.on_tmpfs {
            mount::tmpfs(scratch)?;
            make_like(self.lowers.topmost(), &self.upper)?;
            make_work(scratch)?;
        }
        let overlay = Overlay {
            lowers: self.lowers.paths(),
            upper: &self.upper,
            work: &scratch::work(scratch),
            // Nobody will read this upper directory after a crash.
            volatile: !self.kept,
        };
        // In this mount namespace it covers its own upper directory, which nobody else needs here.
        overlay
            .mount(scratch)
            .context("putting the layers together")?;
        Root::writable(scratch)
    }
    // ANCHOR_END: mount

    /// What the container changed, sorted by path, where `--diff` asks for it.
    ///
    /// # Errors
    /// When a directory cannot be read, and where the changes were in memory.
    pub fn changes(&self) -> Result<Vec<Change>> {
        if !self.diff {
            return Ok(Vec::new());
        }
        ensure!(
            self.notice().is_none(),
            "the changes were in memory, and are gone: --upper DIR keeps them"
        );
        match self.driver {
            Driver::Overlay => changes::of_upper(&self.upper, &self.lowers),
            Driver::Vfs => changes::of_copy(&self.upper, &self.lowers),
        }
        .with_context(|| format!("reading the changes in {:?}", self.upper))
    }

    /// Removes what ends with the container. Its processes have ended.
    ///
    /// # Errors
    /// When a directory cannot be removed.
    pub fn remove(mut self) -> Result<()> {
        self.made.keep();
        self.scratch.remove()
    }
}

/// The upper directory that the user keeps, which need not be there.
fn kept(directory: &Path, lowers: &Lowers) -> Result<PathBuf> {
    let name = directory.file_name().filter(|_| !directory.exists());
    let absolute = match name {
        // It is made later, once nothing speaks against it.
        Some(name) => fs::canonicalize(parent(directory)).map(|parent| parent.join(name)),
        None => fs::canonicalize(directory),
    };
    let absolute = absolute
        .syscall("realpath", || format!("{directory:?}"))
        .with_context(|| format!("the upper directory {directory:?} cannot be used"))?;
    ensure!(
        name.is_some() || absolute.is_dir(),
        "the upper directory {directory:?} is not a directory"
    );
    lowers.are_apart_from(&absolute)?;
    Ok(absolute)
}

/// A name without a slash is in the current directory.
fn parent(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    parent.unwrap_or(Path::new("."))
}

/// An upper directory that was not there. It goes again when the container does not start.
#[derive(Debug)]
struct Made(Option<PathBuf>);

impl Made {
    fn missing(upper: &Path, model: &Path) -> Result<Self> {
        if upper.exists() {
            return Ok(Self(None));
        }
        make_like(model, upper)?;
        Ok(Self(Some(upper.to_owned())))
    }

    fn keep(&mut self) {
        self.0 = None;
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // rmdir(2): one with something in it stays.
        let _ = self.0.take().map(fs::remove_dir);
    }
}

fn make_work(scratch: &Path) -> Result<()> {
    scratch::make(&mut DirBuilder::new(), &scratch::work(scratch))
}

/// The root of an overlay has the mode and the owner of its upper directory.
fn make_like(model: &Path, directory: &Path) -> Result<()> {
    let model = fs::metadata(model).syscall("stat", || format!("{model:?}"))?;
    DirBuilder::new()
        .mode(0o700)
        .create(directory)
        .syscall("mkdir", || format!("{directory:?}, 0700"))?;
    if geteuid().is_root() {
        // In a user namespace an owner may have no id here: then root's it stays.
        let _ = chown(directory, Some(model.uid()), Some(model.gid()));
    }
    let mode = Permissions::from_mode(model.mode() & 0o7777);
    fs::set_permissions(directory, mode).syscall("chmod", || format!("{directory:?}"))?;
    Ok(())
}
