//! Whether an overlay can be had here: found out with mount(8), and not with the program under test.

use std::process::Command;
use std::sync::OnceLock;

use crate::support::need;
use crate::support::world::directory;

/// An overlay of `lower` and `upper`, by an ordinary user.
pub const MOUNT: &str =
    "mount -t overlay demo -o lowerdir=lower,upperdir=upper,workdir=work,userxattr merged";

/// A user namespace may mount an overlay in the temporary directory, and mark directories there.
pub fn by_hand() -> Result<(), String> {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    need::user_namespaces()?;
    need::tools(&["unshare", "mount"])?;
    FOUND
        .get_or_init(|| try_mount("unshare -rm", MOUNT))
        .clone()
}

/// The programs may do the same, as this user.
pub fn by_program() -> Result<(), String> {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    need::namespaces()?;
    if need::root().is_err() {
        return by_hand();
    }
    need::tools(&["unshare", "mount"])?;
    FOUND
        .get_or_init(|| try_mount("unshare -m", &MOUNT.replace(",userxattr", "")))
        .clone()
}

/// Removing a directory with something in it takes a mark: an extended attribute.
fn try_mount(unshare: &str, mount: &str) -> Result<(), String> {
    let place = directory();
    let line = format!(
        "mkdir -p lower/directory upper work merged && touch lower/directory/file && \
         {unshare} sh -c '{mount} && rm -r merged/directory'"
    );
    let output = Command::new("sh")
        .args(["-c", &line])
        .current_dir(place.path())
        .output()
        .map_err(|error| format!("cannot try an overlay: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "needs an overlay in {:?}: {}",
        std::env::temp_dir(),
        said.lines().next().unwrap_or_default()
    ))
}
