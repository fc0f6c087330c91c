//! `lab-vm`: a throw-away virtual machine with a stock kernel.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use lab_vm::cargo::{self, Executable, What};
use lab_vm::disk::{self, Contents};
use lab_vm::kernel::{self, Kernel};
use lab_vm::machine::{self, Machine, no_kvm};
use lab_vm::modules::Directory;
use lab_vm::script::{self, Suite};
use lab_vm::terminal::Terminal;
use lab_vm::{fetch, initramfs};
use nix::sys::resource::{UsageWho, getrusage};

/// A root shell in a throw-away machine of its own: a stock kernel, pure cgroup v2, no network.
/// The workbook's programs are in its PATH.
#[derive(Parser)]
#[command(name = "lab-vm", bin_name = "cargo lab-vm", version)]
struct Arguments {
    #[command(flatten)]
    kernel: KernelArguments,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Args)]
struct KernelArguments {
    /// Boot this kernel (with --modules).
    #[arg(long, value_name = "FILE", global = true)]
    kernel: Option<PathBuf>,
    /// Its modules: a directory such as /lib/modules/6.1.0-56-cloud-amd64.
    #[arg(long, value_name = "DIR", global = true)]
    modules: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Action {
    /// Run one command there, and exit with its status.
    Run {
        /// End the machine after so many seconds.
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u64>,
        /// The command and its arguments.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Run the tests there: as root, as an ordinary user, and without user namespaces.
    Test {
        /// End the machine after so many seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
        timeout: u64,
        /// Arguments for the test programs.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Get a kernel from Debian or Ubuntu, without installing it.
    Fetch,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("lab-vm: error: {error:#}");
            125.into()
        }
    }
}

fn run(arguments: Arguments) -> Result<u8> {
    let lab = Lab::open()?;
    let kernel = || {
        machine::check()?;
        disk::check()?;
        lab.kernel(&arguments.kernel)
    };
    match arguments.action {
        None => lab.shell(&kernel()?),
        Some(Action::Run { timeout, command }) => {
            lab.command(&kernel()?, &command, timeout.map(Duration::from_secs))
        }
        Some(Action::Test { timeout, arguments }) => {
            lab.tests(&kernel()?, &arguments, Duration::from_secs(timeout))
        }
        Some(Action::Fetch) => {
            let kernel = fetch::fetch(&lab.directory)?;
            println!("{}", kernel.image.display());
            Ok(0)
        }
    }
}

/// Where everything is.
struct Lab {
    workspace: PathBuf,
    /// All that is written is below it.
    directory: PathBuf,
    /// Held while this lives: two machines would write on one disk.
    _lock: File,
}

impl Lab {
    fn open() -> Result<Self> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let workspace = fs::canonicalize(&workspace)
            .with_context(|| format!("finding the workbook, {}", workspace.display()))?;
        // Beside target/debug/lab-vm.
        let program = std::env::current_exe().context("finding this program")?;
        let target = program
            .ancestors()
            .nth(2)
            .context("this program is in no directory")?;
        let directory = target.join("lab-vm");
        fs::create_dir_all(&directory)
            .with_context(|| format!("creating {}", directory.display()))?;
        let lock = File::create(directory.join("lock"))
            .with_context(|| format!("opening {}/lock", directory.display()))?;
        if lock.try_lock().is_err() {
            bail!("another lab-vm uses {}", directory.display());
        }
        Ok(Self {
            workspace,
            directory,
            _lock: lock,
        })
    }

    fn kernel(&self, given: &KernelArguments) -> Result<Kernel> {
        if let Some(kernel) = kernel::given(given.kernel.clone(), given.modules.clone())? {
            return Ok(kernel);
        }
        let release = nix::sys::utsname::uname().context("uname(2)")?;
        let release = release.release().to_string_lossy().into_owned();
        kernel::find(&self.directory.join("kernel"), Path::new("/"), &release)
    }

    fn shell(&self, kernel: &Kernel) -> Result<u8> {
        let Some(terminal) = Terminal::here() else {
            bail!("a shell needs a terminal; `cargo lab-vm run -- COMMAND` does not");
        };
        let built = cargo::build(&self.workspace, What::Programs)?;
        let script = script::shell(&self.workspace, terminal.size);
        self.say(kernel, "`exit` ends it, and Ctrl-] x by force");
        self.run(kernel, &built, script, Some(terminal), None)
    }

    fn command(&self, kernel: &Kernel, words: &[String], timeout: Option<Duration>) -> Result<u8> {
        let terminal = Terminal::here();
        let built = cargo::build(&self.workspace, What::Programs)?;
        let size = terminal.as_ref().and_then(|terminal| terminal.size);
        let script = script::command(&self.workspace, size, words);
        self.run(kernel, &built, script, terminal, timeout)
    }

    fn tests(&self, kernel: &Kernel, arguments: &[String], timeout: Duration) -> Result<u8> {
        let mut built = cargo::build(&self.workspace, What::Init)?;
        built.extend(cargo::build(&self.workspace, What::Tests)?);
        let mut suites: Vec<_> = built.iter().filter_map(suite).collect();
        suites.sort_by(|one, other| one.name.cmp(&other.name));
        if suites.is_empty() {
            bail!("cargo built no tests");
        }
        let update = std::env::var("INSTA_UPDATE").unwrap_or_else(|_| "new".into());
        let variables = [
            (
                "INSTA_WORKSPACE_ROOT",
                self.workspace.to_string_lossy().into_owned(),
            ),
            ("INSTA_UPDATE", update),
        ];
        let script = script::tests(&self.workspace, &suites, arguments, &variables);
        self.say(
            kernel,
            &format!("the results go to {}/results", self.directory.display()),
        );
        let (started, before) = (Instant::now(), processor_time()?);
        let status = self.run(kernel, &built, script, None, Some(timeout))?;
        eprintln!(
            "lab-vm: {} s, and {} s of processor time",
            started.elapsed().as_secs(),
            processor_time()? - before
        );
        Ok(status)
    }

    fn say(&self, kernel: &Kernel, more: &str) {
        let how = no_kvm().map_or(String::new(), |why| format!(", emulated ({why})"));
        eprintln!("lab-vm: Linux {}{how}; {more}", kernel.version());
    }

    /// Makes the machine, runs it, and takes its results.
    fn run(
        &self,
        kernel: &Kernel,
        built: &[Executable],
        script: String,
        terminal: Option<Terminal>,
        timeout: Option<Duration>,
    ) -> Result<u8> {
        let programs: Vec<_> = built.iter().map(|program| &*program.path).collect();
        let init = programs.iter().find(|path| path.ends_with("lab-init"));
        let init = init.context("cargo built no lab-init")?;

        let machine = Machine {
            kernel: kernel.image.clone(),
            initramfs: self.directory.join("initramfs"),
            disk: self.directory.join("disk"),
            at_terminal: terminal.is_some(),
            timeout,
        };
        let modules = Directory::open(&kernel.modules)?.in_order()?;
        initramfs::write(&machine.initramfs, init, &modules)?;
        let contents = Contents {
            workspace: &self.workspace,
            init,
            programs: &programs,
            script,
        };
        disk::make(&machine.disk, &self.directory.join("root"), &contents)?;
        disk::remove(&self.directory.join("results"))?;
        let ended = machine.run(&self.directory.join("console.log"))?;
        drop(terminal);
        disk::results(&machine.disk, &self.directory).map_err(|error| ended.explain(&error))
    }
}

/// What the programs that were run and waited for have used of the processors, in seconds: on a
/// machine that does other things too it says more than the clock.
fn processor_time() -> Result<i64> {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).context("getrusage(2)")?;
    Ok(used.user_time().tv_sec() + used.system_time().tv_sec())
}

fn suite(program: &Executable) -> Option<Suite> {
    program.is_test.then(|| Suite {
        name: program.name.clone(),
        package: program.package.clone(),
        program: program.path.clone(),
        // It cuts a file tree seventy times, and asks of the kernel what every kernel has.
        once: program.name == "host",
    })
}
