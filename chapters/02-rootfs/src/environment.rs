//! The environment variables that a command starts with.

use std::ffi::{OsStr, OsString};

/// Where programs are, on a root filesystem of any distribution.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A fresh environment. The caller's belongs to the host: its `PATH` and
/// `HOME` name places that are not there inside, and its secrets are not the
/// container's business. `TERM` alone is kept: the terminal is the same.
pub fn environment(hostname: Option<&OsStr>) -> Vec<(OsString, OsString)> {
    let mut variables = vec![
        ("PATH".into(), PATH.into()),
        ("HOME".into(), "/root".into()),
    ];
    if let Some(term) = std::env::var_os("TERM") {
        variables.push(("TERM".into(), term));
    }
    if let Some(name) = hostname {
        variables.push(("HOSTNAME".into(), name.to_owned()));
    }
    variables
}
