//! Where Hull keeps its files.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;

/// The two directories that Hull writes below. Neither need exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// What is kept over a reboot: root filesystems, images, layers.
    pub data: PathBuf,
    /// What a reboot may take away: locks, sockets, the state of running containers.
    pub run: PathBuf,
}

impl Directories {
    /// The directories that the environment asks for.
    ///
    /// `HULL_ROOT` puts both below one directory. Without it root has `/var/lib/hull` and
    /// `/run/hull`; anyone else has `$XDG_DATA_HOME/hull` and `$XDG_RUNTIME_DIR/hull`, with the
    /// defaults of the XDG Base Directory Specification, and `/tmp/hull-UID` where no runtime
    /// directory is set.
    ///
    /// # Errors
    ///
    /// Without root, when neither `HOME` nor `XDG_DATA_HOME` is set. And when the runtime
    /// directory in `/tmp` is there, but is not private to this user.
    pub fn from_env() -> Result<Self> {
        let uid = Uid::effective();
        let directories = Self::from_lookup(|name| std::env::var_os(name), uid.as_raw())?;
        // Anyone may make a directory of this name in /tmp, and would then read what we put there.
        if directories.run == fallback_run(uid.as_raw()) {
            refuse_foreign(&directories.run, uid.as_raw())?;
        }
        Ok(directories)
    }

    /// Makes `run`, private to this user where nothing was there.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or when the one in `/tmp` belongs to someone else.
    pub fn create_run(&self) -> Result<()> {
        let uid = Uid::effective().as_raw();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.run)
            .with_context(|| format!("creating {}", self.run.display()))?;
        if self.run == fallback_run(uid) {
            refuse_foreign(&self.run, uid)?;
        }
        Ok(())
    }

    fn from_lookup(variable: impl Fn(&str) -> Option<OsString>, uid: u32) -> Result<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());

        if let Some(root) = set("HULL_ROOT") {
            let root = std::path::absolute(&root)
                .with_context(|| format!("HULL_ROOT is {}", Path::new(&root).display()))?;
            return Ok(Self {
                data: root.join("data"),
                run: root.join("run"),
            });
        }
        if uid == 0 {
            return Ok(Self {
                data: "/var/lib/hull".into(),
                run: "/run/hull".into(),
            });
        }

        // The XDG specification: a relative path in these variables is to be ignored.
        let absolute = |name: &str| {
            set(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let data_home = match absolute("XDG_DATA_HOME") {
            Some(data_home) => data_home,
            None => absolute("HOME")
                .context("neither HULL_ROOT, XDG_DATA_HOME nor HOME is set to an absolute path")?
                .join(".local/share"),
        };
        let run = match absolute("XDG_RUNTIME_DIR") {
            Some(runtime) => runtime.join("hull"),
            None => fallback_run(uid),
        };
        Ok(Self {
            data: data_home.join("hull"),
            run,
        })
    }
}

fn fallback_run(uid: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/hull-{uid}"))
}

fn refuse_foreign(directory: &Path, uid: u32) -> Result<()> {
    let found = match fs::symlink_metadata(directory) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("lstat {}", directory.display())),
    };
    if !found.is_dir() {
        bail!(
            "{} is not a directory; set XDG_RUNTIME_DIR",
            directory.display()
        );
    }
    if found.uid() != uid {
        bail!(
            "{} belongs to user {}; set XDG_RUNTIME_DIR",
            directory.display(),
            found.uid()
        );
    }
    if found.mode() & 0o077 != 0 {
        bail!(
            "{} has mode {:o}, open to other users; make it 700",
            directory.display(),
            found.mode() & 0o777
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn from(variables: &[(&str, &str)], uid: u32) -> Result<Directories> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Directories::from_lookup(lookup, uid)
    }

    fn pair(data: &str, run: &str) -> Directories {
        Directories {
            data: data.into(),
            run: run.into(),
        }
    }

    #[test]
    fn hull_root_wins_over_everything_even_for_root() {
        let variables = [
            ("HULL_ROOT", "/x"),
            ("HOME", "/home/a"),
            ("XDG_DATA_HOME", "/d"),
        ];
        assert_eq!(from(&variables, 0).unwrap(), pair("/x/data", "/x/run"));
        assert_eq!(from(&variables, 1000).unwrap(), pair("/x/data", "/x/run"));
    }

    #[test]
    fn a_relative_hull_root_is_made_absolute() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(
            from(&[("HULL_ROOT", "x")], 0).unwrap().data,
            here.join("x/data")
        );
    }

    #[test]
    fn root_has_the_system_directories() {
        assert_eq!(
            from(&[("HOME", "/root"), ("XDG_RUNTIME_DIR", "/run/user/0")], 0).unwrap(),
            pair("/var/lib/hull", "/run/hull")
        );
        assert_eq!(
            from(&[("HULL_ROOT", "")], 0).unwrap(),
            pair("/var/lib/hull", "/run/hull")
        );
    }

    #[test]
    fn a_user_has_the_xdg_directories_and_their_defaults() {
        let xdg = [("XDG_DATA_HOME", "/d"), ("XDG_RUNTIME_DIR", "/r")];
        assert_eq!(from(&xdg, 7).unwrap(), pair("/d/hull", "/r/hull"));
        let home = from(&[("HOME", "/home/a")], 7).unwrap();
        assert_eq!(home, pair("/home/a/.local/share/hull", "/tmp/hull-7"));
        let relative = [
            ("HOME", "/home/a"),
            ("XDG_DATA_HOME", "d"),
            ("XDG_RUNTIME_DIR", "r"),
        ];
        assert_eq!(from(&relative, 7).unwrap(), home);
    }

    #[test]
    fn a_user_without_a_home_is_told_so() {
        let error = from(&[], 7).unwrap_err();
        assert!(error.to_string().contains("HOME"), "{error}");
    }

    #[test]
    fn a_runtime_directory_is_made_private() {
        let temporary = tempfile::tempdir().unwrap();
        let run = temporary.path().join("a/run");
        let directories = Directories {
            data: temporary.path().join("data"),
            run: run.clone(),
        };
        directories.create_run().unwrap();
        assert_eq!(fs::metadata(run).unwrap().mode() & 0o777, 0o700);
        assert!(!directories.data.exists());
        directories.create_run().unwrap();
    }

    #[test]
    fn a_runtime_directory_that_others_may_open_or_own_is_refused() {
        let temporary = tempfile::tempdir().unwrap();
        let ours = temporary.path().join("ours");
        let uid = Uid::effective().as_raw();
        refuse_foreign(&ours, uid).unwrap();

        fs::create_dir(&ours).unwrap();
        fs::set_permissions(&ours, fs::Permissions::from_mode(0o700)).unwrap();
        refuse_foreign(&ours, uid).unwrap();
        assert!(refuse_foreign(&ours, uid + 1).is_err());

        fs::set_permissions(&ours, fs::Permissions::from_mode(0o750)).unwrap();
        assert!(refuse_foreign(&ours, uid).is_err());

        let link = temporary.path().join("link");
        symlink(&ours, &link).unwrap();
        assert!(refuse_foreign(&link, uid).is_err());
    }
}
