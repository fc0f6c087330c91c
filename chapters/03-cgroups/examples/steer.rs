//! Run a command in a group, and do to the group what each line of the input says.
//!
//! `cargo run -p cgroups --example steer -- --pids 20 sleep 60`, and then type
//! `freeze`, `thaw`, `usage`, `pressure`, `events`, `update --pids 30` or `kill`.

use std::ffi::OsString;
use std::io::stdin;
use std::process::ExitCode;

use anyhow::{Result, bail};
use cgroups::{Cgroup, Events, Limits, Share, Stall, Usage};
use clap::Parser;
use process::{CloneFlags, Program, Status};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    limits: Limits,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<OsString>,
}

/// What follows `update`.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Update {
    #[command(flatten)]
    limits: Limits,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(status) => status.into(),
        Err(error) => process::fail("steer", &error, &[cgroups::REMEDIES]),
    }
}

fn run(cli: &Cli) -> Result<Status> {
    let program = Program::new(&cli.command)?;
    let (go, wait_for_go) = namespaces::handshake()?;
    let mut cgroup = Cgroup::create(&cli.limits)?;
    let mut child = process::spawn_into(CloneFlags::empty(), cgroup.descriptor(), |_parent| {
        wait_for_go.wait()?;
        cgroup.join()?;
        program.exec()
    })?;
    cgroup.add(child.pid(), child.in_cgroup())?;
    go.go()?;
    child.started()?;

    for line in stdin().lines() {
        let line = line?;
        if let Err(error) = obey(&mut cgroup, &line) {
            println!("{line}: {error:#}");
        }
    }
    cgroup.kill()?;
    let status = child.wait()?;
    cgroup.remove()?;
    Ok(status)
}

fn obey(cgroup: &mut Cgroup, line: &str) -> Result<()> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "freeze" => cgroup.freeze(),
        "thaw" => cgroup.thaw(),
        "kill" => cgroup.kill(),
        "update" => cgroup.update(&Update::try_parse_from(rest.split_whitespace())?.limits),
        "events" => {
            say_events(&cgroup.events());
            Ok(())
        }
        "usage" => {
            say_usage(&cgroup.usage());
            Ok(())
        }
        "pressure" => {
            let pressure = cgroup.pressure();
            say_stall("cpu", pressure.cpu);
            say_stall("memory", pressure.memory);
            say_stall("io", pressure.io);
            Ok(())
        }
        _ => bail!("no such word"),
    }
}

fn say_usage(usage: &Usage) {
    if let Some(memory) = usage.memory {
        let of = |bytes: Option<cgroups::Bytes>| bytes.map_or("unknown".into(), |b| b.to_string());
        println!(
            "memory {}, peak {}, swap {}",
            memory.current,
            of(memory.peak),
            of(memory.swap)
        );
    }
    if let Some(cpu) = usage.cpu {
        println!(
            "processors {} us: user {} us, system {} us, throttled {} us",
            cpu.total.as_micros(),
            cpu.user.as_micros(),
            cpu.system.as_micros(),
            cpu.throttled.as_micros()
        );
    }
    if let Some(pids) = usage.pids {
        println!("processes {pids}");
    }
    for disk in &usage.disks {
        println!(
            "disk {}: read {} in {}, wrote {} in {}",
            disk.disk, disk.read_bytes, disk.reads, disk.written_bytes, disk.writes
        );
    }
}

fn say_events(events: &Events) {
    let count = |count: Option<u64>| count.map_or("not counted".into(), |count| count.to_string());
    println!("populated: {}, frozen: {}", events.populated, events.frozen);
    println!(
        "limits hit: memory {}, pids {}; oom kills {}",
        count(events.memory_limit_hit),
        count(events.pids_limit_hit),
        count(events.oom_kills)
    );
}

fn say_stall(what: &str, stall: Option<Stall>) {
    let share = |share: Share| format!("{} %", share.last_10_seconds);
    match stall {
        None => println!("{what}: not counted here"),
        Some(stall) => println!(
            "{what}: some waited {} of the time, all {}",
            share(stall.some),
            stall.full.map_or("unknown".into(), share)
        ),
    }
}
