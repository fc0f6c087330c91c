//! The bare overlay mount: what any runtime with one pays to the kernel.

use std::fs;
use std::process::ExitCode;

use anyhow::Result;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// A mount namespace, made and left; with an overlay in it or without.
pub fn bare(with_overlay: bool) -> ExitCode {
    match make(with_overlay) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("startup: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn make(with_overlay: bool) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let at = |name: &str| directory.path().join(name);
    for name in ["lower", "upper", "work", "merged"] {
        fs::create_dir(at(name))?;
    }
    unshare(CloneFlags::CLONE_NEWNS)?;
    make_private()?;
    if with_overlay {
        let options = format!(
            "lowerdir={},upperdir={},workdir={},volatile",
            at("lower").display(),
            at("upper").display(),
            at("work").display()
        );
        let flags = MsFlags::empty();
        mount(
            Some("overlay"),
            &at("merged"),
            Some("overlay"),
            flags,
            Some(options.as_str()),
        )?;
        nix::mount::umount(&at("merged"))?;
    }
    Ok(())
}

/// Cuts this mount namespace off from the host's.
pub fn make_private() -> Result<()> {
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    Ok(mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)?)
}
