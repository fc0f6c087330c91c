//! The sessions of chapter 2.

use libtest_mimic::Trial;

use crate::support::transcript::Transcript;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch02: [
        own_mounts, mountinfo, bind, shared_pivot,
        run, read_only, own_rootfs, volume, environment, minimal,
        calls, namespaces, mounts, devices, host_side, ps_outside, ps_inside,
        chroot, pivot_root, leak, old_proc, not_recursive, masked, not_detached,
    ]]
}

// Before our own code: unshare(1) and mount(8).

fn own_mounts() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "mount"]));
    Transcript::new()
        .in_a_directory()
        .shell("mkdir place")
        .shell("unshare -rm sh -c 'mount -t tmpfs demo place; touch place/file; ls place'")
        .shell("ls place")
        .snapshot("ch02-own-mounts");
    done()
}

fn mountinfo() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "mount"]));
    Transcript::new()
        .in_a_directory()
        .shell("mkdir place")
        .shell("unshare -rm sh -c 'mount -t tmpfs demo place; grep /place /proc/self/mountinfo' | cut -d' ' -f4-9")
        .shell("grep /place /proc/self/mountinfo || echo not there")
        .snapshot("ch02-mountinfo");
    done()
}

fn bind() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "mount"]));
    Transcript::new()
        .in_a_directory()
        .shell("mkdir here there; echo hello > here/note")
        .shell("unshare -rm sh -c 'mount --bind here there; cat there/note'")
        .snapshot("ch02-bind");
    done()
}

fn shared_pivot() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "mount", "pivot_root"]));
    Transcript::new()
        .in_a_directory()
        .shell("mkdir -p mine/mnt")
        .shell(
            "unshare -rm sh -c '\n  \
             mount --make-rshared /\n  \
             mount --bind mine mine\n  \
             pivot_root mine mine/mnt' 2>&1 | grep -o 'Invalid argument'",
        )
        .snapshot("ch02-shared-pivot");
    done()
}

// The program.

fn run() -> Outcome {
    skip_unless!(need::namespaces());
    Transcript::new()
        .shell("ch02-rootfs --hostname box sh -c 'echo \"PID $$ on $(uname -n)\"; cat /etc/os-release'")
        .snapshot("ch02-run");
    done()
}

fn read_only() -> Outcome {
    skip_unless!(need::namespaces());
    Transcript::new()
        .shell("ch02-rootfs touch /new 2>&1 | grep -o 'Read-only file system'")
        .shell("ch02-rootfs sh -c 'touch /tmp/new; ls /tmp'")
        .shell("ch02-rootfs ls /tmp")
        .snapshot("ch02-read-only");
    done()
}

fn own_rootfs() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::built("rootfs-fetch"));
    Transcript::new()
        .in_a_directory()
        .shell("rootfs-fetch host --output mine >log 2>&1")
        .shell("ch02-rootfs --rootfs mine sh -c 'echo kept >/note'")
        .shell("cat mine/note")
        .snapshot("ch02-own-rootfs");
    done()
}

fn volume() -> Outcome {
    skip_unless!(need::namespaces());
    Transcript::new()
        .in_a_directory()
        .shell("mkdir shared; echo from the host >shared/question")
        .shell("ch02-rootfs -v shared:/data sh -c 'cat /data/question; echo from inside >/data/answer'")
        .shell("cat shared/answer")
        .shell("ch02-rootfs -v shared:/data:ro touch /data/new 2>&1 | grep -o 'Read-only file system'")
        .snapshot("ch02-volume");
    done()
}

fn environment() -> Outcome {
    skip_unless!(need::namespaces());
    Transcript::new()
        .shell("PASSWORD=secret TERM=xterm ch02-rootfs --hostname box env")
        .snapshot("ch02-environment");
    done()
}

fn minimal() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["ldd"]));
    skip_unless!(need::file("/lib64/ld-linux-x86-64.so.2"));
    Transcript::new()
        .in_a_directory()
        .shell("mkdir -p mine/bin; cp /bin/sh mine/bin")
        .shell("ch02-rootfs --rootfs mine sh")
        .shell("cp --parents $(ldd /bin/sh | grep -o '/[^ ]*') mine")
        .shell(
            "ch02-rootfs --rootfs mine sh -c 'echo \"PID $$, and all there is: $(echo /bin/*)\"'",
        )
        .snapshot("ch02-minimal");
    done()
}

// The container from outside.

fn calls() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["strace"]));
    Transcript::new()
        .in_a_directory()
        .shell("strace -f -o trace -e trace=mount,pivot_root,umount2 ch02-rootfs true")
        .shell("grep -oE 'mount.*MS_PRIVATE.*|pivot_root.*|mount.*\"/proc\".*|umount2.*' trace")
        .snapshot("ch02-calls");
    done()
}

fn devices() -> Outcome {
    skip_unless!(need::namespaces());
    Transcript::new()
        .shell("ch02-rootfs sh -c 'cd /dev; echo *'")
        .snapshot("ch02-devices");
    done()
}

fn namespaces() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["pgrep"]));
    Transcript::new()
        .background("ch02-rootfs", "sleep 1021")
        .shell("readlink /proc/self/ns/mnt /proc/$(pgrep -P $!)/ns/mnt")
        .snapshot("ch02-namespaces");
    done()
}

fn mounts() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["pgrep", "awk"]));
    Transcript::new()
        .background("ch02-rootfs", "sleep 1022")
        .shell("awk '$5 ~ \"^/[a-z]+$\" {print $5, $8, $6}' /proc/$(pgrep -P $!)/mountinfo")
        .shell("grep rootfs/host- /proc/self/mountinfo || echo not in the table of the host")
        .snapshot("ch02-mounts");
    done()
}

fn host_side() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["pgrep"]));
    Transcript::new()
        .background("ch02-rootfs", "sleep 1023")
        .shell("readlink /proc/$(pgrep -P $!)/root")
        .shell("head -1 /proc/$(pgrep -P $!)/root/etc/os-release")
        .snapshot("ch02-host-side");
    done()
}

fn ps_outside() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["ps"]));
    Transcript::new()
        .background("ch02-rootfs", "sleep 1024")
        .shell("ps -eo pid,args | grep -E '^ *PID|sleep 1024$'")
        .snapshot("ch02-ps-outside");
    done()
}

fn ps_inside() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::tools(&["ps"]));
    Transcript::new()
        .shell("ch02-rootfs ps -eo pid,args")
        .snapshot("ch02-ps-inside");
    done()
}

// A step left out.

fn chroot() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::built("chroot_escape"));
    Transcript::new()
        .shell("chroot_escape chroot")
        .snapshot("ch02-chroot");
    done()
}

fn pivot_root() -> Outcome {
    skip_unless!(need::namespaces());
    skip_unless!(need::built("chroot_escape"));
    Transcript::new()
        .shell("chroot_escape pivot_root")
        .snapshot("ch02-pivot-root");
    done()
}

fn leak() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "mount"]));
    let machine = |propagation: &str| {
        format!(
            "unshare -rm sh -c '\n  \
             mount --make-rshared /\n  \
             unshare -m --propagation {propagation} sh -c \"mount -t tmpfs demo place; touch place/file\"\n  \
             ls place'"
        )
    };
    Transcript::new()
        .in_a_directory()
        .shell("mkdir place")
        .shell(&machine("unchanged"))
        .shell(&machine("private"))
        .snapshot("ch02-leak");
    done()
}

fn old_proc() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "ps"]));
    Transcript::new()
        .background("ch02-rootfs", "sleep 1025")
        .shell(
            "unshare -r --pid --fork sh -c 'echo I am PID $$; ps -eo args | grep \"^sleep 1025\"'",
        )
        .shell("ch02-rootfs sh -c 'echo I am PID $$; ps -eo args'")
        .snapshot("ch02-old-proc");
    done()
}

fn not_recursive() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "mount"]));
    Transcript::new()
        .in_a_directory()
        .shell("mkdir -p shared/disk copy")
        .shell(
            "unshare -rm sh -c '\n  \
             mount -t tmpfs demo shared/disk\n  \
             mount --rbind shared copy\n  \
             mount -o remount,bind,ro copy\n  \
             touch copy/new\n  \
             touch copy/disk/new && echo written below\n  \
             ch02-rootfs -v shared:/data:ro touch /data/disk/new'",
        )
        .snapshot("ch02-not-recursive");
    done()
}

fn masked() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare"]));
    Transcript::new()
        .shell("unshare -r --pid --fork --mount-proc cat /proc/interrupts | grep -c CPU0")
        .shell("ch02-rootfs cat /proc/interrupts | wc -c")
        .shell("ch02-rootfs grep ' /proc/sys ' /proc/self/mountinfo | cut -d' ' -f5-6")
        .snapshot("ch02-masked");
    done()
}

fn not_detached() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "mount", "pivot_root"]));
    skip_unless!(need::built("rootfs-fetch"));
    Transcript::new()
        .in_a_directory()
        .shell("echo of the host >secret; rootfs-fetch host --output mine >log 2>&1")
        .shell(
            "SECRET=$PWD/secret unshare -rm --pid --fork sh -c '\n  \
             mount --bind mine mine\n  \
             cd mine; pivot_root . mnt; cd /\n  \
             mount -t proc proc /proc\n  \
             cat /mnt$SECRET\n  \
             umount -l /mnt\n  \
             cat /mnt$SECRET'",
        )
        .snapshot("ch02-not-detached");
    done()
}
