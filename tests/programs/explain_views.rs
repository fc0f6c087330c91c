//! What `explain` prints: the calls, all of them, the tree, the times, two programs side by side.

use libtest_mimic::Trial;

use super::explain::explain;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![explain_views: [
        all_shows_what_is_left_out_otherwise,
        pid_is_told_on_both_sides,
        tree_shows_who_was_born_where,
        time_is_added_up_by_purpose,
        steps_of_two_programs_stand_side_by_side,
    ]]
}

fn all_shows_what_is_left_out_otherwise() -> Outcome {
    let (_, some) = explain(&[], &["true"]);
    let (_, all) = explain(&["--all"], &["true"]);
    for call in ["mmap(", "openat(", "close("] {
        assert!(!some.contains(call), "{some}");
        assert!(all.contains(call), "{all}");
    }
    for call in ["execve(", "exit_group("] {
        assert!(some.contains(call) && all.contains(call), "{some}\n{all}");
    }
    done()
}

fn pid_is_told_on_both_sides() -> Outcome {
    skip_unless!(need::namespaces());
    let nested = ["ch01-namespaces", "ch01-namespaces", "--init", "true"];
    let (run, told) = explain(&[], &nested);
    assert_eq!(run.code, Some(0), "{run:?}");
    let inside = |n: u32| told.lines().any(|line| line.contains(&format!(" ({n}) ")));
    assert!(inside(1) && inside(2), "{told}");
    // The second clone is made inside, and returns the PID there.
    let clones = told.lines().filter(|line| line.contains(" clone3("));
    let results: Vec<_> = clones
        .filter_map(|line| line.rsplit(" = ").next())
        .collect();
    assert_eq!(results[1..], ["2", "2"], "{told}");
    done()
}

fn tree_shows_who_was_born_where() -> Outcome {
    skip_unless!(need::namespaces());
    let (_, tree) = explain(
        &["--tree"],
        &["ch01-namespaces", "--init", "sh", "-c", "exit 3"],
    );
    let lines: Vec<_> = tree.lines().collect();
    assert_eq!(lines.len(), 3, "{tree}");
    assert!(
        lines[0].ends_with("ch01-namespaces --init sh -c exit 3  [status 3]"),
        "{tree}"
    );
    assert!(lines[1].contains("(1)  [born in new "), "{tree}");
    assert!(lines[1].contains("PID, UTS, IPC]"), "{tree}");
    assert!(lines[2].contains("(2)  sh -c exit 3"), "{tree}");
    done()
}

fn time_is_added_up_by_purpose() -> Outcome {
    skip_unless!(need::namespaces());
    let (_, told) = explain(&["--time"], &["ch01-namespaces", "true"]);
    let clone = told.lines().find(|line| line.contains(" clone3("));
    assert!(clone.is_some_and(|line| line.ends_with(" us>")), "{told}");
    let table: Vec<_> = told
        .lines()
        .skip_while(|line| !line.ends_with('%'))
        .collect();
    for words in ["chapter 0: process", "chapter 1: namespaces", "all"] {
        assert!(table.iter().any(|line| line.starts_with(words)), "{told}");
    }
    done()
}

fn steps_of_two_programs_stand_side_by_side() -> Outcome {
    skip_unless!(need::namespaces());
    let other = "ch00-process sh -c 'exit 5'";
    let (run, table) = explain(
        &["--compare", other],
        &["ch01-namespaces", "sh", "-c", "exit 3"],
    );
    assert_eq!(run.code, Some(3), "{run:?}");
    let lines: Vec<_> = table.lines().collect();
    let row = |words: [&str; 2]| {
        lines
            .iter()
            .any(|line| words.iter().all(|word| line.contains(word)))
    };
    assert!(row(["exit_group(3)", "exit_group(5)"]), "{table}");
    assert!(
        row(["prctl(PR_SET_PDEATHSIG", "prctl(PR_SET_PDEATHSIG"]),
        "{table}"
    );
    assert!(lines.contains(&"chapter 1: namespaces"), "{table}");
    done()
}
