//! The sessions of chapter 3. What they print is the same on version 1 and on version 2.

use libtest_mimic::Trial;
use nix::unistd::{AccessFlags, access};

use crate::support::transcript::Transcript;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch03: [
        hands, freeze, controllers, limit, internal, memory, memory_child, pids, cores, quota, bad, left,
        calls, files, pids_files, inside, late, busy,
    ]]
}

/// A group of version 2 can be made: it freezes and kills without any controller.
pub fn version_2() -> Result<(), String> {
    need::root()?;
    need::tools(&["findmnt", "mktemp"])?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mount = mounts
        .lines()
        .find(|line| line.contains(" - cgroup2 "))
        .and_then(|line| line.split(' ').nth(4))
        .ok_or("needs a cgroup2 file system")?;
    access(mount, AccessFlags::W_OK).map_err(|errno| format!("{mount} is not writable: {errno}"))
}

const MAKE: &str = "G=$(mktemp -d -p \"$(findmnt -nfo TARGET -t cgroup2)\" hull-XXXXXX)";

// Before our own code: a directory, and echo.

fn hands() -> Outcome {
    skip_unless!(version_2());
    Transcript::new()
        .shell(&format!(
            "sh -c '\n  \
             {MAKE}\n  \
             sleep 1031 &\n  \
             echo $! >$G/cgroup.procs\n  \
             grep ^0: /proc/$!/cgroup\n  \
             kill $!; wait; rmdir $G'"
        ))
        .snapshot("ch03-hands");
    done()
}

fn freeze() -> Outcome {
    skip_unless!(version_2());
    Transcript::new()
        .shell(&format!(
            "sh -c '\n  \
             {MAKE}\n  \
             sleep 1032 & echo $! >$G/cgroup.procs\n  \
             sleep 1032 & echo $! >$G/cgroup.procs\n  \
             echo 1 >$G/cgroup.freeze\n  \
             until grep -q \"frozen 1\" $G/cgroup.events; do :; done\n  \
             cat $G/cgroup.events\n  \
             echo 1 >$G/cgroup.kill\n  \
             wait $!; echo $?\n  \
             until rmdir $G; do :; done' 2>/dev/null"
        ))
        .snapshot("ch03-freeze");
    done()
}

/// The memory and pids controllers are in version 2: the sessions that write their files by hand.
fn version_2_controls() -> Result<(), String> {
    version_2()?;
    let v2 = |name: &str| Ok::<_, String>(need::controller(name)?.v2);
    if v2("memory")? && v2("pids")? {
        Ok(())
    } else {
        Err("needs a pure cgroup version 2".into())
    }
}

fn controllers() -> Outcome {
    skip_unless!(version_2_controls());
    Transcript::new()
        .shell(&format!(
            "sh -c '\n  \
             {MAKE}\n  \
             echo +pids >$G/../cgroup.subtree_control\n  \
             mkdir $G/below\n  \
             ls $G/below | grep ^pids.max || echo nothing handed down\n  \
             echo +pids >$G/cgroup.subtree_control\n  \
             ls $G/below | grep ^pids.max\n  \
             rmdir $G/below $G'"
        ))
        .snapshot("ch03-controllers");
    done()
}

fn limit() -> Outcome {
    skip_unless!(version_2_controls());
    Transcript::new()
        .shell(&format!(
            "sh -c '\n  \
             {MAKE}\n  \
             echo +memory >$G/../cgroup.subtree_control\n  \
             echo 16M >$G/memory.max\n  \
             cat $G/memory.max\n  \
             echo $$ >$G/cgroup.procs\n  \
             tail /dev/zero\n  \
             echo status $?\n  \
             grep \"oom_kill \" $G/memory.events\n  \
             echo $$ >$G/../cgroup.procs\n  \
             rmdir $G'"
        ))
        .snapshot("ch03-limit");
    done()
}

fn internal() -> Outcome {
    skip_unless!(version_2_controls());
    Transcript::new()
        .shell(&format!(
            "sh -c '\n  \
             {MAKE}\n  \
             echo +memory >$G/../cgroup.subtree_control\n  \
             sleep 1040 & echo $! >$G/cgroup.procs\n  \
             env echo +memory >$G/cgroup.subtree_control\n  \
             kill $!; wait; rmdir $G'"
        ))
        .snapshot("ch03-internal");
    done()
}

// The program.

fn memory() -> Outcome {
    skip_unless!(need::root());
    need_controller!("memory");
    Transcript::new()
        .shell("ch03-cgroups --memory 16M tail /dev/zero")
        .snapshot("ch03-memory");
    done()
}

fn memory_child() -> Outcome {
    skip_unless!(need::root());
    need_controller!("memory");
    Transcript::new()
        .shell("ch03-cgroups --memory 16M sh -c 'tail /dev/zero; echo status $?, and PID $$ goes on' 2>&1 | grep -v ^Killed")
        .snapshot("ch03-memory-child");
    done()
}

fn pids() -> Outcome {
    skip_unless!(need::root());
    need_controller!("pids");
    Transcript::new()
        .shell("ch03-cgroups --pids 2 timeout 9 echo two are enough")
        .shell("ch03-cgroups --pids 1 timeout 9 echo one is not")
        .snapshot("ch03-pids");
    done()
}

fn cores() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["pgrep"]));
    need_controller!("cpuset");
    skip_unless!(need::file("/sys/devices/system/cpu/cpu1"));
    Transcript::new()
        .shell("ch03-cgroups --cpuset 0 nproc")
        .background("ch03-cgroups --cpuset 0", "sleep 1033")
        .shell("grep Cpus_allowed_list /proc/$(pgrep -P $!)/status")
        .background("ch03-cgroups --cpuset 1", "sleep 1034")
        .shell("grep Cpus_allowed_list /proc/$(pgrep -P $!)/status")
        .snapshot("ch03-cores");
    done()
}

fn quota() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["find", "awk"]));
    need_controller!("cpu");
    Transcript::new()
        .background_line("ch03-cgroups --cpus 0.1 yes 1035 >/dev/null", "yes 1035")
        .shell_until(
            "grep -hs nr_throttled $(find /sys/fs/cgroup -path \"*/hull/$!-*/cpu.stat\") | awk '{print $1, ($2 > 9 ? \"10 or more\" : \"few\")}'",
            |output| output.contains("10 or more"),
        )
        .snapshot("ch03-quota");
    done()
}

fn bad() -> Outcome {
    skip_unless!(need::namespaces());
    Transcript::new()
        .shell("ch03-cgroups --memory 64X true 2>&1 | head -1")
        .shell("ch03-cgroups --memory 1M true 2>&1 | head -1")
        .shell("ch03-cgroups --pids 0 true 2>&1 | head -1")
        .shell("ch03-cgroups --cpuset 1-0 true 2>&1 | head -1")
        .snapshot("ch03-bad");
    done()
}

fn left() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["find"]));
    need_controller!("memory");
    let find = "find /sys/fs/cgroup -type d -path \"*/hull/$!-*\" | grep -q . && echo there || echo nothing left";
    Transcript::new()
        .background("ch03-cgroups --init --memory 32M", "sleep 1036")
        .shell(find)
        .shell("kill $!")
        .wait()
        .shell(find)
        .snapshot("ch03-left");
    done()
}

// The container from outside, and from inside.

fn calls() -> Outcome {
    skip_unless!(version_2());
    skip_unless!(need::tools(&["strace"]));
    Transcript::new()
        .in_a_directory()
        .shell("strace -o trace -e signal=none -e trace=mkdir,clone3,rmdir ch03-cgroups true")
        .shell("grep -oE 'mkdir.*hull/[0-9].*|clone3[^}]*}' trace | sed 's|/sys/fs/cgroup/unified|/sys/fs/cgroup|'")
        .snapshot("ch03-calls");
    done()
}

fn files() -> Outcome {
    skip_unless!(version_2_controls());
    skip_unless!(need::tools(&["pgrep"]));
    Transcript::new()
        .background(
            "ch03-cgroups --memory 64M --pids 20 --cpus 0.5",
            "sleep 1041",
        )
        .shell("cd /sys/fs/cgroup/hull/$!-*; head memory.max cpu.max pids.max cgroup.procs")
        .snapshot("ch03-files");
    done()
}

fn pids_files() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["find"]));
    need_controller!("pids");
    Transcript::new()
        .background("ch03-cgroups --pids 20", "sleep 1037")
        .shell("cat $(find /sys/fs/cgroup -path \"*/hull/$!-*/pids.max\")")
        .shell("cat $(find /sys/fs/cgroup -path \"*/hull/$!-*/pids.current\")")
        .shell_with_pids("cat $(find /sys/fs/cgroup -path \"*/hull/$!-*/cgroup.procs\") | sort -u")
        .snapshot("ch03-pids-files");
    done()
}

fn inside() -> Outcome {
    skip_unless!(version_2());
    Transcript::new()
        .shell("ch03-cgroups grep -o '0::.*hull/.*' /proc/self/cgroup | grep -o '/hull/.*'")
        .snapshot("ch03-inside");
    done()
}

// A step left out.

fn late() -> Outcome {
    skip_unless!(version_2());
    skip_unless!(need::tools(&["pgrep"]));
    Transcript::new()
        .shell(&format!(
            "sh -c '\n  \
             {MAKE}\n  \
             sh -c \"sleep 1038 & wait\" &\n  \
             until CHILD=$(pgrep -P $!); do :; done\n  \
             echo $! >$G/cgroup.procs\n  \
             grep -q /hull- /proc/$!/cgroup && echo the shell is in\n  \
             grep -q /hull- /proc/$CHILD/cgroup || echo its child is not\n  \
             kill $! $CHILD; wait; rmdir $G'"
        ))
        .snapshot("ch03-late");
    done()
}

fn busy() -> Outcome {
    skip_unless!(version_2());
    Transcript::new()
        .shell(&format!(
            "sh -c '\n  \
             {MAKE}\n  \
             sleep 1039 & echo $! >$G/cgroup.procs\n  \
             rmdir $G 2>&1 | grep -o \"Device or resource busy\"\n  \
             kill $!; wait\n  \
             test -d $G && echo still there\n  \
             rmdir $G; test -d $G || echo gone'"
        ))
        .snapshot("ch03-busy");
    done()
}
