//! Blocks of code. Code and output are included from where they are tested, and never typed in.

use crate::includes::INCLUDE;
use crate::none;
use crate::page::{Block, Page};
use crate::repository::{files_ending, read};

/// What a reader is told to type, outside of a tested session.
const COMMANDS: &[&str] = &[
    "cargo build",
    "cargo ch00",
    "cargo ch01",
    "cargo ch02",
    "cargo ch04",
    "cargo build --bins",
    "sudo target/debug/ch03-cgroups --memory 64M",
    "cargo ch01 --hostname box",
    "target/debug/ch02-rootfs",
    "sudo target/debug/ch02-rootfs",
    "cargo test",
    "sudo apt-get install --no-install-recommends qemu-system-x86 e2fsprogs",
    "cargo lab-vm fetch",
    "cargo lab-vm",
    "cargo lab-vm run -- ch02-rootfs id",
    "cargo lab-vm test",
    "cargo build -p rootfs --example chroot_escape",
    "mdbook serve book --open",
    "git diff exercises/ch01-build-namespaces",
    "cargo grade starter ch01-build-namespaces --force",
    "cargo test --manifest-path exercises/Cargo.toml -p ch01-build-namespaces",
    "cargo test --manifest-path exercises/Cargo.toml -p ch01-build-namespaces -- child_waits",
    "cargo run --manifest-path exercises/Cargo.toml -p ch01-build-namespaces --bin ex-ch01-namespaces -- --hostname box sh",
    r#"export PATH="$PWD/target/debug:$PATH""#,
    r#"export PATH="$PWD/target/debug/examples:$PATH""#,
];

fn is_command(line: &str) -> bool {
    COMMANDS.contains(&line.strip_prefix("$ ").unwrap_or(line))
}

fn all_commands(block: &Block) -> bool {
    let mut lines = block.body.lines().filter(|line| !line.is_empty());
    lines.all(is_command) && !block.body.trim().is_empty()
}

#[test]
fn every_block_in_the_book_is_included() {
    let mut problems = Vec::new();
    for page in Page::of_book() {
        for block in page.blocks() {
            let mut lines = block.body.lines();
            let included =
                lines.clone().next().is_some() && lines.all(|line| INCLUDE.is_match(line));
            if !included && !all_commands(&block) {
                problems.push(format!(
                    "{}: {}",
                    page.place(block.line),
                    block.body.trim_end()
                ));
            }
        }
    }
    none(problems);
}

/// Code outside of a block would be set as prose. A picture is no code: drawn into the page, it
/// takes the colours of the page's theme.
#[test]
fn every_include_but_a_picture_stands_in_a_block() {
    let mut problems = Vec::new();
    for page in Page::of_book() {
        let blocks = page.blocks();
        let within: usize = blocks
            .iter()
            .map(|block| includes_of_code(&block.body))
            .sum();
        let all = includes_of_code(&page.text);
        if within != all {
            problems.push(format!(
                "{}: {} of {all} includes stand in no block",
                page.path.display(),
                all - within
            ));
        }
    }
    none(problems);
}

fn includes_of_code(text: &str) -> usize {
    let includes = text
        .lines()
        .filter(|line| INCLUDE.is_match(line.trim()) && !line.contains(".svg"));
    includes.count()
}

/// There nothing can be included: GitHub shows the page as it stands.
#[test]
fn every_block_beside_the_code_is_of_known_commands_or_of_a_tested_session() {
    let sessions: Vec<_> = files_ending("tests/snapshots", ".snap")
        .iter()
        .map(read)
        .collect();
    let mut problems = Vec::new();
    for page in Page::of_repository() {
        for block in page.blocks() {
            let tested = |body: &str| {
                !body.is_empty() && sessions.iter().any(|session| has_lines(session, body))
            };
            if !all_commands(&block) && !tested(block.body.trim_end()) {
                problems.push(format!(
                    "{}: {}",
                    page.place(block.line),
                    block.body.trim_end()
                ));
            }
        }
    }
    none(problems);
}

/// Whether the lines of `part` are lines of `whole`, in a row.
fn has_lines(whole: &str, part: &str) -> bool {
    format!("\n{whole}\n").contains(&format!("\n{part}\n"))
}

#[test]
fn a_part_of_a_line_is_not_a_line() {
    assert!(has_lines("---\n$ a\nb\nc", "$ a\nb"));
    assert!(!has_lines("---\n$ a\nbc", "$ a\nb"));
    assert!(!has_lines("---\n$ a\nb", "a\nb"));
}
