//! The part of the tree that is not the host's: the users, the names and the empty directories.

use std::path::Path;

use anyhow::Result;

use super::plan::{Node, Plan};
use super::source::Source;

/// Empty directories. A container uses the tree read-only, so whatever is to be mounted on later
/// has to be there.
const DIRECTORIES: &[(&str, u32)] = &[
    ("/data", 0o755),
    ("/dev", 0o755),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/media", 0o755),
    ("/mnt", 0o755),
    ("/opt", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/srv", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr/bin", 0o755),
    ("/var/cache", 0o755),
    ("/var/lib", 0o755),
    ("/var/log", 0o755),
    ("/var/tmp", 0o1777),
    ("/work", 0o755),
];

/// Files, and what is in them. The last two are empty: a container's own are bound over them.
const FILES: &[(&str, &str)] = &[
    (
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    ),
    ("/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
    (
        "/etc/os-release",
        "NAME=\"Hull\"\nID=hull\nPRETTY_NAME=\"Hull built-in root filesystem\"\n",
    ),
    ("/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost\n"),
    (
        "/etc/nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files dns\n",
    ),
    ("/etc/shells", "/bin/sh\n"),
    (
        "/etc/profile",
        "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
    ),
    // Where `vi` is vim: without a file of the user's it asks for one of its own that is not here.
    ("/root/.vimrc", "set nocompatible\n"),
    ("/etc/hostname", ""),
    ("/etc/resolv.conf", ""),
];

const LINKS: &[(&str, &str)] = &[("/etc/mtab", "/proc/self/mounts"), ("/var/run", "../run")];

/// Terminals that a person is likely to sit at. `top`, `less` and `vi` fail without an entry.
const TERMINALS: [&str; 9] = [
    "dumb",
    "linux",
    "screen",
    "screen-256color",
    "tmux",
    "tmux-256color",
    "vt100",
    "xterm",
    "xterm-256color",
];

/// Where ncurses looks for them: terminfo(5), and what distributions build it with.
const TERMINFO: [&str; 3] = ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo"];

/// Changes when anything that [`add`] puts into a plan does.
pub fn fingerprint() -> String {
    format!("{DIRECTORIES:?}{FILES:?}{LINKS:?}{TERMINALS:?}{TERMINFO:?}")
}

/// Puts Hull's own files, and the host's terminal descriptions, into `plan`.
///
/// # Errors
///
/// When the host has a file where one of the directories belongs.
pub fn add(plan: &mut Plan, source: &mut Source) -> Result<()> {
    for (path, mode) in DIRECTORIES {
        plan.put_directory(Path::new(path), *mode)?;
    }
    for (path, text) in FILES {
        plan.put(Path::new(path), Node::Text(text.to_string()), "own file")?;
    }
    for (path, target) in LINKS {
        plan.put(
            Path::new(path),
            Node::Symlink(target.into(), None),
            "own link",
        )?;
    }
    for terminal in TERMINALS {
        for directory in TERMINFO {
            let path = Path::new(directory).join(&terminal[..1]).join(terminal);
            source.watch(&path);
            if let Ok(walk) = source.walk(&path) {
                plan.put_walk(&walk, "terminal description")?;
            }
        }
    }
    Ok(())
}
