//! Kernel modules: which are wanted, where they are, and in which order they are loaded.
//!
//! What a module depends on stands in its own `.modinfo` section: the same that depmod(8) makes
//! modules.dep from. So a kernel package that was only unpacked serves as well as an installed one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection};

use crate::tool;

/// Without these the machine has no disk or no terminal.
pub const ESSENTIAL: [&str; 4] = ["virtio_pci", "virtio_blk", "virtio_console", "ext4"];

/// Loaded where the kernel has them. On an installed system modprobe(8) would load them when they
/// are asked for; here there is none.
pub const WANTED: &str = "crc32c_generic crc32c_cryptoapi virtio_rng \
    overlay loop fuse binfmt_misc bfq \
    tun veth bridge macvlan ipvlan \
    nf_conntrack nf_tables nft_ct nft_chain_nat nft_nat nft_masq nft_redir nft_fib_inet \
    nft_reject_inet nft_compat xt_conntrack xt_MASQUERADE xt_addrtype \
    inet_diag tcp_diag udp_diag unix_diag netlink_diag";

/// A module to load.
#[derive(Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name as the kernel knows it, with underscores.
    pub name: String,
    /// The ELF file, decompressed.
    pub contents: Vec<u8>,
}

/// The modules of one kernel, below `/lib/modules/VERSION`.
pub struct Directory {
    path: PathBuf,
    files: BTreeMap<String, PathBuf>,
    builtin: Option<String>,
}

impl Directory {
    /// Looks through a directory of modules.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or holds no module.
    pub fn open(path: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        let mut open = vec![path.to_owned()];
        while let Some(directory) = open.pop() {
            let entries = fs::read_dir(&directory)
                .with_context(|| format!("listing the modules in {}", directory.display()))?;
            for entry in entries {
                let entry = entry?;
                // A link leads to the kernel's sources.
                if entry.file_type()?.is_dir() {
                    open.push(entry.path());
                } else if let Some(name) = name(&entry.path()) {
                    files.insert(name, entry.path());
                }
            }
        }
        if files.is_empty() {
            bail!("{} holds no kernel modules", path.display());
        }
        Ok(Self {
            path: path.to_owned(),
            files,
            builtin: fs::read_to_string(path.join("modules.builtin")).ok(),
        })
    }

    /// Every module that is wanted, each after those it depends on.
    ///
    /// # Errors
    ///
    /// When the kernel lacks an essential one, or a module cannot be read.
    pub fn in_order(&self) -> Result<Vec<Module>> {
        let here = |name: &str| self.files.contains_key(name) || self.has_built_in(name);
        if let Some(name) = ESSENTIAL.iter().find(|name| !here(name)) {
            let at = self.path.display();
            bail!("the kernel of {at} has no {name}, neither as a module nor built in");
        }
        let mut contents = BTreeMap::new();
        let mut needs = |name: &str| {
            // One that is built in, or that this kernel lacks.
            let Some(path) = self.files.get(name) else {
                return Ok(None);
            };
            let module = read(path)?;
            let names = dependencies(&module)
                .with_context(|| format!("reading the .modinfo of {}", path.display()))?;
            contents.insert(name.to_owned(), module);
            Ok(Some(names))
        };
        let mut order = Vec::new();
        // First those wanted: ext4 asks for a checksum of theirs when it is mounted.
        for name in WANTED.split_whitespace().chain(ESSENTIAL) {
            add(name, &mut needs, &mut order)?;
        }
        let modules = order.into_iter().map(|name| Module {
            contents: contents.remove(&name).unwrap_or_default(),
            name,
        });
        Ok(modules.collect())
    }

    /// Unknown counts as yes: then the machine itself will tell.
    fn has_built_in(&self, wanted: &str) -> bool {
        let Some(list) = &self.builtin else {
            return true;
        };
        list.lines()
            .any(|line| name(Path::new(line)).as_deref() == Some(wanted))
    }
}

/// Puts `name` at the end of `order`, and before it what it needs that is not there yet.
fn add(
    name: &str,
    needs: &mut impl FnMut(&str) -> Result<Option<Vec<String>>>,
    order: &mut Vec<String>,
) -> Result<()> {
    if order.iter().any(|known| known == name) {
        return Ok(());
    }
    let Some(names) = needs(name)? else {
        return Ok(());
    };
    for needed in names {
        add(&needed, needs, order)?;
    }
    order.push(name.to_owned());
    Ok(())
}

/// The name of the module in the file `path`. A file may be named with dashes or underscores: the
/// kernel has underscores.
fn name(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let (name, end) = file.split_once(".ko")?;
    matches!(end, "" | ".xz" | ".zst" | ".gz").then(|| name.replace('-', "_"))
}

/// By the end of a file's name: what decompresses it, and the package that has that program.
const COMPRESSED: [(&str, &str, &str); 3] = [
    ("xz", "xz", "xz-utils"),
    ("zst", "zstd", "zstd"),
    ("gz", "gzip", "gzip"),
];

fn read(path: &Path) -> Result<Vec<u8>> {
    let end = path.extension().unwrap_or_default();
    let Some((_, program, package)) = COMPRESSED.iter().find(|(known, ..)| end == *known) else {
        return fs::read(path).with_context(|| format!("reading {}", path.display()));
    };
    let program = tool::find(program, package)?;
    tool::output(Command::new(program).arg("-dc").arg(path))
}

/// The words after `depends=` in a module's `.modinfo`, which is a row of strings that end in NUL.
fn dependencies(module: &[u8]) -> Result<Vec<String>> {
    let file = object::File::parse(module)?;
    let section = file
        .section_by_name(".modinfo")
        .context("it has no such section")?;
    Ok(depends(section.data()?))
}

fn depends(modinfo: &[u8]) -> Vec<String> {
    let lines = modinfo.split(|byte| *byte == 0);
    let lists = lines.filter_map(|line| line.strip_prefix(b"depends="));
    let words = lists.flat_map(|list| list.split(|byte| *byte == b','));
    words
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).replace('-', "_"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_comes_after_all_that_it_depends_on_and_once() {
        let tree = BTreeMap::from([
            ("bridge", vec!["stp", "llc"]),
            ("stp", vec!["llc"]),
            ("llc", vec![]),
            ("veth", vec!["built_in"]),
        ]);
        let mut needs = |name: &str| {
            let names = tree.get(name);
            Ok(names.map(|names| names.iter().map(|name| name.to_string()).collect()))
        };
        let mut order = Vec::new();
        for name in ["veth", "bridge", "stp", "absent"] {
            add(name, &mut needs, &mut order).unwrap();
        }
        assert_eq!(order, ["veth", "llc", "stp", "bridge"]);
    }

    #[test]
    fn dependencies_are_read_from_modinfo() {
        let modinfo = b"license=GPL\0depends=virtio-ring,virtio\0\0intree=Y\0";
        assert_eq!(depends(modinfo), ["virtio_ring", "virtio"]);
        assert_eq!(depends(b"depends=\0name=x\0"), [""; 0]);
    }

    #[test]
    fn a_file_gives_a_module_its_name() {
        let named = |path| name(Path::new(path));
        assert_eq!(named("/lib/virtio-rng.ko"), Some("virtio_rng".into()));
        assert_eq!(named("kernel/fs/ext4.ko.zst"), Some("ext4".into()));
        assert_eq!(named("modules.order"), None);
        assert_eq!(named("x.ko.old"), None);
    }

    #[test]
    fn a_kernel_without_a_disk_driver_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("veth.ko"), "").unwrap();
        fs::write(
            root.path().join("modules.builtin"),
            "kernel/drivers/virtio/virtio_pci.ko\n",
        )
        .unwrap();
        let error = Directory::open(root.path())
            .unwrap()
            .in_order()
            .unwrap_err();
        assert!(error.to_string().contains("has no virtio_blk"), "{error}");
    }

    #[test]
    fn a_directory_without_modules_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let error = Directory::open(root.path()).err().expect("an error");
        assert!(
            error.to_string().contains("holds no kernel modules"),
            "{error}"
        );
    }
}
