//! The virtual machine itself, as qemu plays it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};

use crate::console::Console;
use crate::watch::{Ended, Watch};
use crate::{AT_TERMINAL, tool};

/// A machine to be started.
pub struct Machine {
    /// The kernel, as a boot loader would start it.
    pub kernel: PathBuf,
    /// The first file system.
    pub initramfs: PathBuf,
    /// The file that is its disk.
    pub disk: PathBuf,
    /// Whether a person sits at a terminal: then standard input goes into the machine.
    pub at_terminal: bool,
    /// How long it may take, if not as long as it likes.
    pub timeout: Option<Duration>,
}

/// Looks whether there can be a machine here, before anything is built for it.
///
/// # Errors
///
/// When qemu is not installed, or knows no such processor.
pub fn check() -> Result<()> {
    let architecture = Architecture::here()?;
    tool::find(architecture.qemu, architecture.package).map(|_| ())
}

impl Machine {
    /// Runs the machine until it powers itself off. What its command prints is printed here; what
    /// its kernel writes goes into the file `log`.
    ///
    /// # Errors
    ///
    /// When qemu is not there or fails, when the kernel does not start the command, or when the
    /// time is over: with the last lines of the kernel's console.
    pub fn run(&self, log: &Path) -> Result<Ended> {
        let console = Console::create(log).with_context(|| format!("writing {}", log.display()))?;
        let mut command = self.command()?;
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Watch::new(child, console).until_end(self.timeout)
    }

    /// The command line of qemu(1). Nothing but what is named here is in the machine: no network,
    /// no screen, no directory of the host's.
    fn command(&self) -> Result<Command> {
        let architecture = Architecture::here()?;
        let mut command = Command::new(tool::find(architecture.qemu, architecture.package)?);
        let mut add = |words: &str| {
            command.args(words.split(' '));
        };
        add("-nodefaults -no-user-config -no-reboot -display none -smp 2 -m 1024");
        add(&format!("-machine {}", architecture.machine));
        match no_kvm() {
            None => add("-accel kvm -cpu host"),
            Some(_) => add(&format!(
                "-accel tcg,thread=multi -cpu {}",
                architecture.cpu
            )),
        }
        add("-device virtio-blk-pci,drive=disk -device virtio-rng-pci");

        // The kernel's console is standard error, together with what qemu itself has to say; the
        // command's terminal is standard input and output. There Ctrl-] x ends qemu by force.
        add("-chardev file,id=kernel,path=/dev/stderr -serial chardev:kernel");
        add("-chardev stdio,id=terminal,signal=off,mux=on -echr 0x1d -mon chardev=terminal");
        add("-device virtio-serial-pci -device virtconsole,chardev=terminal");

        // The disk is thrown away, so no write needs to reach the host's disk. When that is full,
        // the machine shall hear of it: by default qemu(1) halts it until there is room.
        let disk = self
            .disk
            .to_str()
            .context("the path of the disk is not UTF-8")?;
        let disk = disk.replace(',', ",,");
        let options = "if=none,id=disk,format=raw,cache=unsafe,werror=report,rerror=report";
        command.arg("-drive").arg(format!("{options},file={disk}"));
        command.arg("-kernel").arg(&self.kernel);
        command.arg("-initrd").arg(&self.initramfs);
        command
            .arg("-append")
            .arg(self.kernel_command_line(&architecture));

        command.stderr(Stdio::piped());
        if !self.at_terminal {
            command.stdin(Stdio::null());
        }
        die_with_parent(&mut command);
        Ok(command)
    }

    /// kernel-parameters.txt; what has an equals sign and no meaning goes into the environment of
    /// the first process.
    fn kernel_command_line(&self, architecture: &Architecture) -> String {
        let console = architecture.console;
        let mut words = format!("console={console} quiet loglevel=4 panic=-1");
        if no_kvm().is_some() {
            // Nothing is guessed ahead where all is emulated: what guards against that only costs.
            words += " mitigations=off";
            // qemu keeps what it has translated by virtual address. With the addresses at random it
            // translates each program anew at each start, and a start takes three times as long.
            words += " norandmaps";
            words += architecture.clock;
        }
        if self.at_terminal {
            words += &format!(" {AT_TERMINAL}=1");
        }
        words
    }
}

/// What differs from one architecture to the other.
struct Architecture {
    qemu: &'static str,
    package: &'static str,
    machine: &'static str,
    cpu: &'static str,
    console: &'static str,
    /// What leads an emulated kernel to a clock that it reads without a device.
    clock: &'static str,
}

impl Architecture {
    fn here() -> Result<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Ok(Self {
                qemu: "qemu-system-x86_64",
                package: "qemu-system-x86",
                machine: "pc",
                // `rep movsb` is emulated byte by byte: the kernel must not take it for fast.
                cpu: "max,-erms,-fsrm",
                console: "ttyS0",
                // It would take qemu's counter for unsteady, and ask the HPET each time.
                clock: " tsc=reliable",
            }),
            "aarch64" => Ok(Self {
                qemu: "qemu-system-aarch64",
                package: "qemu-system-arm",
                machine: "virt",
                // Pointer authentication as the architecture has it is slow to emulate.
                cpu: "max,pauth-impdef=on",
                console: "ttyAMA0",
                clock: "",
            }),
            other => bail!("there is no lab machine for {other}, only for x86_64 and aarch64"),
        }
    }
}

/// Why the processor's own virtualization cannot be used, if so.
pub fn no_kvm() -> Option<String> {
    let open = File::options().read(true).write(true).open("/dev/kvm");
    if let Err(error) = open {
        return Some(format!("/dev/kvm cannot be opened: {error}"));
    }
    // In some clouds there is a /dev/kvm that runs guests made for it alone.
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let has_flag = cpu
        .split_whitespace()
        .any(|word| matches!(word, "vmx" | "svm"));
    (std::env::consts::ARCH == "x86_64" && !has_flag)
        .then(|| "the processor has neither the flag vmx nor svm in /proc/cpuinfo".into())
}

/// With SIGTERM, on which qemu puts the terminal back before it ends.
fn die_with_parent(command: &mut Command) {
    let parent = Pid::this();
    let step = move || {
        set_pdeathsig(Signal::SIGTERM)?;
        // It may have died before prctl(2).
        if getppid() != parent {
            return Err(ErrorKind::Interrupted.into());
        }
        Ok(())
    };
    // SAFETY: between fork and exec `step` makes two system calls, and allocates nothing.
    unsafe { command.pre_exec(step) };
}
