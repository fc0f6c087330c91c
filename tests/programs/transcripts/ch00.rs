//! The sessions of chapter 0.

use libtest_mimic::Trial;

use crate::support::transcript::Transcript;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch00: [
        fork, exec, shell_status, zombie,
        hello, status, not_run, signal, process_group, kernel, strace,
        orphan, no_orphan, descriptor,
    ]]
}

fn fork() -> Outcome {
    skip_unless!(need::tools(&["ps"]));
    Transcript::new()
        .shell("sh -c 'ps -o ppid,pid,comm -p $$ --ppid $$; exit'")
        .snapshot("ch00-fork");
    done()
}

fn exec() -> Outcome {
    Transcript::new()
        .shell_with_pids(
            r#"sh -c 'echo "$$ is a shell"; exec sh -c "echo \$\$ is another program"'"#,
        )
        .snapshot("ch00-exec");
    done()
}

fn shell_status() -> Outcome {
    Transcript::new()
        .shell("sh -c 'exit 3'; echo $?")
        .shell("sh -c 'kill -TERM $$'; echo $?")
        .snapshot("ch00-shell-status");
    done()
}

fn zombie() -> Outcome {
    skip_unless!(need::tools(&["ps"]));
    Transcript::new()
        .background_line("sh -c 'env true & exec sleep 1013'", "sleep 1013")
        .shell_until("ps -o ppid,pid,state,comm --ppid $!", |output| {
            output.contains("Z ")
        })
        .snapshot("ch00-zombie");
    done()
}

fn hello() -> Outcome {
    Transcript::new()
        .shell("ch00-process echo hello")
        .snapshot("ch00-hello");
    done()
}

fn status() -> Outcome {
    Transcript::new()
        .shell("ch00-process sh -c 'exit 3'; echo $?")
        .shell("ch00-process sh -c 'kill -TERM $$'; echo $?")
        .snapshot("ch00-status");
    done()
}

fn not_run() -> Outcome {
    Transcript::new()
        .shell("ch00-process no-such-program; echo $?")
        .shell("ch00-process /etc/passwd; echo $?")
        .shell("ch00-process --no-such-flag 2>/dev/null; echo $?")
        .snapshot("ch00-not-run");
    done()
}

fn signal() -> Outcome {
    Transcript::new()
        .shell("ch00-process sh -c 'trap \"echo asked to end; exit 7\" TERM; kill -TERM $PPID; while :; do sleep 0.1; done'; echo $?")
        .snapshot("ch00-signal");
    done()
}

fn process_group() -> Outcome {
    skip_unless!(need::tools(&["ps"]));
    Transcript::new()
        .shell("ch00-process sh -c 'ps -o pgid,pid,comm -p $PPID,$$'")
        .snapshot("ch00-process-group");
    done()
}

/// The command, and the program that stands in for it, side by side.
fn kernel() -> Outcome {
    skip_unless!(need::tools(&["ps", "pgrep", "paste"]));
    Transcript::new()
        .background("ch00-process", "sleep 1014")
        .shell("ps -o ppid,pid,comm --ppid $!")
        .shell("for kind in pid uts ipc; do readlink /proc/self/ns/$kind /proc/$(pgrep -P $!)/ns/$kind | paste - -; done")
        .snapshot("ch00-kernel");
    done()
}

fn strace() -> Outcome {
    skip_unless!(need::tools(&["strace"]));
    Transcript::new()
        .shell_with_pids("strace -qq -e signal=none -e trace=clone3,wait4 ch00-process true 2>&1 | sed 's/, stack=.*)/, …)/'")
        .snapshot("ch00-strace");
    done()
}

fn orphan() -> Outcome {
    skip_unless!(need::tools(&["pgrep"]));
    Transcript::new()
        .background_line("sh -c 'sleep 1015; exit'", "sleep 1015")
        .shell("kill -KILL $!")
        .shell("pgrep -xf 'sleep 1015'")
        .shell("kill $(pgrep -xf 'sleep 1015')")
        .snapshot("ch00-orphan");
    done()
}

fn no_orphan() -> Outcome {
    skip_unless!(need::tools(&["pgrep"]));
    Transcript::new()
        .background("ch00-process", "sleep 1016")
        .shell("kill -KILL $!")
        .shell_until("pgrep -xf 'sleep 1016' || echo gone", |output| {
            output == "gone\n"
        })
        .snapshot("ch00-no-orphan");
    done()
}

fn descriptor() -> Outcome {
    Transcript::new()
        .shell("readlink /proc/self/fd/9 9</etc/passwd")
        .shell("ch00-process readlink /proc/self/fd/9 9</etc/passwd")
        .snapshot("ch00-descriptor");
    done()
}
