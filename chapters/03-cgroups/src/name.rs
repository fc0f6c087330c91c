//! A group's name says whose it is, so that one whose owner is dead can be told and removed.

use std::fs;
use std::path::Path;

/// The name for a group of this process: its PID, and when it started. A PID is used again, the two together are not.
pub(crate) fn own() -> String {
    let pid = std::process::id();
    format!("{pid}-{}", started(pid).unwrap_or(0))
}

// ANCHOR: orphan
/// Whether the owner of the group of this name has ended. A name that is not ours has no owner that we know of.
pub(crate) fn is_orphan(name: &str) -> bool {
    let parts = name
        .split_once('-')
        .and_then(|(pid, start)| Some((pid.parse().ok()?, start.parse::<u64>().ok()?)));
    parts.is_some_and(|(pid, start): (u32, u64)| started(pid) != Some(start))
}
// ANCHOR_END: orphan

/// proc_pid_stat(5), field 22: clock ticks from boot. The name before it, in parentheses, may have spaces in it.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(19)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_group_whose_owner_is_dead_is_an_orphan() {
        assert!(!is_orphan(&own()));
        assert!(
            is_orphan(&format!("{}-1", std::process::id())),
            "another process had this PID"
        );
        assert!(is_orphan("4194305-77"));
        assert!(!is_orphan("somebody-elses"));
        assert!(!is_orphan("12"));
    }
}
