//! What the benchmarks measure beside, and with.

#![allow(dead_code)] // each benchmark uses a part

pub mod bundle;
pub mod overlay;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The medians of one hyperfine run, in milliseconds.
pub struct Figures(Vec<(String, f64)>);

/// Runs the commands, one after the other, 300 times each, without a shell.
pub fn hyperfine(directory: &Path, commands: &[(&str, String)]) -> Result<Figures> {
    let csv = directory.join("figures.csv");
    let mut hyperfine = Command::new("hyperfine");
    let options = ["--shell=none", "--warmup=20", "--runs=300", "--style=none"];
    hyperfine.args(options).arg("--export-csv").arg(&csv);
    hyperfine.env("HULL_ROOT", directory);
    for (name, command) in commands {
        hyperfine.args(["--command-name", name, command]);
    }
    let status = hyperfine
        .stdout(Stdio::null())
        .status()
        .context("cannot start hyperfine")?;
    ensure!(
        status.success(),
        "hyperfine failed: are the peers installed?"
    );
    Figures::read(&std::fs::read_to_string(&csv)?)
}

impl Figures {
    /// hyperfine's columns: command, mean, stddev, median, user, system, min, max; in seconds.
    fn read(csv: &str) -> Result<Self> {
        let figures = csv.lines().skip(1).map(|line| {
            let line = line.trim_start_matches('"');
            let (name, rest) = line
                .split_once("\",")
                .or_else(|| line.split_once(','))
                .context("a line of figures")?;
            let median: f64 = rest.split(',').nth(2).context("a median")?.parse()?;
            Ok((name.to_owned(), median * 1000.0))
        });
        figures.collect::<Result<_>>().map(Self)
    }

    /// One median, in milliseconds.
    pub fn of(&self, name: &str) -> f64 {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map_or(f64::NAN, |(_, median)| *median)
    }

    /// The table, with each figure as a part of `base`'s.
    pub fn print(&self, base: &str) {
        println!("{:28} {:>10} {:>10}", "", "median ms", base);
        for (name, median) in &self.0 {
            println!("{name:28} {median:10.2} {:10.2}", median / self.of(base));
        }
    }
}
