//! Sets of bits, and numbers, by their names in the kernel's headers.

/// Names of bits, or of numbers.
pub type Names = &'static [(u64, &'static str)];

/// The names of the bits that are set, as C would write them. What has no name stays a number.
pub fn bits(value: u64, names: Names) -> String {
    let mut rest = value;
    let mut words = Vec::new();
    for (bits, name) in names {
        if *bits != 0 && rest & bits == *bits {
            rest &= !bits;
            words.push((*name).to_owned());
        }
    }
    if rest != 0 || words.is_empty() {
        words.push(if rest == 0 {
            "0".into()
        } else {
            format!("{rest:#x}")
        });
    }
    words.join("|")
}

/// The name of a number.
pub fn name(value: u64, names: Names) -> String {
    let found = names.iter().find(|(known, _)| *known == value);
    found.map_or_else(|| value.to_string(), |(_, name)| (*name).to_owned())
}

/// A directory's descriptor, as the calls ending in `at` take it.
pub fn directory(fd: i32) -> String {
    match fd {
        libc::AT_FDCWD => "AT_FDCWD".into(),
        fd => fd.to_string(),
    }
}

/// Words as a sentence has them: `a`, `a and b`, `a, b and c`.
pub fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_without_a_name_are_kept() {
        let names: Names = &[(1, "ONE"), (6, "BOTH"), (2, "TWO")];
        assert_eq!(bits(0, names), "0");
        assert_eq!(bits(7, names), "ONE|BOTH");
        assert_eq!(bits(0x12, names), "TWO|0x10");
        assert_eq!(name(6, names), "BOTH");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }
}
