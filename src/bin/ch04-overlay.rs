//! Chapter 4: the command on layers, the topmost its own.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitCode, exit};

use anyhow::Result;
use cgroups::{Cgroup, Limits};
use clap::Parser;
use namespaces::{Insist, UserNamespace, run_init, set_domainname, set_hostname};
use overlay::{LayerFlags, Layers};
use process::{Program, Remedy, Status};
use rootfs::{MountPoints, Root, TakenVolume, Volume};
use rootfs_fetch::Directories;

const NAME: &str = env!("CARGO_BIN_NAME");
const REMEDIES: &[&[Remedy]] = &[
    process::REMEDIES,
    namespaces::REMEDIES,
    rootfs::REMEDIES,
    cgroups::REMEDIES,
    overlay::REMEDIES,
];

/// Run a command on a writable layer of its own over shared ones
#[derive(Parser)]
#[command(name = NAME, version)]
struct Cli {
    /// The host name inside
    #[arg(long, value_name = "NAME")]
    hostname: Option<OsString>,
    /// The NIS domain name inside
    #[arg(long, value_name = "NAME")]
    domainname: Option<OsString>,
    /// Run a small init as PID 1, and the command as its child
    #[arg(long)]
    init: bool,
    /// The bottom layer [default: the built-in root filesystem]
    #[arg(long, value_name = "DIR")]
    rootfs: Option<PathBuf>,
    /// Mount a file or directory of the host's; may be given several times
    #[arg(long, short = 'v', value_name = "SRC:DST[:ro]")]
    volume: Vec<Volume>,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    layers: LayerFlags,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, default_value = "sh")]
    command: Vec<OsString>,
}

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| usage(&error));
    match run(&cli) {
        Ok(status) => status.into(),
        Err(error) => process::fail(NAME, &error, REMEDIES),
    }
}

fn run(cli: &Cli) -> Result<Status> {
    let program =
        Program::with_environment(&cli.command, rootfs::environment(cli.hostname.as_deref()))?;
    let mut flags = namespaces::FLAGS | rootfs::FLAG;
    let user = UserNamespace::if_needed()?;
    if let Some(user) = user {
        eprintln!("{NAME}: {}", user.notice());
        flags |= UserNamespace::FLAG;
    }
    let directories = Directories::from_env()?;
    let (bottom, _built_in) = match &cli.rootfs {
        Some(directory) => (Root::read_only(directory)?, None),
        None => {
            let built_in = rootfs_fetch::host(&directories.data)?;
            (Root::read_only(built_in.path())?, Some(built_in))
        }
    };
    let layers = Layers::prepare(&cli.layers, bottom.path(), &directories.data)?;
    let mount_points = MountPoints::missing_in(layers.upper(), &cli.volume)?;

    let (go, wait_for_go) = namespaces::handshake()?;
    let cgroup = Cgroup::create(&cli.limits)?;
    for notice in layers.notice().iter().chain(cgroup.notices()) {
        eprintln!("{NAME}: {notice}");
    }
    let child = process::spawn_into(flags, cgroup.descriptor(), |parent| {
        wait_for_go.wait()?;
        cgroup.join()?;
        if let Some(name) = &cli.hostname {
            set_hostname(name)?;
        }
        if let Some(name) = &cli.domainname {
            set_domainname(name)?;
        }
        enter(&layers, cli)?;
        if cli.init {
            run_init(parent, &program)
        } else {
            program.exec()
        }
    })?;
    if let Some(user) = user {
        user.map(child.pid())?;
    }
    cgroup.add(child.pid(), child.in_cgroup())?;
    go.go()?;

    let mut insist = Insist::new(NAME);
    let status = child.wait_with(|child, received| insist.passed_on(child, received))?;
    if let Some(oom_kill) = cgroup.oom_kill() {
        eprintln!("{NAME}: {oom_kill}");
    }
    cgroup.remove()?;
    drop(mount_points);
    for change in layers.changes()? {
        eprintln!("{change}");
    }
    layers.remove()?;
    Ok(status)
}

// ANCHOR: enter
/// The child's steps from the host's tree of mounts to its own.
fn enter(layers: &Layers, cli: &Cli) -> Result<()> {
    rootfs::make_private()?;
    let host = layers.mount()?.pivot()?;
    rootfs::mount_proc()?;
    rootfs::mount_dev(&host)?;
    rootfs::mount_sys(&host)?;
    rootfs::protect_kernel_paths()?;
    let volumes = host.take(&cli.volume)?;
    host.detach()?;
    volumes.into_iter().try_for_each(TakenVolume::attach)
}
// ANCHOR_END: enter

/// Prints the help, or what is wrong with the command line.
fn usage(error: &clap::Error) -> ! {
    let _ = error.print();
    exit(if error.use_stderr() {
        Status::RUNTIME_FAILED.into()
    } else {
        0
    })
}
