//! Capabilities, by name.

use std::fs;

use anyhow::Result;
use caps::Capability;
use serde::Serialize;

use crate::table::{Table, commas};
use crate::target::Target;

/// The five sets: capabilities(7).
#[derive(Debug, Serialize)]
pub struct Capabilities {
    /// Those that are checked.
    pub effective: Vec<String>,
    /// Those that may become effective.
    pub permitted: Vec<String>,
    /// Those that survive an exec of a file that inherits them.
    pub inheritable: Vec<String>,
    /// Those that an exec can give at most.
    pub bounding: Vec<String>,
    /// Those that survive any exec without privilege.
    pub ambient: Vec<String>,
    /// How many capabilities the kernel has.
    pub kernel_has: usize,
}

/// Reads them.
pub fn of(target: &Target) -> Result<Capabilities> {
    let status = target.status()?;
    let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap_or_default();
    let last = last.trim().parse().unwrap_or(63);
    let names = |set: u64| {
        (0..=last)
            .filter(|bit| set & (1 << bit) != 0)
            .map(name)
            .collect()
    };
    Ok(Capabilities {
        effective: names(status.capeff),
        permitted: names(status.capprm),
        inheritable: names(status.capinh),
        bounding: names(status.capbnd.unwrap_or(0)),
        ambient: names(status.capamb.unwrap_or(0)),
        kernel_has: last as usize + 1,
    })
}

/// `CAP_CHOWN`; one that is newer than the crate by its number.
fn name(bit: u8) -> String {
    let mut all = caps::all().into_iter();
    all.find(|capability| capability.index() == bit)
        .map_or_else(
            || format!("CAP_{bit}"),
            |capability: Capability| capability.to_string(),
        )
}

/// Adds them to the table. The prefix that all have is left out.
pub fn show(capabilities: &Capabilities, table: &mut Table) {
    let mut rows = vec![("effective", &capabilities.effective)];
    if capabilities.permitted != capabilities.effective {
        rows.push(("permitted", &capabilities.permitted));
    }
    rows.push(("bounding", &capabilities.bounding));
    for (name, set) in [
        ("inheritable", &capabilities.inheritable),
        ("ambient", &capabilities.ambient),
    ] {
        if !set.is_empty() {
            rows.push((name, set));
        }
    }
    for (label, set) in rows {
        table.list(label, words(set, capabilities.kernel_has));
    }
}

/// A set in words.
pub fn words(set: &[String], kernel_has: usize) -> Vec<String> {
    if set.is_empty() {
        return vec!["none".into()];
    }
    if set.len() == kernel_has {
        return vec![format!("all {kernel_has}")];
    }
    if set.len() > kernel_has - 5 {
        let missing = caps::all()
            .into_iter()
            .map(|capability| capability.to_string());
        let missing: Vec<_> = missing.filter(|name| !set.contains(name)).collect();
        let mut words = vec![format!("all {kernel_has} but")];
        words.extend(commas(missing.iter().map(|name| short(name))));
        return words;
    }
    commas(set.iter().map(|name| short(name)))
}

fn short(name: &str) -> &str {
    name.strip_prefix("CAP_").unwrap_or(name)
}
