//! The same tools, where different distributions have them.

use super::{Host, LOADER, assert_files, assert_link};
use crate::elf::sample::Sample;
use crate::host::plan::Plan;

#[test]
fn with_usr_merged_the_links_at_the_top_are_kept() {
    let host = Host::new();
    host.link("/bin", "usr/bin")
        .link("/lib64", "usr/lib64")
        .library("/usr/lib64/ld.so.2", &[]);
    host.program("/usr/bin/dash", &["libc.so.6"])
        .link("/usr/bin/sh", "dash");
    host.library("/usr/lib64/libc-2.31.so", &[])
        .link("/usr/lib64/libc.so.6", "libc-2.31.so");
    let plan = host.plan(&["sh"]);
    assert_files(
        &plan,
        &[
            "/usr/bin/dash",
            "/usr/lib64/ld.so.2",
            "/usr/lib64/libc-2.31.so",
        ],
    );
    assert_link(&plan, "/bin", "usr/bin");
    assert_link(&plan, "/lib64", "usr/lib64");
    assert_link(&plan, "/usr/bin/sh", "dash");
    assert_link(&plan, "/usr/lib64/libc.so.6", "libc-2.31.so");
}

#[test]
fn without_usr_merged_bin_stays_a_directory() {
    let host = Host::new();
    host.program("/bin/sh", &["libc.so.6"])
        .library(LOADER, &[])
        .library("/lib/libc.so.6", &[]);
    host.file("/usr/bin/env", Sample::native().bytes());
    let plan = host.plan(&["sh", "env"]);
    assert_files(
        &plan,
        &["/bin/sh", "/lib/libc.so.6", LOADER, "/usr/bin/env"],
    );
}

#[test]
fn on_a_busybox_host_every_tool_is_a_link_to_the_one_file() {
    let host = Host::new();
    let sample = Sample {
        interpreter: Some("/lib/ld-musl-test.so.1"),
        needed: &["libc.musl-test.so.1", "libz.so.1", "libm.so"],
        ..Sample::native()
    };
    host.file("/bin/busybox", sample.bytes())
        .library("/lib/ld-musl-test.so.1", &[]);
    host.link("/lib/libc.musl-test.so.1", "ld-musl-test.so.1");
    // Only the file in /etc says where this one is, and `libm.so` is inside the loader.
    host.library("/opt/lib/libz.so.1", &[])
        .file("/etc/ld-musl-test.path", "/lib\n/opt/lib\n");
    host.link("/bin/sh", "/bin/busybox")
        .link("/usr/bin/env", "/bin/busybox");
    host.link("/bin/ls", "/bin/busybox");
    let plan = host.plan(&["sh", "ls", "env"]);
    assert_eq!(plan.left_out, Vec::<String>::new());
    let files = [
        "/bin/busybox",
        "/etc/ld-musl-test.path",
        "/lib/ld-musl-test.so.1",
        "/opt/lib/libz.so.1",
    ];
    assert_files(&plan, &files);
    for tool in ["/bin/sh", "/bin/ls", "/usr/bin/env"] {
        assert_link(&plan, tool, "/bin/busybox");
    }
}

#[test]
fn on_nixos_tools_from_the_store_have_short_names() {
    let host = Host::new();
    let store = Sample {
        interpreter: Some("/nix/store/g/lib/ld.so.2"),
        needed: &["libc.so.6"],
        ..Sample::native()
    };
    host.library("/nix/store/g/lib/ld.so.2", &[])
        .library("/nix/store/g/lib/libc.so.6", &[]);
    host.file("/nix/store/b/bin/bash", store.bytes())
        .link("/nix/store/b/bin/sh", "bash");
    host.link("/bin/sh", "/nix/store/b/bin/sh");
    host.file("/nix/store/c/bin/coreutils", store.bytes());
    host.link("/nix/store/c/bin/ls", "coreutils")
        .link("/nix/store/p/bin/ls", "../../c/bin/ls");
    host.link("/nix/store/c/bin/env", "coreutils")
        .link("/nix/store/p/bin/env", "../../c/bin/env");
    host.link("/run/current-system/sw", "/nix/store/p");
    let mut selection = host.selection(&["sh", "env", "ls", "bash"]);
    selection.path.push("/run/current-system/sw/bin".into());
    let plan = Plan::new(&selection).unwrap();
    assert_eq!(plan.left_out, ["bash"]);
    // Not by way of /run, where a container may mount a file system of its own.
    assert_link(&plan, "/usr/bin/env", "/nix/store/p/bin/env");
    assert_link(&plan, "/usr/bin/ls", "/nix/store/p/bin/ls");
    assert_link(&plan, "/bin/sh", "/nix/store/b/bin/sh");
    let files = [
        "/nix/store/b/bin/bash",
        "/nix/store/c/bin/coreutils",
        "/nix/store/g/lib/ld.so.2",
        "/nix/store/g/lib/libc.so.6",
    ];
    assert_files(&plan, &files);
}
