//! The sessions of the page on `xray`. They are an ordinary user's, and so the same for root.

use libtest_mimic::Trial;

use crate::support::transcript::Transcript;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![xray: [sides, mounts, group, rights, two, refused]]
}

/// Sections `from` until `to` of the table, as a reader picks them.
fn part(from: &str, to: &str) -> String {
    format!("xray $! | sed -n '/^{from}/,/{to}/p'")
}

fn sides() -> Outcome {
    skip_unless!(need::user_namespaces());
    Transcript::new()
        .unprivileged()
        .background("ch04-overlay", "sleep 1301")
        .shell("xray $! | sed '/^  group/d; /^MOUNTS/,$d'")
        .snapshot("xray-sides");
    done()
}

fn mounts() -> Outcome {
    skip_unless!(need::user_namespaces());
    Transcript::new()
        .unprivileged()
        .background("ch04-overlay", "sleep 1302")
        .shell("xray $! | grep -A 3 ^MOUNTS")
        .snapshot("xray-mounts");
    done()
}

fn group() -> Outcome {
    skip_unless!(need::root());
    need_controller!("memory");
    need_controller!("pids");
    Transcript::new()
        .background("ch03-cgroups --memory 64M --pids 20", "sleep 1303")
        .shell("xray $! | sed -n '/ USE /p; /^  memory .*MiB/p; /^  processes/p'")
        .snapshot("xray-group");
    done()
}

fn rights() -> Outcome {
    skip_unless!(need::user_namespaces());
    Transcript::new()
        .unprivileged()
        .background("ch02-rootfs", "sleep 1304")
        .shell(&part("CAPABILITIES", "no_new"))
        .snapshot("xray-rights");
    done()
}

fn two() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["pgrep"]));
    Transcript::new()
        .unprivileged()
        .background("ch04-overlay", "sleep 1305")
        .background("ch04-overlay", "sleep 1306")
        .shell("xray $(pgrep -fx 'sleep 1305') $! | sed '/^FILES/,$d'")
        .shell("xray $(pgrep -fx 'sleep 1305') $! | grep 'both have  */'")
        .snapshot("xray-two");
    done()
}

fn refused() -> Outcome {
    skip_unless!(need::root_and_unprivileged_user());
    Transcript::new()
        .unprivileged()
        .shell("xray 1 | grep -A 2 ^NAMESPACES")
        .shell("xray 4194305")
        .snapshot("xray-refused");
    done()
}
