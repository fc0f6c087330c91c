//! `cargo lab-vm fetch`: a distribution's kernel package, downloaded and unpacked, not installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::kernel::{self, Kernel};
use crate::tool;

/// The packages whose newest dependency is the kernel: Debian's for clouds, then Ubuntu's.
const PACKAGES: [&str; 2] = match std::env::consts::ARCH.as_bytes() {
    b"aarch64" => ["linux-image-cloud-arm64", "linux-image-virtual"],
    _ => ["linux-image-cloud-amd64", "linux-image-virtual"],
};

/// The Debian package that is asked for first.
pub fn package() -> &'static str {
    PACKAGES[0]
}

/// Gets a kernel into `directory`/kernel, with what is downloaded beside it until it is unpacked.
///
/// # Errors
///
/// When apt or dpkg is not there, knows no such package, or has no network.
pub fn fetch(directory: &Path) -> Result<Kernel> {
    let target = directory.join("kernel");
    if let Some(kernel) = kernel::unpacked(&target) {
        return Ok(kernel);
    }
    let elsewhere = "apt (elsewhere give lab-vm your own --kernel FILE --modules DIR)";
    let apt_cache = tool::find("apt-cache", elsewhere)?;
    let apt_get = tool::find("apt-get", elsewhere)?;
    let dpkg = tool::find("dpkg", "dpkg")?;

    let depends = |package: &str| -> Result<Vec<String>> {
        let output = tool::output(Command::new(&apt_cache).args(["depends", package]))?;
        Ok(kernel_packages(&String::from_utf8_lossy(&output)))
    };
    let known = PACKAGES.iter().find_map(|package| {
        let found = depends(package).ok()?;
        (!found.is_empty()).then_some(found)
    });
    let Some(mut packages) = known else {
        let names = PACKAGES.join(" nor ");
        bail!("apt knows neither {names}; `sudo apt-get update` gets its lists");
    };
    // Ubuntu has the modules in a package of their own, which the kernel's depends on.
    let mut next = 0;
    while let Some(package) = packages.get(next) {
        let further = depends(package)?;
        packages.extend(
            further
                .into_iter()
                .filter(|name| !packages.contains(name))
                .collect::<Vec<_>>(),
        );
        next += 1;
    }

    let download = directory.join("download");
    let temporary = directory.join("kernel.new");
    for fresh in [&download, &temporary, &target] {
        if fresh.exists() {
            fs::remove_dir_all(fresh).with_context(|| format!("removing {}", fresh.display()))?;
        }
    }
    for fresh in [&download, &temporary] {
        fs::create_dir_all(fresh).with_context(|| format!("creating {}", fresh.display()))?;
    }
    eprintln!("lab-vm: downloading {}", packages.join(" "));
    tool::output(
        Command::new(&apt_get)
            .arg("download")
            .args(&packages)
            .current_dir(&download),
    )
    .context("`sudo apt-get update` gets newer lists")?;
    for entry in fs::read_dir(&download)? {
        let file = entry?.path();
        tool::output(Command::new(&dpkg).arg("-x").arg(file).arg(&temporary))?;
    }
    fs::remove_dir_all(&download)?;
    fs::rename(&temporary, &target)?;
    kernel::unpacked(&target).context("the package holds no kernel with modules")
}

/// The packages with a version in their name, among what `apt-cache depends` prints.
fn kernel_packages(depends: &str) -> Vec<String> {
    let lines = depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "));
    let versioned = |name: &&str| {
        let rest = ["linux-image-", "linux-modules-"]
            .iter()
            .find_map(|start| name.strip_prefix(start));
        rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    };
    lines.filter(versioned).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_packages_are_taken_and_no_others() {
        let debian = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n";
        assert_eq!(
            kernel_packages(debian),
            ["linux-image-6.1.0-56-cloud-amd64"]
        );
        let ubuntu = "linux-image-6.8.0-31-generic\n  Depends: kmod\n  Depends: linux-base\n  \
            Depends: linux-modules-6.8.0-31-generic\n |Recommends: grub-pc\n";
        assert_eq!(kernel_packages(ubuntu), ["linux-modules-6.8.0-31-generic"]);
    }
}
