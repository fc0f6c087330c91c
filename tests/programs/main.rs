//! The chapter programs, run from outside and looked at through the kernel.

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod ch01;
mod ch02;
mod ch03;
mod ch03_devices;
mod ch03_disks;
mod ch03_escapes;
mod ch03_group;
mod ch03_nested;
mod ch03_shares;
mod ch04;
mod changes;
mod contract;
mod explain;
mod explain_oracle;
mod explain_views;
mod hull;
mod kernel_files;
mod layers_refused;
mod leaks;
mod readme;
mod refused;
mod signals;
mod terminal;
mod transcripts;
mod volumes;
mod xray;
mod xray_pictures;
mod xray_tools;
mod xray_words;

use std::process::ExitCode;

fn main() -> ExitCode {
    support::need::answer_probe();
    support::signals::as_at_a_terminal();
    // Copied while there is one thread: a program that another thread still
    // holds open for writing cannot be executed (ETXTBSY).
    support::world::World::shared();
    let trials = [
        contract::trials(),
        signals::trials(),
        terminal::trials(),
        ch01::trials(),
        ch02::trials(),
        kernel_files::trials(),
        ch03::trials(),
        ch03_devices::trials(),
        ch03_disks::trials(),
        ch03_escapes::trials(),
        ch03_group::trials(),
        ch03_nested::trials(),
        ch03_shares::trials(),
        ch04::trials(),
        changes::trials(),
        layers_refused::trials(),
        hull::trials(),
        volumes::trials(),
        refused::trials(),
        leaks::trials(),
        explain::trials(),
        explain_oracle::trials(),
        explain_views::trials(),
        readme::trials(),
        transcripts::ch00::trials(),
        transcripts::ch01::trials(),
        transcripts::ch02::trials(),
        transcripts::ch03::trials(),
        transcripts::ch03_group::trials(),
        transcripts::ch04::trials(),
        transcripts::explain::trials(),
        xray::trials(),
        xray_tools::trials(),
        xray_words::trials(),
        xray_pictures::trials(),
        transcripts::xray::trials(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let conclusion = libtest_mimic::run(&libtest_mimic::Arguments::from_args(), trials);
    support::world::World::remove();
    conclusion.exit_code()
}
