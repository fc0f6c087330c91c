//! The lab machine: a virtual machine with a distribution's own kernel and pure cgroup v2.
//!
//! It is made for one use, from this machine's own files, and thrown away: a learner's shell in
//! which nothing can hurt the laptop, and the place where the tests meet a stock kernel.
//!
//! On the host's side, in the order of a run: [`kernel`] finds a kernel, [`modules`] what must be
//! loaded into it, [`initramfs`] packs that (with [`cpio`]), [`disk`] makes the root filesystem,
//! [`script`] says what is run there, and [`machine`] starts it all under qemu, with a [`watch`] over it.
//! [`guest`] is what the first process inside does.

pub mod cargo;
pub mod console;
pub mod cpio;
pub mod disk;
pub mod fetch;
pub mod guest;
pub mod initramfs;
pub mod kernel;
pub mod machine;
pub mod modules;
pub mod script;
pub mod terminal;
pub mod tool;
pub mod watch;

/// Where in the machine the script, its results and its status are.
pub const LAB: &str = "/lab";

/// What `lab-init` writes on the kernel's console when it starts the command.
pub const READY: &str = "lab-init: ready";

/// The variable that tells `lab-init` that a person sits at the terminal. On the kernel's command
/// line, so the kernel puts it into the environment of its first process.
pub const AT_TERMINAL: &str = "LAB_TERMINAL";
