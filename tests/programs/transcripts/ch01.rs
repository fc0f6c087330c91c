//! The sessions of chapter 1.

use libtest_mimic::Trial;

use crate::support::transcript::Transcript;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch01: [
        kinds, unshare_uts, unshare_pid, unshare_ipc, lsns,
        run, pid_1, nested, ipc, same_and_different, strace,
        unprivileged, forbidden,
        kill_pid_1, term, immune, init, zombie, init_reaps,
        no_fork, no_map, host_processes,
    ]]
}

fn kinds() -> Outcome {
    Transcript::new()
        .shell("ls /proc/self/ns")
        .snapshot("ch01-kinds");
    done()
}

fn unshare_uts() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["unshare", "hostname"]));
    Transcript::new()
        .shell("readlink /proc/self/ns/uts")
        .shell("unshare -r --uts sh -c 'readlink /proc/self/ns/uts; hostname box; uname -n'")
        .shell("uname -n")
        .snapshot("ch01-unshare-uts");
    done()
}

fn unshare_pid() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["unshare"]));
    Transcript::new()
        .shell("unshare -r --pid --fork sh -c 'echo $$'")
        .snapshot("ch01-unshare-pid");
    done()
}

fn unshare_ipc() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["unshare", "ipcmk", "ipcs"]));
    Transcript::new()
        .shell("unshare -r --ipc sh -c 'ipcmk -Q; ipcs -q | grep -c ^0x'")
        .shell("unshare -r --ipc sh -c 'ipcs -q | grep -c ^0x; exit 0'")
        .snapshot("ch01-unshare-ipc");
    done()
}

fn lsns() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["unshare", "lsns", "pgrep"]));
    Transcript::new()
        .background(
            "unshare -r --pid --uts --ipc --fork --kill-child",
            "sleep 1002",
        )
        .shell("lsns -p $(pgrep -P $!) -o NS,TYPE,NPROCS | grep -E 'TYPE|pid|uts|ipc'")
        .snapshot("ch01-lsns");
    done()
}

fn run() -> Outcome {
    skip_unless!(need::namespaces());
    Transcript::new()
        .shell("ch01-namespaces --hostname box sh -c 'echo \"PID $$ on $(uname -n)\"'")
        .snapshot("ch01-run");
    done()
}

fn pid_1() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["pgrep", "ps"]));
    Transcript::new()
        .background("ch01-namespaces --hostname box", "sleep 1001")
        .shell("ps -o ppid,pid,comm --ppid $!")
        .shell("grep NSpid /proc/$(pgrep -P $!)/status")
        .snapshot("ch01-pid-1");
    done()
}

fn nested() -> Outcome {
    skip_unless!(need::namespaces());
    Transcript::new()
        .shell_with_pids("ch01-namespaces ch01-namespaces grep NSpid /proc/self/status")
        .snapshot("ch01-nested");
    done()
}

fn ipc() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["ipcmk", "ipcs"]));
    Transcript::new()
        .shell("ch01-namespaces sh -c 'ipcmk -Q; ch01-namespaces ipcs -q | grep -c ^0x; ipcs -q | grep -c ^0x'")
        .snapshot("ch01-ipc");
    done()
}

/// Without the user namespace, which only those have who are not root.
fn same_and_different() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["pgrep", "paste"]));
    Transcript::new()
        .background("ch01-namespaces", "sleep 1003")
        .shell("for kind in pid uts ipc mnt net cgroup time; do readlink /proc/self/ns/$kind /proc/$(pgrep -P $!)/ns/$kind | paste - -; done")
        .snapshot("ch01-same-and-different");
    done()
}

fn strace() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["strace"]));
    Transcript::new()
        .shell_with_pids("strace -qq -e signal=none -e trace=clone3,wait4 ch01-namespaces true 2>&1 | sed 's/, stack=.*)/, …)/'")
        .snapshot("ch01-strace");
    done()
}

fn unprivileged() -> Outcome {
    if need::root().is_ok() {
        skip_unless!(need::root_and_unprivileged_user());
    }
    skip_unless!(need::namespaces());
    Transcript::new()
        .unprivileged()
        .shell("id -u")
        .shell("ch01-namespaces sh -c 'id -u; cat /proc/self/uid_map; touch /etc/mine'")
        .snapshot("ch01-unprivileged");
    done()
}

/// As on a machine that forbids user namespaces: here by a limit of zero that
/// holds in one user namespace alone.
fn forbidden() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["unshare", "setpriv"]));
    Transcript::new()
        .shell("unshare -r sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; setpriv --bounding-set=-sys_admin ch01-namespaces true'")
        .snapshot("ch01-forbidden");
    done()
}

fn kill_pid_1() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["pgrep"]));
    Transcript::new()
        .background_line("ch01-namespaces sh -c 'sleep 1004 & wait'", "sleep 1004")
        .shell("kill -KILL $(pgrep -P $!)")
        .wait()
        .shell("pgrep -xf 'sleep 1004' || echo none left")
        .snapshot("ch01-kill-pid-1");
    done()
}

fn term() -> Outcome {
    skip_unless!(need::namespaces());
    Transcript::new()
        .background("ch01-namespaces", "sleep 1005")
        .shell("kill -TERM $!")
        .says()
        .shell("kill -TERM $!")
        .says()
        .wait()
        .snapshot("ch01-term");
    done()
}

fn immune() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["unshare"]));
    Transcript::new()
        .shell("sh -c 'kill -TERM $$; echo still here'; echo $?")
        .shell("unshare -r --pid --fork sh -c 'kill -TERM $$; kill -KILL $$; echo still here'; echo $?")
        .snapshot("ch01-immune");
    done()
}

fn init() -> Outcome {
    skip_unless!(need::namespaces());
    Transcript::new()
        .shell("ch01-namespaces --init sh -c 'echo $$'")
        .background("ch01-namespaces --init", "sleep 1006")
        .shell("kill -TERM $!")
        .wait()
        .snapshot("ch01-init");
    done()
}

fn zombie() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["pgrep", "ps"]));
    Transcript::new()
        .background_line(
            "ch01-namespaces sh -c '(sleep 1 &); exec sleep 1007'",
            "sleep 1007",
        )
        .shell_until(
            "ps -o ppid,pid,state,comm --ppid $(pgrep -P $!)",
            |output| output.contains("Z "),
        )
        .snapshot("ch01-zombie");
    done()
}

fn init_reaps() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["pgrep", "ps"]));
    Transcript::new()
        .background_line(
            "ch01-namespaces --init sh -c '(sleep 1 &); exec sleep 1008'",
            "sleep 1008",
        )
        .shell_until(
            "ps -o ppid,pid,state,comm --ppid $(pgrep -P $!)",
            |output| output.lines().count() == 2,
        )
        .snapshot("ch01-init-reaps");
    done()
}

fn no_fork() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["unshare", "xargs"]));
    Transcript::new()
        .shell("echo one two | unshare -r --pid xargs -n 1 echo")
        .snapshot("ch01-no-fork");
    done()
}

fn no_map() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["unshare", "hostname"]));
    Transcript::new()
        .shell("unshare --user id -u")
        .shell("unshare --user --uts hostname box 2>/dev/null || echo refused")
        .shell("unshare --user --map-root-user --uts hostname box && echo done")
        .snapshot("ch01-no-map");
    done()
}

/// What chapter 1 does not separate yet.
fn host_processes() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["ps"]));
    Transcript::new()
        .background_line("sleep 1009", "sleep 1009")
        .shell("ch01-namespaces sh -c \"ps -o pid,comm -p $!; kill -0 $! 2>/dev/null || echo out of reach\"")
        .snapshot("ch01-host-processes");
    done()
}
