//! What nobody can know before the run.

use std::fs;

/// A word that no submission can have in it: for a host name, an argument, a file's content.
pub fn needle() -> String {
    format!("needle-{:012x}", random() & 0xffff_ffff_ffff)
}

/// A number from `from` up to, and without, `to`.
pub fn number(from: u64, to: u64) -> u64 {
    from + random() % (to - from)
}

/// From the kernel, which makes a new random UUID for every reader: random(4).
fn random() -> u64 {
    let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid").expect("a random number");
    let digits: String = uuid.chars().filter(char::is_ascii_hexdigit).collect();
    // The last twelve digits are all random; a version and a variant are among the others.
    u64::from_str_radix(&digits[20..], 16).expect("hexadecimal digits")
}
