//! What does not go into a tree, and what is said of it; and the scripts that do.

use std::path::Path;

use super::{Host, LOADER, assert_files, assert_link};
use crate::elf::Target;
use crate::elf::sample::{Sample, native};
use crate::host::plan::Plan;

#[test]
fn a_tool_that_cannot_be_taken_is_named_with_the_reason() {
    let host = Host::with_shell();
    let foreign = Target {
        machine: 0xfeed,
        ..native()
    };
    host.link("/bin/loop", "pool")
        .link("/bin/pool", "loop")
        .link("/bin/dangling", "nowhere");
    host.file(
        "/bin/foreign",
        Sample {
            target: foreign,
            ..Sample::native()
        }
        .bytes(),
    );
    host.file("/bin/text", "hello")
        .file("/bin/perl-script", "#!/usr/bin/perl -w\n");
    host.file("/home/me/mine", Sample::native().bytes())
        .link("/bin/mine", "/home/me/mine");
    host.program("/bin/lonely", &["gone.so"])
        .program("/bin/borrower", &["mine.so"]);
    host.library("/home/me/mine.so", &[])
        .link("/lib/mine.so", "/home/me/mine.so");
    let plan = host.plan(&[
        "sh",
        "absent",
        "loop",
        "dangling",
        "foreign",
        "text",
        "perl-script",
        "mine",
        "lonely",
        "borrower",
    ]);
    assert_files(&plan, &["/bin/sh"]);
    let expected = [
        "absent",
        "loop",
        "dangling",
        "foreign (/bin/foreign is for ELF machine 65261)",
        "text (/bin/text is neither ELF nor a script)",
        "perl-script (a script for /usr/bin/perl)",
        "mine",
        "lonely (/bin/lonely needs gone.so, not found)",
        "borrower (/home/me/mine.so is in a home directory)",
    ];
    assert_eq!(plan.left_out, expected);
    assert!(
        !plan.has(Path::new("/bin/loop")),
        "nothing of a left-out tool stays"
    );
}

#[test]
fn a_shell_script_brings_its_interpreter() {
    let host = Host::with_shell();
    host.file("/bin/zcat", "#!/bin/dash -e\n")
        .link("/bin/dash", "sh");
    host.file("/usr/bin/tool", "#!/usr/bin/env bash\n")
        .program("/usr/bin/bash", &[]);
    host.file("/usr/bin/env", Sample::native().bytes());
    let plan = host.plan(&["sh", "zcat", "tool"]);
    let files = [
        "/bin/sh",
        "/bin/zcat",
        LOADER,
        "/usr/bin/bash",
        "/usr/bin/env",
        "/usr/bin/tool",
    ];
    assert_files(&plan, &files);
    assert_link(&plan, "/bin/dash", "sh");
}

#[test]
fn without_a_shell_there_is_no_plan() {
    let host = Host::new();
    host.file("/bin/ls", Sample::native().bytes());
    let error = Plan::new(&host.selection(&["sh", "ls"])).unwrap_err();
    assert!(
        error.to_string().contains("no `sh` in /usr/local/sbin:"),
        "{error}"
    );

    host.program("/bin/sh", &["gone.so"]);
    let error = format!("{:#}", Plan::new(&host.selection(&["sh"])).unwrap_err());
    assert_eq!(error, "taking /bin/sh: /bin/sh needs gone.so, not found");
}
