//! Each exercise against the answers that it must accept and those that it must catch.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use crate::compile::{Build, compile};
use crate::judge::{Report, Verdict, judge};
use crate::manifest::{Exercise, Kind, Manifest, Need};
use crate::mutant::{Mutant, Others, mutants};
use crate::rewrite::{Bodies, Files};
use crate::scratch::Scratch;
use crate::starter;

/// How many seconds a check waits for a right answer.
const PATIENT: u64 = 10;
/// And for a wrong one, which may well hang.
const HASTY: u64 = 3;

/// What the table says of one answer, and how much it tells.
#[derive(Debug, PartialEq, Eq)]
enum Cell {
    Right(String),
    Wrong(String),
    CannotTell(String),
}

/// Prints the table. True when no cell is wrong, and there is one.
pub fn run(manifest: &Manifest, names: &[String]) -> Result<bool> {
    let exercises = manifest.select(names)?;
    let scratch = Scratch::of(manifest).context("copying the workspace")?;
    let (mut passed, mut failed, mut unknown) = (0, 0, 0);
    for exercise in exercises {
        println!("{}: {} ({})", exercise.id, exercise.title, facts(exercise));
        let mutants = mutants(exercise, &manifest.folder(exercise))?;
        for answer in answers(manifest, exercise, &mutants)? {
            let cell = try_out(&scratch, exercise, &answer)?;
            let (mark, text) = match &cell {
                Cell::Right(text) => ("right", text),
                Cell::Wrong(text) => ("WRONG", text),
                Cell::CannotTell(text) => ("  ?  ", text),
            };
            println!("  {mark}  {:<34}  {text}", answer.name);
            match cell {
                Cell::Right(_) => passed += 1,
                Cell::Wrong(_) => failed += 1,
                Cell::CannotTell(_) => unknown += 1,
            }
        }
    }
    if unknown > 0 {
        println!("{unknown} cannot tell here");
    }
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0 && passed > 0)
}

fn facts(exercise: &Exercise) -> String {
    let needs: Vec<_> = exercise.needs.iter().map(Need::to_string).collect();
    format!(
        "{} checks, {} points, {} minutes, needs {}",
        exercise.checks.len(),
        exercise.points,
        exercise.minutes,
        needs.join(", ")
    )
}

/// What an answer must lead to.
enum Expected<'a> {
    /// The starter earns nothing.
    Nothing,
    /// A right answer earns everything.
    Everything,
    /// A wrong one is caught, for its own reason.
    Caught(&'a Mutant),
}

struct Answer<'a> {
    name: String,
    files: Files,
    expected: Expected<'a>,
}

fn answers<'a>(
    manifest: &Manifest,
    exercise: &Exercise,
    mutants: &'a [Mutant],
) -> Result<Vec<Answer<'a>>> {
    let reference = manifest.reference(exercise)?;
    let mut answers = vec![
        Answer {
            name: "starter".into(),
            files: starter::files(manifest, exercise)?,
            expected: Expected::Nothing,
        },
        Answer {
            name: "reference".into(),
            files: reference.with(&Bodies::new())?,
            expected: Expected::Everything,
        },
    ];
    for folder in manifest.alternatives(exercise)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        answers.push(Answer {
            name: format!("alternative {name}"),
            files: manifest
                .alternative(exercise, &folder)?
                .with(&Bodies::new())?,
            expected: Expected::Everything,
        });
    }
    for mutant in mutants {
        let files = reference.with(&mutant.bodies);
        answers.push(Answer {
            name: format!("mutant {}", mutant.name),
            files: files.with_context(|| format!("{}: {}", exercise.id, mutant.name))?,
            expected: Expected::Caught(mutant),
        });
    }
    Ok(answers)
}

/// Builds and runs one answer. What keeps the tests from running is wrong for
/// every answer: a starter that does not compile has not failed its tests.
fn try_out(scratch: &Scratch, exercise: &Exercise, answer: &Answer) -> Result<Cell> {
    scratch.set_library(exercise, &answer.files)?;
    let (tests, warnings) = match compile(scratch, exercise)? {
        Build::Done { tests, warnings } => (tests, warnings),
        Build::Refused(error) => {
            return Ok(Cell::Wrong(format!("does not compile: {error}")));
        }
    };
    // A mutant may leave something unused.
    let strict = !matches!(answer.expected, Expected::Caught(_));
    if let Some(warning) = warnings.first().filter(|_| strict) {
        return Ok(Cell::Wrong(format!("compiles with a warning: {warning}")));
    }
    let seconds = if strict { PATIENT } else { HASTY };
    Ok(match judge(scratch, exercise, &tests, seconds) {
        Ok(report) => weigh(exercise, &answer.expected, &report),
        Err(error) => Cell::Wrong(format!("the tests did not run: {error:#}")),
    })
}

fn weigh(exercise: &Exercise, expected: &Expected, report: &Report) -> Cell {
    let count = Count::of(report);
    match expected {
        Expected::Nothing => nothing(exercise, &count),
        Expected::Everything => everything(report, &count),
        Expected::Caught(mutant) => {
            let unprivileged = !nix::unistd::geteuid().is_root();
            caught(mutant, unprivileged, report, &count)
        }
    }
}

/// The checks by what became of them.
struct Count<'a> {
    passed: BTreeSet<&'a str>,
    failed: BTreeSet<&'a str>,
    skipped: BTreeSet<&'a str>,
    /// Why.
    reasons: BTreeSet<&'a str>,
}

impl<'a> Count<'a> {
    fn of(report: &'a Report) -> Self {
        let those = |which: fn(&Verdict) -> bool| {
            let names = report.iter().filter(move |(_, verdict)| which(verdict));
            names.map(|(name, _)| name.as_str()).collect()
        };
        Self {
            passed: those(|verdict| *verdict == Verdict::Pass),
            failed: those(|verdict| matches!(verdict, Verdict::Fail(_))),
            skipped: those(|verdict| matches!(verdict, Verdict::Skip(_))),
            reasons: report
                .values()
                .filter_map(|verdict| match verdict {
                    Verdict::Skip(reason) => Some(reason.as_str()),
                    _ => None,
                })
                .collect(),
        }
    }

    fn skipped_note(&self) -> String {
        match self.skipped.len() {
            0 => String::new(),
            n => format!(", {n} cannot tell here ({})", list(&self.reasons)),
        }
    }
}

fn nothing(exercise: &Exercise, count: &Count) -> Cell {
    // In the other kinds some of the program works from the beginning.
    if exercise.kind == Kind::Build && !count.passed.is_empty() {
        return Cell::Wrong(format!("passes {}", list(&count.passed)));
    }
    match count.failed.len() {
        0 if count.passed.is_empty() => Cell::CannotTell("no check can tell here".into()),
        0 => Cell::Wrong("fails nothing".into()),
        n => Cell::Right(format!("{n} fail{}", count.skipped_note())),
    }
}

fn everything(report: &Report, count: &Count) -> Cell {
    let failures = report.iter().find_map(|(name, verdict)| match verdict {
        Verdict::Fail(reason) => Some(format!("fails {name}: {reason}")),
        _ => None,
    });
    match (failures, count.passed.len()) {
        (Some(failure), _) => Cell::Wrong(failure),
        (None, 0) => Cell::CannotTell("no check can tell here".into()),
        (None, n) => Cell::Right(format!("{n} pass{}", count.skipped_note())),
    }
}

fn caught(mutant: &Mutant, unprivileged: bool, report: &Report, count: &Count) -> Cell {
    let intended: BTreeSet<_> = mutant.fails.iter().map(String::as_str).collect();
    let missed: BTreeSet<_> = intended.intersection(&count.passed).copied().collect();
    if !missed.is_empty() {
        return Cell::Wrong(format!("passes {}", list(&missed)));
    }
    let fails: BTreeSet<_> = intended.intersection(&count.failed).copied().collect();
    if fails.is_empty() {
        return Cell::CannotTell(format!("{} cannot tell here", list(&intended)));
    }
    let others: BTreeSet<_> = count.failed.difference(&intended).copied().collect();
    let may_others = match mutant.others {
        Others::Pass => false,
        Others::MayFail => true,
        Others::MayFailUnprivileged => unprivileged,
    };
    if !others.is_empty() && !may_others {
        return Cell::Wrong(format!("fails {}, too", list(&others)));
    }
    let says = |name: &str| matches!(&report[name], Verdict::Fail(reason) if reason.contains(&mutant.says));
    if !fails.iter().any(|name| says(name)) {
        return Cell::Wrong(format!("fails, but does not say {:?}", mutant.says));
    }
    Cell::Right(format!("fails {}{}", list(&fails), count.skipped_note()))
}

fn list(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "matrix_tests.rs"]
mod tests;
