//! Programs of the host's that this one needs, and the packages that have them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Where `name` is. An ordinary user's PATH may lack the directories of mke2fs(8) and debugfs(8).
///
/// # Errors
///
/// When it is not installed: with the Debian package that has it.
pub fn find(name: &str, package: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let mut files = directories.map(|directory| directory.join(name));
    files.find(|file| file.is_file()).with_context(|| {
        format!(
            "{name} is not installed; on Debian and Ubuntu `sudo apt-get install --no-install-recommends {package}` installs it"
        )
    })
}

/// Runs `command`, and gives back what it printed.
///
/// # Errors
///
/// When it cannot be started, or fails: with what it wrote on stderr.
pub fn output(command: &mut Command) -> Result<Vec<u8>> {
    let name = command.get_program().to_owned();
    let name = Path::new(&name).display();
    let output = command
        .output()
        .with_context(|| format!("starting {name}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{name} failed ({}): {}", output.status, error.trim());
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_an_error_that_names_its_package() {
        let error = find("no-such-tool", "its-package").unwrap_err().to_string();
        assert!(error.contains("no-such-tool is not installed"), "{error}");
        assert!(error.contains("apt-get install"), "{error}");
        assert!(error.contains("its-package"), "{error}");
    }

    #[test]
    fn a_failure_is_told_with_what_was_said_about_it() {
        let error = output(Command::new("sh").args(["-c", "echo no room >&2; exit 3"]));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("exit status: 3): no room"), "{error}");
    }
}
