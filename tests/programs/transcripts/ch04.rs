//! The sessions of chapter 4. Those by hand are in a user namespace, so they are the same for root.

use libtest_mimic::Trial;

use super::overlays::{MOUNT, by_hand, by_program};
use crate::support::transcript::Transcript;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch04: [
        stack, copy_up, opaque,
        run, diff, upper, in_use, lower, large, rename, links, descriptor, volume, calls,
        shared, vfs, many, memory,
        no_userxattr, volatile, below,
    ]]
}

// Before our own code: mount(8).

fn stack() -> Outcome {
    skip_unless!(by_hand());
    Transcript::new()
        .in_a_directory()
        .shell("mkdir bottom top merged")
        .shell("echo bottom >bottom/both; echo bottom >bottom/one; echo top >top/both")
        .shell(
            "unshare -rm sh -c '\n  \
             mount -t overlay demo -o lowerdir=top:bottom merged\n  \
             grep . merged/*\n  \
             touch merged/new'",
        )
        .snapshot("ch04-stack");
    done()
}

fn copy_up() -> Outcome {
    skip_unless!(by_hand());
    Transcript::new()
        .in_a_directory()
        .shell("mkdir lower upper work merged; echo one >lower/a; echo two >lower/b")
        .shell(&format!(
            "unshare -rm sh -c '\n  \
             {MOUNT}\n  \
             echo before: $(ls upper)\n  \
             echo more >>merged/a\n  \
             echo after: $(ls upper)\n  \
             rm merged/b\n  \
             echo merged: $(ls merged)'"
        ))
        .shell("cat lower/a upper/a")
        .shell("stat -c '%A %t, %T %n' upper/b")
        .snapshot("ch04-copy-up");
    done()
}

fn opaque() -> Outcome {
    skip_unless!(by_hand());
    skip_unless!(need::tools(&["tar"]));
    Transcript::new()
        .in_a_directory()
        .shell("mkdir -p lower/dir upper work merged; touch lower/dir/old")
        .shell(&format!(
            "unshare -rm sh -c '\n  \
             {MOUNT}\n  \
             rm -r merged/dir\n  \
             mkdir merged/dir\n  \
             ls merged/dir'"
        ))
        .shell(
            "tar -c --xattrs upper | tar -tvv --xattrs | grep -oE 'upper/.*|user.overlay.opaque'",
        )
        .snapshot("ch04-opaque");
    done()
}

// The program.

fn run() -> Outcome {
    skip_unless!(by_program());
    Transcript::new()
        .shell("ch04-overlay sh -c 'echo hello >/note; rm -r /etc; cat /note; ls -d /etc'")
        .shell("ch04-overlay ls -d /etc /note")
        .snapshot("ch04-run");
    done()
}

fn diff() -> Outcome {
    skip_unless!(by_program());
    Transcript::new()
        .shell("ch04-overlay --diff sh -c 'echo more >>/etc/group; rm /etc/passwd; mkdir /new'")
        .snapshot("ch04-diff");
    done()
}

fn upper() -> Outcome {
    skip_unless!(by_program());
    Transcript::new()
        .in_a_directory()
        .shell("ch04-overlay --upper changes true; find changes")
        .shell("ch04-overlay --upper changes sh -c 'echo more >>/etc/group'; find changes")
        .shell("ch04-overlay --upper changes tail -1 /etc/group")
        .snapshot("ch04-upper");
    done()
}

fn in_use() -> Outcome {
    skip_unless!(by_program());
    Transcript::new()
        .in_a_directory()
        .background("ch04-overlay --upper changes", "sleep 1051")
        .shell("ch04-overlay --upper changes true 2>&1 | grep -o 'in use by another container'")
        .snapshot("ch04-in-use");
    done()
}

fn lower() -> Outcome {
    skip_unless!(by_program());
    Transcript::new()
        .in_a_directory()
        .shell("mkdir app tools; echo app >app/who; echo tools >tools/who; touch tools/hammer")
        .shell("ch04-overlay --lower app --lower tools sh -c 'cat /who; ls /hammer /bin/sh'")
        .snapshot("ch04-lower");
    done()
}

fn large() -> Outcome {
    skip_unless!(by_program());
    Transcript::new()
        .in_a_directory()
        .shell("mkdir layer; head -c 64M /dev/zero >layer/disk")
        .shell("ch04-overlay --lower layer --upper one sh -c 'printf x | dd of=/disk conv=notrunc 2>/dev/null'")
        .shell("ch04-overlay --lower layer --upper two chmod 600 /disk")
        .shell("du --threshold=64M */disk | cut -f2")
        .snapshot("ch04-large");
    done()
}

fn rename() -> Outcome {
    skip_unless!(by_program());
    skip_unless!(need::tools(&["strace"]));
    Transcript::new()
        .in_a_directory()
        .shell("mkdir -p layer/dir; touch layer/dir/file layer/file")
        .shell(
            "strace -f -o trace -e trace=/rename ch04-overlay --lower layer --diff mv /dir /moved",
        )
        .shell("grep -o 'EXDEV.*)' trace | head -1")
        .shell("ch04-overlay --lower layer --diff mv /file /moved")
        .snapshot("ch04-rename");
    done()
}

fn links() -> Outcome {
    skip_unless!(by_program());
    Transcript::new()
        .in_a_directory()
        .shell("mkdir layer; echo old >layer/one; ln layer/one layer/two")
        .shell("ch04-overlay --lower layer sh -c 'echo new >/one; cat /one /two'")
        .snapshot("ch04-links");
    done()
}

fn descriptor() -> Outcome {
    skip_unless!(by_program());
    Transcript::new()
        .in_a_directory()
        .shell("mkdir layer; echo old >layer/file")
        .shell("ch04-overlay --lower layer sh -c 'exec 3</file; echo new >/file; cat <&3'")
        .snapshot("ch04-descriptor");
    done()
}

fn volume() -> Outcome {
    skip_unless!(by_program());
    Transcript::new()
        .in_a_directory()
        .shell("mkdir data")
        .shell("ch04-overlay -v data:/data --diff sh -c 'echo a >/data/base; echo b >/scratch'")
        .shell("cat data/base")
        .snapshot("ch04-volume");
    done()
}

// The container from outside.

fn calls() -> Outcome {
    skip_unless!(by_hand());
    skip_unless!(need::tools(&["strace"]));
    Transcript::new()
        .in_a_directory()
        .shell("unshare -r strace -f -s 999 -o trace -e trace=mount ch04-overlay true")
        .shell("grep -o 'mount(\"overlay.*' trace | sed 's|/[^\",]*/overlay/[0-9]*|SCRATCH|g; s|/[^\",]*/rootfs/|rootfs/|'")
        .snapshot("ch04-calls");
    done()
}

/// The pages that a process has in common with others, if there are enough to be a library's.
fn shared() -> Outcome {
    skip_unless!(by_program());
    skip_unless!(need::tools(&["pgrep", "awk"]));
    let look = "awk '/^Shared/ {kb += $2} END {print (kb > 400 ? \"shared\" : \"its own\")}' /proc/$(pgrep -P $!)/smaps_rollup";
    Transcript::new()
        .background("ch04-overlay", "sleep 1052")
        .background("ch04-overlay", "sleep 1053")
        .shell(look)
        .background("ch04-overlay --storage-driver vfs", "sleep 1054")
        .background("ch04-overlay --storage-driver vfs", "sleep 1055")
        .shell(look)
        .snapshot("ch04-shared");
    done()
}

fn vfs() -> Outcome {
    skip_unless!(by_program());
    skip_unless!(need::tools(&["find", "awk"]));
    let count = "awk 'END {print (NR > 100 ? \"more than 100\" : NR)}'";
    Transcript::new()
        .in_a_directory()
        .shell("ch04-overlay --upper changes --diff touch /new")
        .shell("ch04-overlay --upper copy --storage-driver vfs --diff touch /new")
        .shell(&format!("find changes -type f | {count}"))
        .shell(&format!("find copy -type f | {count}"))
        .snapshot("ch04-vfs");
    done()
}

fn many() -> Outcome {
    skip_unless!(by_program());
    skip_unless!(need::tools(&["seq"]));
    Transcript::new()
        .in_a_directory()
        .shell("for n in $(seq 200); do mkdir -p layers/$n; echo $n >layers/$n/number; done")
        .shell("ch04-overlay $(seq -f --lower=layers/%g 200) cat /number")
        .snapshot("ch04-many");
    done()
}

fn memory() -> Outcome {
    skip_unless!(by_hand());
    Transcript::new()
        .in_a_directory()
        .shell("mkdir lower upper work merged")
        .shell(&format!(
            "unshare -rm sh -c '\n  \
             {MOUNT}\n  \
             HULL_ROOT=$PWD/merged ch04-overlay touch /new' 2>&1 | grep -o 'cannot carry.*'"
        ))
        .snapshot("ch04-memory");
    done()
}

// A step left out.

fn no_userxattr() -> Outcome {
    skip_unless!(by_hand());
    Transcript::new()
        .in_a_directory()
        .shell("mkdir -p lower/dir upper work merged; touch lower/dir/old")
        .shell(&format!(
            "unshare -rm sh -c '\n  \
             {}\n  \
             rm -r merged/dir'",
            MOUNT.replace(",userxattr", "")
        ))
        .snapshot("ch04-no-userxattr");
    done()
}

fn volatile() -> Outcome {
    skip_unless!(by_hand());
    let mount = MOUNT.replace("userxattr", "userxattr,volatile");
    Transcript::new()
        .in_a_directory()
        .shell("mkdir lower upper work merged")
        .shell(&format!(
            "unshare -rm sh -c '\n  \
             {mount} && echo mounted\n  \
             umount merged\n  \
             {mount} || echo refused' 2>/dev/null"
        ))
        .snapshot("ch04-volatile");
    done()
}

fn below() -> Outcome {
    skip_unless!(by_hand());
    Transcript::new()
        .in_a_directory()
        .shell("mkdir lower upper work merged")
        .shell(&format!(
            "unshare -rm sh -c '\n  \
             {MOUNT}\n  \
             cat merged/late\n  \
             echo hello >lower/late\n  \
             ls merged\n  \
             cat merged/late'"
        ))
        .snapshot("ch04-below");
    done()
}
