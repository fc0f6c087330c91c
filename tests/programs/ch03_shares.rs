//! Chapter 3: swap, reserved memory, and shares of the processors' time.

use libtest_mimic::Trial;

use crate::ch03::{group, read, run, start};
use crate::support::container::Container;
use crate::support::kernel::eventually;
use crate::support::run::assert_fails;
use crate::support::world::World;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![ch03: [
        swap_is_what_is_beyond_memory,
        memory_alone_has_no_swap,
        reserved_memory_is_the_kernels,
        shares_become_a_weight,
        busy_groups_divide_a_processor_by_their_shares,
        limits_that_contradict_each_other_are_refused,
    ]]
}

/// The file of swap in version 2, and that of memory and swap in version 1.
const SWAP: [&str; 2] = ["memory.swap.max", "memory.memsw.limit_in_bytes"];

fn swap_of(flags: &[&str]) -> Result<(bool, String), String> {
    let memory = need::controller("memory")?;
    let container = start(flags);
    let group = group(container.cat(), memory.clone());
    let file = SWAP[usize::from(!memory.v2)];
    need::file(&group.join(file).to_string_lossy())?;
    Ok((memory.v2, read(&group, &memory, file, file)))
}

fn swap_is_what_is_beyond_memory() -> Outcome {
    skip_unless!(need::root());
    let limit = |swap: &str| swap_of(&["--memory", "32M", "--memory-swap", swap]);
    let total = match limit("48M") {
        Ok(total) => total,
        Err(why) => return Ok(libtest_mimic::Completion::ignored_with(why)),
    };
    let expected = if total.0 { 16 << 20 } else { 48 << 20 };
    assert_eq!(total.1, expected.to_string());
    let unlimited = limit("-1")?.1;
    let is_huge = unlimited.parse::<u64>().is_ok_and(|bytes| bytes > 1 << 60);
    assert!(unlimited == "max" || is_huge, "{unlimited}");
    done()
}

fn memory_alone_has_no_swap() -> Outcome {
    skip_unless!(need::root());
    match swap_of(&["--memory", "32M"]) {
        Ok((true, swap)) => assert_eq!(swap, "0"),
        Ok((false, both)) => assert_eq!(both, (32 << 20).to_string()),
        Err(why) => return Ok(libtest_mimic::Completion::ignored_with(why)),
    }
    done()
}

fn reserved_memory_is_the_kernels() -> Outcome {
    skip_unless!(need::root());
    let memory = need_controller!("memory");
    let container = start(&["--memory-reservation", "24M"]);
    let group = group(container.cat(), memory.clone());
    let reserved = read(&group, &memory, "memory.low", "memory.soft_limit_in_bytes");
    assert_eq!(reserved, (24 << 20).to_string());
    done()
}

fn shares_become_a_weight() -> Outcome {
    skip_unless!(need::root());
    let cpu = need_controller!("cpu");
    for (shares, weight) in [
        ("2", "1"),
        ("512", "59"),
        ("1024", "100"),
        ("262144", "10000"),
    ] {
        let container = start(&["--cpu-shares", shares]);
        let group = group(container.cat(), cpu.clone());
        let found = read(&group, &cpu, "cpu.weight", "cpu.shares");
        assert_eq!(found, if cpu.v2 { weight } else { shares });
    }
    done()
}

/// A container that is busy on core 0, and how much time its first process has had, in clock ticks.
fn busy(shares: &str) -> (Container, impl Fn() -> u64) {
    let script = "yes >/dev/null & cat";
    let flags = ["--cpuset", "0", "--cpu-shares", shares, "sh", "-c", script];
    let container = Container::start(World::shared().command("ch03-cgroups").args(flags));
    let mut yes = None;
    // Between fork and exec it is one more sh.
    eventually(|| {
        let mut children = container.first_process().children().into_iter();
        yes = children.find(|process| process.command_line() == "yes");
        yes.is_some()
    });
    let yes = yes.expect("a busy process");
    (container, move || yes.ticks())
}

fn busy_groups_divide_a_processor_by_their_shares() -> Outcome {
    skip_unless!(need::root());
    need_controller!("cpu");
    need_controller!("cpuset");
    let (_large, large) = busy("4096");
    let (_small, small) = busy("256");
    let (large_before, small_before) = (large(), small());
    let mut had = (0, 0);
    eventually(|| {
        had = (large() - large_before, small() - small_before);
        had.0 + had.1 > 80
    });
    // 16 times the shares is 16 times the time, or 11 times on version 2's scale.
    assert!(had.0 > 5 * had.1, "{had:?}");
    done()
}

fn limits_that_contradict_each_other_are_refused() -> Outcome {
    skip_unless!(need::namespaces());
    let cases = [
        (vec!["--memory-swap", "64M"], "--memory"),
        (
            vec!["--memory", "64M", "--memory-swap", "32M"],
            "--memory-swap is memory and swap together",
        ),
        (
            vec!["--memory", "64M", "--memory-swap", "-2"],
            "whole number",
        ),
        (
            vec!["--memory", "32M", "--memory-reservation", "64M"],
            "more than --memory",
        ),
        (vec!["--cpu-shares", "1"], "2 to 262144"),
        (vec!["--cpu-shares", "262145"], "2 to 262144"),
    ];
    for (flags, why) in cases {
        assert_fails(&run(&[&flags[..], &["true"]].concat()), 125, &[why]);
    }
    done()
}
