//! Which library a loader would take.

use std::path::Path;

use super::{Host, LOADER, assert_files};
use crate::elf::Target;
use crate::elf::sample::{Sample, native};
use crate::machine;

#[test]
fn rpath_counts_for_the_libraries_of_libraries_and_runpath_does_not() {
    let host = Host::with_shell();
    let program = |rpath, runpath| {
        let sample = Sample {
            interpreter: Some(LOADER),
            needed: &["one.so"],
            ..Sample::native()
        };
        Sample {
            rpath,
            runpath,
            ..sample
        }
        .bytes()
    };
    host.file("/usr/bin/with-rpath", program(Some("$ORIGIN/../own"), None));
    host.file(
        "/usr/bin/with-runpath",
        program(None, Some("${ORIGIN}/../own")),
    );
    host.library("/usr/own/one.so", &["two.so"])
        .library("/usr/own/two.so", &[]);
    let plan = host.plan(&["sh", "with-rpath", "with-runpath"]);
    assert!(plan.has(Path::new("/usr/own/two.so")));
    assert_eq!(
        plan.left_out,
        ["with-runpath (/usr/bin/../own/one.so needs two.so, not found)"]
    );
}

#[test]
fn the_directories_of_ld_so_conf_are_searched_with_its_includes() {
    let host = Host::with_shell();
    host.file(
        "/etc/ld.so.conf",
        "# first\ninclude ld.so.conf.d/*.conf\n/last\n",
    );
    host.file("/etc/ld.so.conf.d/b.conf", "/b\n")
        .file("/etc/ld.so.conf.d/a.conf", "/a # yes\n");
    host.file("/etc/ld.so.conf.d/ignored", "/ignored\n")
        .file("/etc/ld.so.cache", "cache");
    host.library("/b/x.so", &[])
        .library("/a/x.so", &[])
        .library("/last/y.so", &[]);
    host.program("/bin/tool", &["x.so", "y.so"])
        .program("/bin/sh", &[]);
    host.library("/ignored/z.so", &[])
        .program("/bin/other", &["z.so"]);
    let plan = host.plan(&["sh", "tool", "other"]);
    let files = [
        "/a/x.so",
        "/bin/sh",
        "/bin/tool",
        "/etc/ld.so.cache",
        "/last/y.so",
        "/lib64/ld.so.2",
    ];
    assert_files(&plan, &files);
    assert_eq!(plan.left_out, ["other (/bin/other needs z.so, not found)"]);
}

#[test]
fn a_library_of_another_class_or_machine_is_passed_over() {
    let host = Host::with_shell();
    let wrong_class = Target {
        is_64: !native().is_64,
        ..native()
    };
    let wrong_machine = Target {
        machine: native().machine + 1,
        ..native()
    };
    host.file("/etc/ld.so.conf", "/one\n/two\n/three\n");
    host.file(
        "/one/x.so",
        Sample {
            target: wrong_class,
            ..Sample::native()
        }
        .bytes(),
    );
    host.file(
        "/two/x.so",
        Sample {
            target: wrong_machine,
            ..Sample::native()
        }
        .bytes(),
    );
    host.library("/three/x.so", &[])
        .program("/bin/tool", &["x.so"]);
    assert_files(
        &host.plan(&["sh", "tool"]),
        &["/bin/sh", "/bin/tool", LOADER, "/three/x.so"],
    );
}

#[test]
fn the_directory_of_the_machine_is_searched_with_no_configuration() {
    let host = Host::with_shell();
    let multiarch = machine::multiarch_directory(&native()).expect("this machine has a name");
    let library = format!("/usr/lib/{multiarch}/x.so");
    host.library(&library, &[]).program("/bin/tool", &["x.so"]);
    assert!(host.plan(&["sh", "tool"]).has(Path::new(&library)));
}

#[test]
fn what_an_older_glibc_opens_later_comes_with_its_own_libraries() {
    let host = Host::with_shell();
    host.program("/bin/sh", &[]);
    host.library("/lib/libnss_files.so.2", &[])
        .library("/lib/libnss_dns.so.2", &["resolv.so"]);
    host.library("/lib/resolv.so", &[]);
    let files = [
        "/bin/sh",
        "/lib/libnss_dns.so.2",
        "/lib/libnss_files.so.2",
        "/lib/resolv.so",
        LOADER,
    ];
    assert_files(&host.plan(&["sh"]), &files);
}

#[test]
fn libraries_that_name_each_other_come_to_an_end() {
    let host = Host::with_shell();
    let library = |needed, rpath| {
        let rpath = Some(rpath);
        Sample {
            needed,
            rpath,
            ..Sample::native()
        }
        .bytes()
    };
    host.file("/one/one.so", library(&["two.so"], "/two"));
    host.file("/two/two.so", library(&["one.so"], "/one"));
    let tool = Sample {
        interpreter: Some(LOADER),
        needed: &["one.so"],
        ..Sample::native()
    };
    host.file(
        "/bin/tool",
        Sample {
            rpath: Some("/one"),
            ..tool
        }
        .bytes(),
    );
    let files = ["/bin/sh", "/bin/tool", LOADER, "/one/one.so", "/two/two.so"];
    assert_files(&host.plan(&["sh", "tool"]), &files);
}
