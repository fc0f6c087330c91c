//! What layers cost while a container runs: the first write to a large file,
//! writes to the layer, to a volume and on the host; and what a thousand runs leave.
//!
//! `cargo bench --bench layers` needs no other program. It writes 3 GB below
//! the temporary directory (`TMPDIR` names another), and removes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

const CH04: &str = env!("CARGO_BIN_EXE_ch04-overlay");
const ROUNDS: usize = 5;
const MIB: u64 = 1 << 20;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("layers: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let bench = Bench::new()?;
    // First: ext4 keeps clear of inodes that were deleted a minute ago, and has to look for others.
    bench.thousand_runs()?;
    bench.hundred_at_once()?;
    println!("{:44} {:>10} {:>10}", "", "median ms", "of host");
    bench.copy_up()?;
    bench.writes()?;
    bench.many_files()
}

struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        for name in ["layer", "volume", "host"] {
            fs::create_dir(directory.path().join(name))?;
        }
        let this = Self { directory };
        // The built-in root filesystem is made once, and not measured.
        this.container(&[], "true")?;
        Ok(this)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// Runs a script in a container, and returns how long it took in all.
    fn container(&self, flags: &[&str], script: &str) -> Result<Duration> {
        let mut command = Command::new(CH04);
        command.env("HULL_ROOT", self.at("hull")).args(flags);
        time(command.args(["sh", "-c", script]))
    }

    /// A first write of one byte to a file of 1 GiB in a lower layer, beside cp(1) of that file.
    fn copy_up(&self) -> Result<()> {
        let (file, copy) = (self.at("layer/big"), self.at("host/big"));
        let size = 1024 * MIB;
        fill(&file, size)?;
        let layer = self.at("layer").display().to_string();
        let mut copied = Vec::new();
        let mut written = Vec::new();
        for _ in 0..ROUNDS {
            settle()?;
            copied.push(time(Command::new("cp").arg(&file).arg(&copy))?);
            fs::remove_file(&copy)?;
            settle()?;
            written.push(self.first_write(&layer)?);
        }
        let host = report("1 GiB: cp", &copied, None);
        report("1 GiB: first write of one byte, layer", &written, host);
        fs::remove_file(&file)?;
        Ok(())
    }

    /// Timed inside: when the container ends its layer is removed, and that is no part of a write.
    fn first_write(&self, layer: &str) -> Result<Duration> {
        let script = "s=$(date +%s%N); printf x >>/big; echo $(($(date +%s%N) - s))";
        let mut command = Command::new(CH04);
        command.env("HULL_ROOT", self.at("hull"));
        let output = command
            .args(["--lower", layer, "sh", "-c", script])
            .output()?;
        ensure!(output.status.success(), "{output:?}");
        let nanoseconds = String::from_utf8_lossy(&output.stdout).trim().parse()?;
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// 512 MiB written by dd(1), and not waited for on the disk.
    fn writes(&self) -> Result<()> {
        let volume = format!("{}:/mnt", self.at("volume").display());
        let dd =
            |to: &str| format!("dd if=/dev/zero of={to} bs=1M count=512 2>/dev/null && rm {to}");
        let host_script = dd(&self.at("host/file").display().to_string());
        self.compare(
            "512 MiB",
            &host_script,
            &dd("/file"),
            &dd("/mnt/file"),
            &volume,
        )
    }

    /// 2,000 small files made and removed.
    fn many_files(&self) -> Result<()> {
        let volume = format!("{}:/mnt", self.at("volume").display());
        let files = |to: &str| {
            format!(
                "mkdir {to} && cd {to} && i=0; while [ $i -lt 2000 ]; do echo x >$i; i=$((i+1)); done; rm -r {to}"
            )
        };
        let host_script = files(&self.at("host/tree").display().to_string());
        self.compare(
            "2,000 files",
            &host_script,
            &files("/tree"),
            &files("/mnt/tree"),
            &volume,
        )
    }

    fn compare(
        &self,
        what: &str,
        host: &str,
        layer: &str,
        mounted: &str,
        volume: &str,
    ) -> Result<()> {
        let mut figures = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            settle()?;
            figures[0].push(time(Command::new("sh").args(["-c", host]))?);
            settle()?;
            figures[1].push(self.container(&[], layer)?);
            settle()?;
            figures[2].push(self.container(&["--volume", volume], mounted)?);
        }
        let base = report(&format!("{what}: host"), &figures[0], None);
        report(&format!("{what}: layer"), &figures[1], base);
        report(&format!("{what}: volume"), &figures[2], base);
        Ok(())
    }

    /// The last hundred of a thousand runs beside the first hundred, and what is left.
    fn thousand_runs(&self) -> Result<()> {
        let before = self.left();
        let runs = (0..1000).map(|_| self.container(&[], "true"));
        let runs: Vec<_> = runs.collect::<Result<_>>()?;
        let (first, last) = (median(&runs[..100]), median(&runs[900..]));
        println!(
            "1,000 runs: first hundred {:.2} ms, last hundred {:.2} ms: {:.2} of the first",
            first.as_secs_f64() * 1e3,
            last.as_secs_f64() * 1e3,
            last.as_secs_f64() / first.as_secs_f64()
        );
        ensure!(self.left() == before, "left: {:?}", self.left());
        Ok(())
    }

    fn hundred_at_once(&self) -> Result<()> {
        let before = self.left();
        let start = Instant::now();
        std::thread::scope(|scope| {
            let runs: Vec<_> = (0..100)
                .map(|_| scope.spawn(|| self.container(&[], "echo x >/x")))
                .collect();
            runs.into_iter().try_for_each(|run| {
                run.join()
                    .map_err(|_| anyhow::anyhow!("a thread panicked"))?
                    .map(drop)
            })
        })?;
        println!(
            "100 at once: {:.0} ms in all",
            start.elapsed().as_secs_f64() * 1e3
        );
        self.container(&[], "true")?;
        ensure!(self.left() == before, "left: {:?}", self.left());
        println!("nothing is left of them: no file, mount, process or cgroup");
        Ok(())
    }

    /// Files below HULL_ROOT, mounts, processes and cgroups that are this benchmark's.
    fn left(&self) -> Vec<String> {
        let root = self.directory.path().display().to_string();
        let script = format!(
            "find {root} -not -path '*/rootfs/*' | sort; grep -c {root} /proc/self/mountinfo; \
             find /sys/fs/cgroup -path '*/hull/*-*' -type d 2>/dev/null; \
             pgrep -f '^{CH04}' || true"
        );
        let output = Command::new("sh").args(["-c", &script]).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        text.unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

/// What earlier rounds wrote must not reach the disk while the next is measured.
fn settle() -> Result<()> {
    time(&mut Command::new("sync")).map(drop)
}

/// A file with content: a hole would be copied in no time.
fn fill(path: &Path, size: u64) -> Result<()> {
    let block: Vec<u8> = (0..MIB).map(|n| (n * 31 % 251) as u8).collect();
    let mut file = fs::File::create(path)?;
    for _ in 0..size / MIB {
        std::io::Write::write_all(&mut file, &block)?;
    }
    Ok(())
}

fn time(command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(start.elapsed())
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2]
}

/// Prints one line, and returns its figure: the base of those that follow.
fn report(what: &str, times: &[Duration], base: Option<f64>) -> Option<f64> {
    let figure = median(times).as_secs_f64() * 1e3;
    println!(
        "{what:44} {figure:10.1} {:10.2}",
        figure / base.unwrap_or(figure)
    );
    Some(figure)
}
