//! Which tools go into the built-in root filesystem, and where to look for them.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where a container's own PATH leads, so a tool in one of these is found there too.
pub const STANDARD_PATH: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// The one tool without which there is no tree: every container starts it by default.
pub const ESSENTIAL: &str = "sh";

const SHELLS: &str = "sh bash";

const COREUTILS: &str = "[ arch b2sum base32 base64 basename basenc cat chgrp chmod chown chroot \
    cksum comm cp csplit cut date dd df dir dircolors dirname du echo env expand expr factor false \
    fmt fold groups head hostid id install join link ln logname ls md5sum mkdir mkfifo mknod mktemp \
    mv nice nl nohup nproc numfmt od paste pathchk pr printenv printf ptx pwd readlink realpath rm \
    rmdir seq sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort split stat \
    stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand \
    uniq unlink users vdir wc who whoami yes";

const PROCPS: &str = "free kill pgrep pidof pidwait pkill pmap ps pstree pwdx slabtop sysctl top \
    uptime vmstat w watch";

const UTIL_LINUX: &str = "chrt column dmesg fallocate findmnt flock getopt hexdump ionice ipcmk \
    ipcrm ipcs lscpu lsns mount mountpoint more nsenter prlimit renice rev setpriv setsid taskset \
    umount unshare whereis";

const NETWORK: &str = "bridge dnsdomainname domainname hostname ip nc ping ss tc";

const TEXT: &str = "awk bunzip2 bzip2 clear cmp diff egrep fgrep find getent grep gunzip gzip less \
    reset sed tar tput vi which xargs xz zcat";

const INSPECTION: &str = "capsh getcap getpcaps ldd setcap strace";

/// The tools wanted, and the directories they are looked for in.
#[derive(Clone, Debug, Hash)]
pub struct Selection {
    /// Names of programs, without a directory.
    pub tools: Vec<String>,
    /// Directories, the first one that has a tool wins.
    pub path: Vec<PathBuf>,
    /// Nothing below this directory is taken. What a user installed for themselves may be
    /// private, and may change often.
    pub home: Option<PathBuf>,
    /// The root directory of the host: `/`, but in tests.
    pub root: PathBuf,
}

impl Selection {
    /// Hull's own choice of tools. The standard directories come first, as in a container, then
    /// those that only PATH names: on NixOS that is where the tools are.
    pub fn from_env() -> Self {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        // A home of `/`, as daemons and some containers have, would rule everything out.
        let home = home.filter(|home| home.is_absolute() && home.parent().is_some());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut directories: Vec<_> = STANDARD_PATH.iter().map(PathBuf::from).collect();
        for directory in std::env::split_paths(&path) {
            // A relative directory depends on where this process happens to stand. And the record
            // of the search holds a path a line.
            let usable =
                directory.is_absolute() && !directory.as_os_str().as_bytes().contains(&b'\n');
            if usable && !directories.contains(&directory) {
                directories.push(directory);
            }
        }
        if let Some(home) = &home {
            directories.retain(|directory| !directory.starts_with(home));
        }
        let groups = [
            SHELLS, COREUTILS, PROCPS, UTIL_LINUX, NETWORK, TEXT, INSPECTION,
        ];
        let tools = groups.iter().flat_map(|group| group.split_whitespace());
        Self {
            tools: tools.map(String::from).collect(),
            path: directories,
            home,
            root: "/".into(),
        }
    }

    /// Whether `path` is below the home directory.
    pub fn is_private(&self, path: &Path) -> bool {
        self.home
            .as_ref()
            .is_some_and(|home| path.starts_with(home))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_tool_is_named_twice() {
        let selection = Selection::from_env();
        let unique: BTreeSet<_> = selection.tools.iter().collect();
        assert_eq!(unique.len(), selection.tools.len());
    }

    #[test]
    fn the_standard_directories_come_first_and_none_is_below_home() {
        let selection = Selection::from_env();
        assert!(
            selection
                .path
                .starts_with(&STANDARD_PATH.map(PathBuf::from))
        );
        assert!(
            !selection
                .path
                .iter()
                .any(|directory| selection.is_private(directory))
        );
    }
}
