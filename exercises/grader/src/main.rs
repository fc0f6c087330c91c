//! `grade`: writes the starters of the exercises, and holds each exercise to
//! what it must accept and what it must catch.

mod compile;
mod judge;
mod manifest;
mod matrix;
mod mirror;
mod mutant;
mod rewrite;
mod scratch;
mod source;
mod starter;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::manifest::Manifest;

/// Everything is as it should be.
const RIGHT: u8 = 0;
/// A starter is out of date or was kept back, or a cell of the matrix is wrong.
const WRONG: u8 = 1;
/// The command itself failed, and nothing is known.
const FAILED: u8 = 2;

/// The exercises of the workbook
#[derive(Parser)]
#[command(name = "grade", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Put an exercise back to its beginning: write its starter
    Starter {
        /// Which exercises; all without a name
        #[arg(value_name = "EX")]
        exercises: Vec<String>,
        /// Write nothing, and say whether the starters are up to date
        #[arg(long)]
        check: bool,
        /// Write over what was changed, and keep it in exercises/kept
        #[arg(long, conflicts_with = "check")]
        force: bool,
    },
    /// Check the exercises themselves: the starter fails, the reference passes, wrong answers are caught
    Matrix {
        /// Which exercises; all without a name
        #[arg(value_name = "EX")]
        exercises: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(right) => ExitCode::from(if right { RIGHT } else { WRONG }),
        Err(error) => {
            eprintln!("grade: error: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn run(cli: &Cli) -> Result<bool> {
    let exercises = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("the grader is in a folder of the exercises")?;
    let manifest = Manifest::load(exercises)?;
    match &cli.command {
        Command::Starter {
            exercises,
            check: true,
            ..
        } => starter::check(&manifest, exercises),
        Command::Starter {
            exercises, force, ..
        } => starter::write(&manifest, exercises, *force),
        Command::Matrix { exercises } => matrix::run(&manifest, exercises),
    }
}
