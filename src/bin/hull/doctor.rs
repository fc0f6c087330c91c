//! `hull doctor`: what this machine can do, found out by trying.

use std::io::IsTerminal;

use anyhow::Result;
use colored::Colorize;
use process::Status;
use serde_json::{Value, json};

use crate::REMEDIES;
use crate::probe::{self, PROBES, Probe};

/// The flags of `hull doctor`.
#[derive(clap::Args)]
pub struct Flags {
    /// Print JSON: an object with "machine" and "checks"
    #[arg(long)]
    json: bool,
}

/// What came of one probe.
struct Finding {
    probe: &'static Probe,
    /// What there is, or why it failed.
    result: Result<String>,
}

/// Tries everything. The status is 1 when something fails that a chapter cannot do without.
pub fn run(flags: &Flags) -> Result<Status> {
    let machine = probe::machine()?;
    let findings: Vec<_> = PROBES
        .iter()
        .map(|probe| Finding {
            probe,
            result: (probe.attempt)(),
        })
        .collect();
    if flags.json {
        println!("{:#}", as_json(&machine, &findings));
    } else {
        print(&machine, &findings);
    }
    let lacking = |found: &Finding| found.probe.essential && found.result.is_err();
    Ok(Status::Exited(findings.iter().any(lacking).into()))
}

fn print(machine: &[(&str, String)], findings: &[Finding]) {
    colored::control::set_override(
        std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    );
    for (name, value) in machine {
        println!("{name:18} {value}");
    }
    println!();
    for Finding { probe, result } in findings {
        match result {
            Ok(detail) => println!("{:6} {:18} {detail}", "ok".green(), probe.name),
            Err(error) => {
                println!(
                    "{:6} {:18} {}",
                    "no".red().bold(),
                    probe.name,
                    probe.affects
                );
                println!("{:26}{error:#}", "");
                for advice in process::advice(error, REMEDIES) {
                    println!("{:26}{} {advice}", "", "help:".green().bold());
                }
            }
        }
    }
}

fn as_json(machine: &[(&str, String)], findings: &[Finding]) -> Value {
    let machine: serde_json::Map<_, _> = machine
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value)))
        .collect();
    let checks: Vec<_> = findings
        .iter()
        .map(|Finding { probe, result }| {
            let error = result.as_ref().err();
            json!({
                "name": probe.name,
                "ok": result.is_ok(),
                "essential": probe.essential,
                "affects": probe.affects,
                "detail": result.as_ref().ok(),
                "error": error.map(|error| format!("{error:#}")),
                "help": error.map(|error| process::advice(error, REMEDIES)).unwrap_or_default(),
            })
        })
        .collect();
    json!({ "machine": machine, "checks": checks })
}
