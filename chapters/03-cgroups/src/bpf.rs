//! Devices in version 2: a program of ours, which the kernel runs whenever a
//! process of the group opens or makes a device.
//!
//! The kernel's Documentation/admin-guide/cgroup-v2.rst, "Device controller", and
//! Documentation/bpf/standardization/instruction-set.rst.

use std::os::fd::BorrowedFd;

use anyhow::{Context, Result};

use crate::devices::{Access, DeviceKind, DeviceRule};
use crate::sys::{self, Instruction};

/// Allows the group what one of the rules allows, and nothing else.
///
/// The kernel keeps the program as long as the group is there, and no longer.
///
/// # Errors
/// When bpf(2) fails: EPERM without CAP_SYS_ADMIN in the first user namespace,
/// EINVAL where the kernel was built without such programs.
pub(crate) fn attach(group: BorrowedFd, rules: &[DeviceRule]) -> Result<()> {
    let program = sys::load_device_program(&program(rules))
        .context("loading the program that decides about devices")?;
    Ok(sys::attach_device_program(&program, group)?)
}

// ANCHOR: program
/// The program. The kernel calls it with the address of three numbers in
/// register 1: what is asked for, major, minor. It answers in register 0.
fn program(rules: &[DeviceRule]) -> Vec<Instruction> {
    if rules.iter().any(DeviceRule::is_everything) {
        // The rest would never run, and the kernel refuses a program with such a part.
        return vec![set(ANSWER, 1), exit()];
    }
    let mut program = vec![
        load(KIND, CONTEXT, 0),
        load(MAJOR, CONTEXT, 4),
        load(MINOR, CONTEXT, 8),
        // The first number is two: the kind below, the access above.
        copy(ACCESS, KIND),
        and(KIND, 0xffff),
        shift_right(ACCESS, 16),
    ];
    for rule in rules {
        program.extend(allow(rule));
    }
    program.extend([set(ANSWER, 0), exit()]);
    program
}

/// One rule: a check that fails jumps to the rule that follows.
fn allow(rule: &DeviceRule) -> Vec<Instruction> {
    let not_allowed = EVERY_ACCESS & !bits(rule.access);
    let checks = [
        rule.kind.map(|kind| jump_unless_equal(KIND, number(kind))),
        (not_allowed != 0).then(|| jump_if_any_bit(ACCESS, not_allowed)),
        rule.major.map(|major| jump_unless_equal(MAJOR, major)),
        rule.minor.map(|minor| jump_unless_equal(MINOR, minor)),
    ];
    let mut part: Vec<_> = checks.into_iter().flatten().collect();
    let end = [set(ANSWER, 1), exit()];
    let length = part.len() + end.len();
    for (place, jump) in part.iter_mut().enumerate() {
        // A jump counts from the instruction after it.
        jump.offset = (length - place - 1) as i16;
    }
    part.extend(end);
    part
}
// ANCHOR_END: program

// Registers. The calling convention gives 0 and 1 their meaning, the others are ours.
const ANSWER: u8 = 0;
const CONTEXT: u8 = 1;
const KIND: u8 = 2;
const MAJOR: u8 = 3;
const MINOR: u8 = 4;
const ACCESS: u8 = 5;

// linux/bpf.h: BPF_DEVCG_ACC_MKNOD, BPF_DEVCG_ACC_READ, BPF_DEVCG_ACC_WRITE.
const EVERY_ACCESS: u32 = 0b111;

fn bits(access: Access) -> u32 {
    u32::from(access.mknod) | u32::from(access.read) << 1 | u32::from(access.write) << 2
}

/// linux/bpf.h: BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR.
fn number(kind: DeviceKind) -> u32 {
    match kind {
        DeviceKind::Block => 1,
        DeviceKind::Character => 2,
    }
}

// ANCHOR: instructions
// One instruction is 8 bytes: what to do, with which registers, and two numbers.

fn load(to: u8, address: u8, offset: i16) -> Instruction {
    Instruction::new(0x61, to, address, offset, 0)
}

fn copy(to: u8, from: u8) -> Instruction {
    Instruction::new(0xbf, to, from, 0, 0)
}

fn set(register: u8, number: u32) -> Instruction {
    Instruction::new(0xb7, register, 0, 0, number)
}

fn and(register: u8, number: u32) -> Instruction {
    Instruction::new(0x57, register, 0, 0, number)
}

fn shift_right(register: u8, by: u32) -> Instruction {
    Instruction::new(0x77, register, 0, 0, by)
}

fn jump_unless_equal(register: u8, number: u32) -> Instruction {
    Instruction::new(0x55, register, 0, 0, number)
}

fn jump_if_any_bit(register: u8, bits: u32) -> Instruction {
    Instruction::new(0x45, register, 0, 0, bits)
}

fn exit() -> Instruction {
    Instruction::new(0x95, 0, 0, 0, 0)
}
// ANCHOR_END: instructions

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::DEFAULT;

    /// Runs a program as the kernel would, for what the tests need of it.
    fn run(program: &[Instruction], kind: u32, access: u32, major: u32, minor: u32) -> u64 {
        let context = [access << 16 | kind, major, minor];
        let mut registers = [0_u64; 6];
        let mut next = 0_usize;
        loop {
            let Instruction {
                code,
                offset,
                constant,
                ..
            } = program[next];
            let (to, from) = program[next].registers();
            next += 1;
            let constant = constant as u64;
            match code {
                0x61 => registers[to] = context[offset as usize / 4].into(),
                0xbf => registers[to] = registers[from],
                0xb7 => registers[to] = constant,
                0x57 => registers[to] &= constant,
                0x77 => registers[to] >>= constant,
                0x55 if registers[to] != constant => next += offset as usize,
                0x45 if registers[to] & constant != 0 => next += offset as usize,
                0x55 | 0x45 => {}
                0x95 => return registers[0],
                _ => panic!("instruction {code:#x}"),
            }
        }
    }

    const BLOCK: u32 = 1;
    const CHARACTER: u32 = 2;
    const MKNOD: u32 = 1;
    const READ: u32 = 2;
    const READ_AND_WRITE: u32 = 6;

    #[test]
    fn only_what_a_rule_allows_is_allowed() {
        let program = program(&DEFAULT);
        assert_eq!(program.len(), 60, "as the book says");
        assert_eq!(run(&program, CHARACTER, READ_AND_WRITE, 1, 3), 1, "null");
        assert_eq!(run(&program, CHARACTER, READ_AND_WRITE, 136, 7), 1, "pts");
        assert_eq!(run(&program, BLOCK, MKNOD, 8, 0), 1);
        assert_eq!(run(&program, BLOCK, READ, 8, 0), 0, "a disk");
        assert_eq!(run(&program, BLOCK, MKNOD | READ, 8, 0), 0);
        assert_eq!(run(&program, CHARACTER, READ, 1, 1), 0, "/dev/mem");
        assert_eq!(
            run(&program, BLOCK, READ, 1, 3),
            0,
            "a disk numbered as null"
        );
    }

    #[test]
    fn a_rule_allows_the_accesses_it_names() {
        let program = program(&["b 8:* r".parse().unwrap()]);
        assert_eq!(run(&program, BLOCK, READ, 8, 5), 1);
        assert_eq!(run(&program, BLOCK, READ_AND_WRITE, 8, 5), 0);
        assert_eq!(run(&program, BLOCK, READ, 9, 5), 0);
    }

    #[test]
    fn the_rule_for_everything_allows_everything() {
        let rules = ["c 1:3 r", "a *:* rwm"].map(|rule| rule.parse().unwrap());
        assert_eq!(run(&program(&rules), BLOCK, 7, 8, 0), 1);
    }
}
