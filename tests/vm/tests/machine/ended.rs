//! Machines that do not end by themselves, and lab-vm itself when it is ended.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{DONE, LAST_WORDS, Outcome, endless, eventually, processes_with, runner};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::ignorable_test("a_machine_that_hangs_is_ended_with_its_last_words", hangs),
        Trial::ignorable_test("a_machine_whose_first_process_ends_is_told", panics),
        Trial::ignorable_test("a_killed_lab_leaves_no_machine", killed),
        Trial::ignorable_test("an_interrupted_lab_leaves_no_machine", interrupted),
    ]
}

fn hangs() -> Outcome {
    let directory = tempfile::tempdir()?;
    let machine = match endless(directory.path(), Some(Duration::from_secs(20))) {
        Ok(machine) => machine,
        Err(skip) => return Ok(skip),
    };
    let started = Instant::now();
    let error = machine
        .run(&directory.path().join("console.log"))
        .unwrap_err();
    let error = format!("{error:#}");
    assert!(started.elapsed() < Duration::from_secs(30), "{error}");
    assert!(error.contains("did not start the command"), "{error}");
    assert!(error.contains("within 20 s"), "{error}");
    assert!(error.contains(LAST_WORDS), "{error}");
    assert_eq!(processes_with(&path(directory.path())), [0; 0]);
    DONE
}

fn panics() -> Outcome {
    let directory = tempfile::tempdir()?;
    let machine = match endless(directory.path(), Some(Duration::from_secs(60))) {
        Ok(machine) => machine,
        Err(skip) => return Ok(skip),
    };
    lab_vm::initramfs::write(&machine.initramfs, Path::new("/bin/true"), &[])?;
    let error = machine.run(&directory.path().join("console.log"));
    let error = format!("{:#}", error.unwrap_err());
    assert!(
        error.contains("ended before it started the command"),
        "{error}"
    );
    assert!(error.contains("Kernel panic"), "{error}");
    DONE
}

fn killed() -> Outcome {
    end_with(Signal::SIGKILL, |lab| Pid::from_raw(lab.id().cast_signed()))
}

/// As Ctrl-C does it: the signal goes to the whole process group.
fn interrupted() -> Outcome {
    end_with(Signal::SIGINT, |lab| Pid::from_raw(-lab.id().cast_signed()))
}

fn end_with(signal: Signal, whom: fn(&Child) -> Pid) -> Outcome {
    let directory = tempfile::tempdir()?;
    if let Err(skip) = endless(directory.path(), None) {
        return Ok(skip);
    }
    let log = directory.path().join("console.log");
    let mut lab = runner(directory.path()).process_group(0).spawn()?;
    let spoke = eventually(|| {
        fs::read_to_string(&log).is_ok_and(|written| written.contains(LAST_WORDS))
            || !matches!(lab.try_wait(), Ok(None))
    });
    let machines = processes_with(&path(directory.path()));
    kill(whom(&lab), signal)?;
    let status = lab.wait()?;
    assert!(spoke && !machines.is_empty(), "no machine ran: {status}");
    let gone = eventually(|| processes_with(&path(directory.path())).is_empty());
    for pid in processes_with(&path(directory.path())) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    assert!(gone, "a machine lives on after {signal}");
    DONE
}

fn path(directory: &Path) -> String {
    directory.to_string_lossy().into_owned()
}
