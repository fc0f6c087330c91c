//! The system-call filter, and no_new_privs.

use anyhow::{Context, Result};
use serde::Serialize;

use crate::sys;
use crate::table::{Table, commas};
use crate::target::Target;

/// seccomp(2).
#[derive(Debug, Serialize)]
pub struct Seccomp {
    /// `disabled`, `strict` or `filter`.
    pub mode: &'static str,
    /// How many filters are asked at each system call; Linux 5.9 counts them.
    pub filters: Option<u32>,
    /// How many instructions each has, the newest first. Looked at only when asked for.
    pub instructions: Option<Vec<usize>>,
    /// Why they could not be counted.
    pub unreadable: Option<String>,
    /// No exec gives it new privileges: PR_SET_NO_NEW_PRIVS(2const).
    pub no_new_privs: bool,
}

/// Reads it; with `count`, the length of the filters too.
pub fn of(target: &Target, count: bool) -> Result<Seccomp> {
    let status = target.status()?;
    let text = target.read("status")?;
    let filters = text
        .lines()
        .find_map(|line| line.strip_prefix("Seccomp_filters:")?.trim().parse().ok());
    let mode = match status.seccomp.context("this kernel has no seccomp")? {
        0 => "disabled",
        1 => "strict",
        _ => "filter",
    };
    let counted =
        (count && mode == "filter").then(|| sys::filter_lengths(target.pid, filters.unwrap_or(1)));
    let (instructions, unreadable) = match counted {
        Some(Ok(lengths)) => (Some(lengths), None),
        Some(Err(error)) => (None, Some(format!("{error:#}"))),
        None => (None, None),
    };
    Ok(Seccomp {
        mode,
        filters,
        instructions,
        unreadable,
        no_new_privs: status.nonewprivs == Some(1),
    })
}

/// Adds it to the table.
pub fn show(seccomp: &Seccomp, table: &mut Table) {
    let filters = match seccomp.filters {
        Some(count) if seccomp.mode == "filter" => format!("filter, {count} in force"),
        _ => seccomp.mode.to_owned(),
    };
    table.list("seccomp", [filters]);
    if let Some(lengths) = &seccomp.instructions {
        table.list("instructions", commas(lengths));
    }
    if let Some(why) = &seccomp.unreadable {
        table.list("instructions", ["not readable:".into(), why.clone()]);
    }
    let on = if seccomp.no_new_privs { "on" } else { "off" };
    table.list("no_new_privs", [on.into()]);
}
