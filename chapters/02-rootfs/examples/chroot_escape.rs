//! Break out of a chroot; then try the same after pivot_root.
//!
//! `cargo run -p rootfs --example chroot_escape -- chroot` (or `pivot_root`)

use std::fs::{create_dir, metadata};
use std::os::unix::fs::{MetadataExt, chroot};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use namespaces::UserNamespace;
use process::Status;
use rootfs::Root;

fn main() -> ExitCode {
    let jailer = std::env::args().nth(1).unwrap_or_default();
    match run(&jailer) {
        Ok(status) => status.into(),
        Err(error) => process::fail(
            "chroot_escape",
            &error,
            &[namespaces::REMEDIES, rootfs::REMEDIES],
        ),
    }
}

fn run(jailer: &str) -> Result<Status> {
    let jail = tempfile::tempdir()?;
    create_dir(jail.path().join("a-jail"))?;
    let host = identity()?;

    let user = UserNamespace::if_needed()?;
    let flags = rootfs::FLAG | user.map_or(process::CloneFlags::empty(), |_| UserNamespace::FLAG);
    let (go, wait_for_go) = namespaces::handshake()?;
    let child = process::spawn(flags, |_parent| {
        wait_for_go.wait()?;
        confine(jailer, jail.path())?;
        say("jailed by", jailer, host)?;
        escape()?;
        say("after the escape from", jailer, host)?;
        process::exit_now(0)
    })?;
    if let Some(user) = user {
        user.map(child.pid())?;
    }
    go.go()?;
    child.wait()
}

fn confine(jailer: &str, jail: &Path) -> Result<()> {
    match jailer {
        "chroot" => {
            chroot(jail).context("chroot into the jail")?;
            std::env::set_current_dir("/").context("chdir into the jail")
        }
        "pivot_root" => {
            rootfs::make_private()?;
            Root::writable(jail)?.pivot()?.detach()
        }
        _ => bail!("say chroot or pivot_root"),
    }
}

// ANCHOR: escape
/// chroot(2): "This call does not change the current working directory".
fn escape() -> Result<()> {
    create_dir("deeper")?;
    // Move the root below where we stand …
    chroot("deeper")?;
    // … and ".." never meets it on the way up. It stops at the root of the
    // mount namespace alone.
    for _ in 0..64 {
        std::env::set_current_dir("..")?;
    }
    Ok(chroot(".")?)
}
// ANCHOR_END: escape

/// Which directory `/` is: its file system and its inode.
fn identity() -> Result<(u64, u64)> {
    let root = metadata("/")?;
    Ok((root.dev(), root.ino()))
}

fn say(when: &str, jailer: &str, host: (u64, u64)) -> Result<()> {
    let whose = if identity()? == host {
        "the host's root directory"
    } else {
        "the jail"
    };
    println!("{when} {jailer}: / is {whose}");
    Ok(())
}
