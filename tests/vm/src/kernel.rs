//! Where the machine's kernel comes from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::fetch;

/// A kernel to boot, and its modules.
#[derive(Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The file that a boot loader would start.
    pub image: PathBuf,
    /// Its `/lib/modules/VERSION`.
    pub modules: PathBuf,
}

impl Kernel {
    /// The version, as the directory of the modules has it.
    pub fn version(&self) -> String {
        let name = self.modules.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// The kernel in the two paths that the user gave.
///
/// # Errors
///
/// When only one was given, or one is not there.
pub fn given(image: Option<PathBuf>, modules: Option<PathBuf>) -> Result<Option<Kernel>> {
    let (image, modules) = match (image, modules) {
        (None, None) => return Ok(None),
        (Some(image), Some(modules)) => (image, modules),
        _ => bail!("--kernel FILE and --modules DIR belong together"),
    };
    File::open(&image).with_context(|| format!("opening the kernel {}", image.display()))?;
    // Without a link at the end, whose name would not be the version.
    let modules = fs::canonicalize(&modules)
        .with_context(|| format!("finding the modules {}", modules.display()))?;
    Ok(Some(Kernel { image, modules }))
}

/// Looks for a kernel: first the one that `cargo lab-vm fetch` put below `fetched`, then that of
/// the system below `root`, which runs `release`.
///
/// # Errors
///
/// When there is none that this user can read: with all that was tried, and what to do.
pub fn find(fetched: &Path, root: &Path, release: &str) -> Result<Kernel> {
    if let Some(kernel) = unpacked(fetched) {
        return Ok(kernel);
    }
    let modules = root.join("lib/modules").join(release);
    let images = [
        root.join("boot").join(format!("vmlinuz-{release}")),
        modules.join("vmlinuz"),
    ];
    let mut tried = format!("  {}: not fetched\n", fetched.display());
    for image in images {
        match File::open(&image) {
            Ok(_) if modules.join("kernel").is_dir() => return Ok(Kernel { image, modules }),
            Ok(_) => tried += &format!("  {}: no modules beside it\n", image.display()),
            Err(error) => tried += &format!("  {}: {error}\n", image.display()),
        }
    }
    bail!(
        "no kernel for the machine was found:\n{tried}\
         `cargo lab-vm fetch` gets one from Debian or Ubuntu (package {}) and installs nothing; \
         elsewhere give --kernel FILE --modules DIR",
        fetch::package()
    )
}

/// A kernel package that was unpacked into `directory`. Of several the last by name.
pub fn unpacked(directory: &Path) -> Option<Kernel> {
    let images = fs::read_dir(directory.join("boot")).ok()?.flatten();
    let found = images.filter_map(|entry| {
        let name = entry.file_name();
        let version = name.to_str()?.strip_prefix("vmlinuz-")?;
        let below = ["lib/modules", "usr/lib/modules"].map(|lib| directory.join(lib).join(version));
        let modules = below.into_iter().find(|modules| modules.is_dir())?;
        Some(Kernel {
            image: entry.path(),
            modules,
        })
    });
    found.max_by_key(Kernel::version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    #[test]
    fn a_fetched_kernel_comes_before_the_running_one() {
        let root = tempfile::tempdir().unwrap();
        let (host, fetched) = (root.path().join("host"), root.path().join("fetched"));
        put(&host, "boot/vmlinuz-6.8");
        put(&host, "lib/modules/6.8/kernel/x.ko");
        assert_eq!(find(&fetched, &host, "6.8").unwrap().version(), "6.8");

        put(&fetched, "boot/vmlinuz-6.1");
        // Unpacked halfway: it has no modules.
        assert_eq!(find(&fetched, &host, "6.8").unwrap().version(), "6.8");
        put(&fetched, "usr/lib/modules/6.1/kernel/x.ko");
        let found = find(&fetched, &host, "6.8").unwrap();
        assert_eq!(found.image, fetched.join("boot/vmlinuz-6.1"));
        assert_eq!(found.modules, fetched.join("usr/lib/modules/6.1"));
    }

    #[test]
    fn where_there_is_none_the_error_says_what_was_tried_and_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "boot/vmlinuz-6.8");
        let error = find(&root.path().join("no"), root.path(), "6.8").unwrap_err();
        let error = error.to_string();
        for words in [
            "not fetched",
            "no modules beside it",
            "cargo lab-vm fetch",
            "--modules",
        ] {
            assert!(error.contains(words), "{words}: {error}");
        }
    }

    #[test]
    fn half_of_the_two_options_is_refused() {
        let error = given(Some("/x".into()), None).unwrap_err().to_string();
        assert!(error.contains("belong together"), "{error}");
        assert_eq!(given(None, None).unwrap(), None);
    }

    #[test]
    fn a_given_kernel_must_be_there() {
        let error = given(Some("/no/kernel".into()), Some("/".into())).unwrap_err();
        assert!(
            format!("{error:#}").contains("/no/kernel: No such file"),
            "{error:#}"
        );
    }
}
