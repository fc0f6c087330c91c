//! The machine's disk: its root filesystem, and the results that it leaves there.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use rootfs_fetch::host::{self, Node, Plan, Selection, Stamp};

use crate::initramfs::standard_path;
use crate::{LAB, tool};

/// The size of the disk in bytes. The file has holes: it takes what is written.
const SIZE: u64 = 4 << 30;

/// Tools beyond those of the built-in root filesystem, for the tests and for the curious.
const TOOLS: &str = "attr bwrap chattr chcpu diff3 dumpe2fs getfattr setfattr hyperfine iperf3 iptables \
    losetup lsattr lsblk lsmod mke2fs mkfs.ext4 newgidmap newuidmap nft pivot_root script sha256sum sudo \
    swapoff swapon mkswap tree tune2fs";

/// What is not taken along from the repository: cargo's, git's, and the built book.
const OUTPUT: [&str; 3] = ["target", ".git", "book/book"];

/// Looks whether there is what makes a disk and reads it.
///
/// # Errors
///
/// When it is not installed.
pub fn check() -> Result<()> {
    ["mke2fs", "debugfs"]
        .iter()
        .try_for_each(|name| tool::find(name, "e2fsprogs").map(|_| ()))
}

/// Makes the disk in the file `image`, by way of the directory `staging`: the built-in root
/// filesystem, `programs`, the repository at its own path, and `script` to be run.
///
/// # Errors
///
/// When a file cannot be taken, or the disk of the host is full.
pub fn make(image: &Path, staging: &Path, contents: &Contents) -> Result<()> {
    let plan = contents.plan()?;
    remove(staging)?;
    host::write(&plan, Path::new("/"), staging)?;
    remove(image)?;
    File::create(image)
        .and_then(|file| file.set_len(SIZE))
        .with_context(|| format!("making {}", image.display()))?;
    let mke2fs = tool::find("mke2fs", "e2fsprogs")?;
    // Without reserved blocks; and without a journal, for nobody comes back to a machine that did
    // not come to its end.
    let mut command = Command::new(mke2fs);
    command.args(["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0"]);
    command.args(["-L", "lab", "-d"]);
    tool::output(command.arg(staging).arg(image))?;
    remove(staging)
}

/// Copies the results out of `image` into `directory`, and gives back the exit status in them.
///
/// # Errors
///
/// When there is no status: then the machine did not come to its end.
pub fn results(image: &Path, directory: &Path) -> Result<u8> {
    let debugfs = tool::find("debugfs", "e2fsprogs")?;
    // It says what it could not do, the owners if this is not root, but never fails.
    let request = format!("rdump {LAB}/results \"{}\"", directory.display());
    let said = tool::output(Command::new(debugfs).args(["-R", &request]).arg(image))?;
    let path = directory.join("results/status");
    let text = fs::read_to_string(&path).with_context(|| {
        let said = String::from_utf8_lossy(&said);
        format!(
            "the machine ended before its command did: no {}{said}",
            path.display()
        )
    })?;
    let status = text.trim().parse();
    status.with_context(|| format!("{} says {text:?}", path.display()))
}

/// Removes a file or a directory, if it is there.
///
/// # Errors
///
/// When it is there and stays.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// What goes on the disk.
pub struct Contents<'a> {
    /// The directory of the repository.
    pub workspace: &'a Path,
    /// The program that is the machine's first process.
    pub init: &'a Path,
    /// The programs that cargo built, `init` among them.
    pub programs: &'a [&'a Path],
    /// What is run.
    pub script: String,
}

impl Contents<'_> {
    fn plan(&self) -> Result<Plan> {
        let mut plan = Plan::new(&self.selection())?;
        if let Some(missing) = self.missing(&plan) {
            bail!(
                "{missing} cannot be taken along: {}",
                plan.left_out.join(", ")
            );
        }
        let init = self.init.to_path_buf();
        for name in ["lab-init", "as-learner", "poweroff", "halt", "reboot"] {
            plan.put(
                &Path::new("/sbin").join(name),
                Node::Symlink(init.clone(), None),
                "lab",
            )?;
        }
        plan.put_directory(&Path::new(LAB).join("results"), 0o755)?;
        let script = Node::Text(self.script.clone());
        plan.put(&Path::new(LAB).join("script"), script, "lab")?;
        add_repository(&mut plan, self.workspace)?;
        Ok(plan)
    }

    /// The programs are tools like others: found in a directory, and taken with their libraries.
    fn selection(&self) -> Selection {
        let mut selection = Selection::from_env();
        for program in self.programs {
            let name = program.file_name().unwrap_or_default();
            selection.tools.push(name.to_string_lossy().into_owned());
            selection.path.extend(standard_path(program).pop());
        }
        selection
            .tools
            .extend(TOOLS.split_whitespace().map(String::from));
        // The workbook may well be in a home directory.
        selection.home = None;
        selection
    }

    fn missing(&self, plan: &Plan) -> Option<String> {
        let mut missing = self.programs.iter().filter(|path| !plan.has(path));
        missing.next().map(|path| path.display().to_string())
    }
}

/// Tests read files of the repository, by the absolute path that they were compiled with.
fn add_repository(plan: &mut Plan, workspace: &Path) -> Result<()> {
    for above in workspace
        .ancestors()
        .filter(|above| above.parent().is_some())
    {
        // Open to all: `learner` is nobody that the host knows.
        plan.put_directory(above, 0o755)?;
    }
    let mut open = vec![workspace.to_path_buf()];
    while let Some(directory) = open.pop() {
        let entries =
            fs::read_dir(&directory).with_context(|| format!("listing {}", directory.display()))?;
        for entry in entries {
            let path = entry?.path();
            let found = fs::symlink_metadata(&path)?;
            if OUTPUT.iter().any(|output| path.ends_with(output)) {
                continue;
            }
            let node = if found.is_dir() {
                open.push(path.clone());
                Node::Directory(0o755)
            } else if found.is_symlink() {
                Node::Symlink(fs::read_link(&path)?, None)
            } else if found.is_file() {
                Node::File(Stamp::from(&found))
            } else {
                continue;
            };
            plan.put(&path, node, "repository")?;
        }
    }
    Ok(())
}
