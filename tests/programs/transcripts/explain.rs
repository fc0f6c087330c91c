//! The sessions of the page on `explain`. Root's, since others need a user namespace besides.

use libtest_mimic::Trial;

use super::overlays::by_program;
use crate::support::transcript::Transcript;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![explain_book: [first, layers, tree, time, compare, shell, traced]]
}

fn first() -> Outcome {
    skip_unless!(need::root());
    Transcript::new()
        .narration("explain ch01-namespaces --hostname box /bin/true")
        .snapshot("explain-ch01");
    done()
}

fn layers() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(by_program());
    Transcript::new()
        .in_a_directory()
        .shell("explain -o told ch04-overlay true")
        .narration(
            "grep -A 1 -E '\"overlay\"|(pivot_root|umount2).\"' told | \
             sed 's|/[^\",]*/overlay/[0-9]*|SCRATCH|g; s|/[^\",]*/rootfs/|rootfs/|; /^--$/d'",
        )
        .snapshot("explain-ch04");
    done()
}

fn tree() -> Outcome {
    skip_unless!(need::root());
    Transcript::new()
        .narration("explain --tree ch01-namespaces --init sh -c 'sh -c true; exit 3'")
        .snapshot("explain-tree");
    done()
}

/// Without the times, which are others every time.
fn time() -> Outcome {
    skip_unless!(need::root());
    Transcript::new()
        .in_a_directory()
        .shell("explain --time -o told ch01-namespaces /bin/true")
        .shell("tail -4 told | cut -c 1-36")
        .snapshot("explain-time");
    done()
}

fn compare() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["unshare"]));
    Transcript::new()
        .in_a_directory()
        .shell("explain -o table --compare 'unshare --pid --uts --ipc --fork true' ch01-namespaces true")
        .shell("grep -A 2 'chapter 1' table")
        .snapshot("explain-compare");
    done()
}

fn shell() -> Outcome {
    Transcript::new()
        .narration("explain /bin/sh -c 'echo 7 >/proc/self/oom_score_adj'")
        .snapshot("explain-shell");
    done()
}

fn traced() -> Outcome {
    Transcript::new()
        .shell_with_pids("explain -o /dev/null explain true")
        .snapshot("explain-traced");
    done()
}
