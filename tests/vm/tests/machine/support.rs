//! What the tests share: a machine that never ends, and the program in a place of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use lab_vm::disk::Contents;
use lab_vm::kernel::{self, Kernel};
use lab_vm::machine::{self, Machine};
use lab_vm::{disk, initramfs};
use libtest_mimic::{Completion, Failed};

/// The result of a test.
pub type Outcome = Result<Completion, Failed>;

/// The answer of a test that ran.
pub const DONE: Outcome = Ok(Completion::Completed);

/// What the machine that never ends writes on its console.
pub const LAST_WORDS: &str = "these are its last words";

const PART: &str = "LAB_VM_TEST_DIRECTORY";

const FULL: &str = "LAB_VM_TEST_FULL";

/// A kernel to boot, and qemu; or why there are none here.
pub fn kernel() -> Result<Kernel, Completion> {
    let test = std::env::current_exe().expect("the path of the test program");
    // Beside target/debug/deps.
    let target = test.ancestors().nth(3).expect("a target directory");
    let fetched = kernel::unpacked(&target.join("lab-vm/kernel"));
    let here = machine::check().and_then(|()| disk::check());
    match (here, fetched) {
        (Err(error), _) => Err(Completion::ignored_with(error.to_string())),
        (_, None) => Err(Completion::ignored_with(
            "needs a kernel: `cargo lab-vm fetch`",
        )),
        (Ok(()), Some(kernel)) => Ok(kernel),
    }
}

/// A machine in `directory` whose first process says its last words, and waits for ever.
pub fn endless(directory: &Path, timeout: Option<Duration>) -> Result<Machine, Completion> {
    let kernel = kernel()?;
    let init = directory.join("endless");
    // Nobody writes on the console that it reads from.
    let script = format!("#!/bin/sh\necho {LAST_WORDS}\nread never\n");
    fs::write(&init, script).unwrap();
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755)).unwrap();
    let machine = Machine {
        kernel: kernel.image,
        initramfs: directory.join("initramfs"),
        disk: directory.join("disk"),
        at_terminal: false,
        timeout,
    };
    initramfs::write(&machine.initramfs, &init, &[]).unwrap();
    fs::write(&machine.disk, [0; 4096]).unwrap();
    Ok(machine)
}

/// This program once more, as one that runs an endless machine in `directory`.
pub fn runner(directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the path of the test program"));
    command.env(PART, directory).stderr(Stdio::null());
    command
}

/// This program once more, as one that makes a disk where there is room for a megabyte: the file
/// itself is `directory`/full/disk, what it is made from in `directory` or in `directory`/full.
pub fn maker(directory: &Path, staging: &Path) -> Command {
    fs::create_dir_all(directory.join("full")).unwrap();
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c"]);
    command.arg("mount -t tmpfs -o size=1m none \"$1/full\" && exec \"$0\"");
    command.arg(std::env::current_exe().expect("the path of the test program"));
    command
        .arg(directory)
        .env(FULL, staging)
        .env(PART, directory);
    command
}

fn make_disk(directory: &Path, staging: &Path) -> ExitCode {
    let shell = fs::canonicalize("/bin/sh").expect("a shell");
    let contents = Contents {
        workspace: &directory.join("full"),
        init: &shell,
        programs: &[&shell],
        script: String::new(),
    };
    match disk::make(&directory.join("full/disk"), staging, &contents) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The other half of [`runner`] and of [`maker`].
pub fn answer_part() -> Option<ExitCode> {
    if let (Some(directory), Some(staging)) = (std::env::var_os(PART), std::env::var_os(FULL)) {
        return Some(make_disk(Path::new(&directory), Path::new(&staging)));
    }
    let directory = PathBuf::from(std::env::var_os(PART)?);
    let machine = endless(&directory, None).ok()?;
    let ended = machine.run(&directory.join("console.log"));
    println!("{ended:?}");
    Some(ExitCode::FAILURE)
}

/// The program, copied so that `directory`/lab-vm is what it writes to.
pub fn lab_vm(directory: &Path) -> Command {
    let bin = directory.join("debug");
    fs::create_dir_all(&bin).unwrap();
    let program = bin.join("lab-vm");
    fs::copy(env!("CARGO_BIN_EXE_lab-vm"), &program).unwrap();
    Command::new(program)
}

/// Processes with `needle` in their command line, the asking one left out.
pub fn processes_with(needle: &str) -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(needle)
    })
    .collect()
}

/// Waits until it is so; false when it is not within a minute, in which an emulated kernel starts.
pub fn eventually(mut so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(60);
    while !so() {
        if Instant::now() > end {
            return false;
        }
        std::thread::yield_now();
    }
    true
}
