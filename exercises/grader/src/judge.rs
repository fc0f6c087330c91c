//! Runs an exercise's tests, and believes only a whole report of them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use serde::Deserialize;

use crate::manifest::Exercise;
use crate::scratch::Scratch;

/// Each wait in a check has its own limit. A run of all of them that takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(300);

/// What became of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Fail(String),
    /// It cannot tell here, and why.
    Skip(String),
}

/// By the name of the check.
pub type Report = BTreeMap<String, Verdict>;

/// A line of the file that `witness` writes.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Check {
        check: String,
        result: String,
        reason: String,
    },
    End {
        end: bool,
        left_out: u64,
    },
}

/// Runs the test programs. A check waits at most so many seconds for one step.
///
/// # Errors
/// When one of them did not run to its end, or reported other checks than the
/// manifest has. That is no failed check: it says nothing of the answer.
pub fn judge(
    scratch: &Scratch,
    exercise: &Exercise,
    tests: &[impl AsRef<Path>],
    seconds: u64,
) -> Result<Report> {
    let mut report = Report::new();
    for test in tests {
        let one = run(scratch, exercise, test.as_ref(), seconds)?;
        for (name, result) in one {
            ensure!(
                report.insert(name.clone(), result).is_none(),
                "two tests report the check {name}"
            );
        }
    }
    let missing = exercise
        .checks
        .keys()
        .find(|name| !report.contains_key(*name));
    if let Some(name) = missing {
        bail!("the tests have not run the check {name}");
    }
    let unknown = report
        .keys()
        .find(|name| !exercise.checks.contains_key(*name));
    if let Some(name) = unknown {
        bail!("the tests have run the check {name}, which exercises.toml does not have");
    }
    Ok(report)
}

fn run(scratch: &Scratch, exercise: &Exercise, test: &Path, seconds: u64) -> Result<Report> {
    let results = scratch.run(&format!("{}.results", exercise.id));
    let log = scratch.run(&format!("{}.log", exercise.id));
    if results.exists() {
        fs::remove_file(&results).context("removing the results of the last run")?;
    }
    let output = File::create(&log).with_context(|| format!("making {}", log.display()))?;
    let mut command = Command::new(test);
    command
        .current_dir(scratch.exercise(exercise))
        .env("HULL_EXERCISE_RESULTS", &results)
        .env("HULL_EXERCISE_SECONDS", seconds.to_string())
        .stdin(Stdio::null())
        .stdout(output.try_clone().context("the log")?)
        .stderr(output)
        .process_group(0);
    let status = wait(command).with_context(|| format!("the tests: see {}", log.display()))?;

    let text = fs::read_to_string(&results)
        .with_context(|| format!("no results ({status}): see {}", log.display()))?;
    let report = read(&text).with_context(|| format!("the results: see {}", log.display()))?;
    // libtest's statuses: 0 when nothing failed, 101 when something did.
    let failed = report.values().any(|r| matches!(r, Verdict::Fail(_)));
    let expected = if failed { 101 } else { 0 };
    ensure!(
        status.code() == Some(expected),
        "the tests ended with {status}, which does not fit their results: see {}",
        log.display()
    );
    Ok(report)
}

/// Waits within [`LIMIT`]. Ends what is left of the tests' process group then:
/// a test that crashes leaves the programs that it has started.
fn wait(mut command: Command) -> Result<ExitStatus> {
    let mut child = command.spawn().context("starting them")?;
    let group = Pid::from_raw(child.id() as i32);
    let (sender, receiver) = channel();
    // waitid(2): WNOWAIT sees the end and does not reap, so the number is the group's until the reaping below.
    let end = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    std::thread::spawn(move || sender.send(waitid(Id::Pid(group), end)));
    let in_time = receiver.recv_timeout(LIMIT).is_ok();
    let _ = killpg(group, Signal::SIGKILL);
    let status = child.wait().context("waiting for them")?;
    ensure!(in_time, "they have not ended in {LIMIT:?}");
    if let Some(signal) = status.signal() {
        bail!("they crashed: signal {signal}");
    }
    Ok(status)
}

fn read(text: &str) -> Result<Report> {
    let mut report = Report::new();
    let mut ended = false;
    for line in text.lines() {
        ensure!(!ended, "lines after the end");
        match serde_json::from_str(line).with_context(|| format!("{line:?}"))? {
            Line::Check {
                check,
                result,
                reason,
            } => {
                let result = match result.as_str() {
                    "pass" => Verdict::Pass,
                    "fail" => Verdict::Fail(reason),
                    "skip" => Verdict::Skip(reason),
                    other => bail!("{check}: unknown result {other:?}"),
                };
                ensure!(
                    report.insert(check.clone(), result).is_none(),
                    "{check} is there twice"
                );
            }
            Line::End { end, left_out } => {
                ensure!(end && left_out == 0, "{left_out} checks were left out");
                ended = true;
            }
        }
    }
    ensure!(ended, "they stop before the end");
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASS: &str = r#"{"check":"a","result":"pass","reason":""}"#;
    const END: &str = r#"{"end":true,"left_out":0}"#;

    #[test]
    fn a_whole_report_is_read() {
        let fail = r#"{"check":"b","result":"fail","reason":"line\n\u0022quoted\u0022"}"#;
        let report = read(&format!("{PASS}\n{fail}\n{END}\n")).unwrap();
        assert_eq!(report["a"], Verdict::Pass);
        assert_eq!(report["b"], Verdict::Fail("line\n\"quoted\"".into()));
    }

    #[test]
    fn a_report_without_its_end_is_none() {
        assert!(read(&format!("{PASS}\n")).is_err());
        assert!(read("").is_err());
    }

    #[test]
    fn a_report_with_checks_left_out_is_none() {
        assert!(read(&format!("{PASS}\n{}\n", r#"{"end":true,"left_out":1}"#)).is_err());
    }

    #[test]
    fn a_check_reported_twice_is_an_error() {
        assert!(read(&format!("{PASS}\n{PASS}\n{END}\n")).is_err());
    }

    #[test]
    fn an_unknown_line_is_an_error() {
        assert!(read(&format!("{PASS}\nhello\n{END}\n")).is_err());
    }
}
