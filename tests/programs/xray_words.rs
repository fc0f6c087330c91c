//! What `xray` says: its table, its keys, and what is wrong.

use std::process::Command;

use libtest_mimic::Trial;
use nix::unistd::geteuid;
use serde_json::Value;

use crate::support::container::Container;
use crate::support::kernel::eventually;
use crate::support::run::{Run, assert_fails, program, run};
use crate::support::world::World;
use crate::support::{Outcome, done, need};
use crate::xray::container;

pub fn trials() -> Vec<Trial> {
    trials![xray_words: [
        ordinary_user_is_told_what_cannot_be_read,
        bad_input_is_named,
        process_that_ends_meanwhile_is_named,
        table_fits_80_columns,
        every_key_is_documented,
    ]]
}

fn ordinary_user_is_told_what_cannot_be_read() -> Outcome {
    skip_unless!(need::root_and_unprivileged_user());
    let world = World::shared();
    let container = container("ch01-namespaces", &[]);
    let pid = container.first_process().0.to_string();
    let run = run(world.command_as_nobody("xray").arg(&pid));
    assert_eq!(run.code, Some(0), "{run:?}");
    let cause = format!(
        "process {pid} belongs to user 0, and this is user {}",
        need::NOBODY
    );
    assert!(run.out.contains(&cause), "{run:?}");
    assert!(run.out.contains("sudo "), "{run:?}");
    let not_readable = run.out.matches("not readable:").count();
    assert!(not_readable >= 2, "namespaces, descriptors: {run:?}");
    done()
}

fn bad_input_is_named() -> Outcome {
    let fails = |args: &[&str], words: &str| assert_fails(&program("xray", args), 125, &[words]);
    fails(&["0"], "\"0\" is no PID");
    fails(&["cat"], "\"cat\" is no PID");
    fails(&["4194305"], "there is no process 4194305");
    fails(&["--svg", "1", "1"], "--svg draws one process");
    fails(&["--json", "--svg", "1"], "cannot be used with");
    fails(&[], "required");
    done()
}

fn process_that_ends_meanwhile_is_named() -> Outcome {
    let mut ended = Command::new("true").spawn()?;
    let pid = ended.id().to_string();
    let mut last: Option<Run> = None;
    let zombie = eventually(|| {
        let run = program("xray", &[&pid]);
        let said = run.err.contains("has not yet asked for its status");
        last = Some(run);
        said
    });
    ended.wait()?;
    assert!(zombie, "{last:?}");
    // One that ends at some moment of the look: it is whole, or the reason is named.
    for _ in 0..40 {
        let mut short = Command::new("true").spawn()?;
        let run = program("xray", &[&short.id().to_string()]);
        short.wait()?;
        let named = ["has ended", "ended while", "there is no process"];
        let named = named.iter().any(|words| run.err.contains(words));
        assert!(run.code == Some(0) || named, "{run:?}");
    }
    done()
}

fn table_fits_80_columns() -> Outcome {
    skip_unless!(need::namespaces());
    let long = "x".repeat(300);
    let mut command = World::shared().command("ch04-overlay");
    let container = Container::start(command.args(["--hostname", "box", "sh", "-c"]).arg(format!(
        "mkdir /{long:.200}; : {long}; exec 9>/{long:.90}; exec cat"
    )));
    for args in [
        vec![container.runtime().0],
        vec![container.runtime().0, std::process::id()],
    ] {
        let args: Vec<_> = args.iter().map(u32::to_string).collect();
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let run = program("xray", &args);
        let wide = run.out.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None);
        assert_eq!(run.code, Some(0), "{run:?}");
    }
    done()
}

/// Every key of both reports, as `a.b.c`.
fn keys(value: &Value, above: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = if above.is_empty() {
                    key.clone()
                } else {
                    format!("{above}.{key}")
                };
                keys(value, &key, found);
                found.push(key);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(value, above, found)),
        _ => {}
    }
}

fn every_key_is_documented() -> Outcome {
    skip_unless!(need::namespaces());
    let container = container("ch04-overlay", &[]);
    let pid = container.runtime().0.to_string();
    let own = std::process::id().to_string();
    let page = include_str!("../../book/src/xray.md");
    let mut found = Vec::new();
    for args in [vec!["--json", &*pid], vec!["--json", &*pid, &*own]] {
        let run = program("xray", &args);
        keys(
            &serde_json::from_str(&run.out).expect("JSON"),
            "",
            &mut found,
        );
    }
    found.sort();
    found.dedup();
    let missing: Vec<_> = found
        .iter()
        .filter(|key| !page.contains(&format!("`{}`", key.rsplit('.').next().unwrap_or(key))))
        .collect();
    assert!(missing.is_empty(), "book/src/xray.md has no {missing:?}");
    assert!(found.len() > 50, "as {}: {found:?}", geteuid());
    done()
}
