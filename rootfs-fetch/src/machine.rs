//! Names for the machines that ELF files are for, and which of them this one can run.

use object::elf;

use crate::elf::Target;

struct Machine {
    /// `e_machine`.
    number: u16,
    /// As `uname -m` says it.
    name: &'static str,
    /// Rust's name for it, in `std::env::consts::ARCH`.
    rust: &'static str,
    /// Machines of one family run on the same kernel: an x86-64 one runs programs for the i386.
    family: &'static str,
}

const fn machine(
    number: elf::Machine,
    name: &'static str,
    rust: &'static str,
    family: &'static str,
) -> Machine {
    Machine {
        number: number.0,
        name,
        rust,
        family,
    }
}

const MACHINES: &[Machine] = &[
    machine(elf::EM_X86_64, "x86_64", "x86_64", "x86"),
    machine(elf::EM_386, "i386", "x86", "x86"),
    machine(elf::EM_AARCH64, "aarch64", "aarch64", "arm"),
    machine(elf::EM_ARM, "arm", "arm", "arm"),
    machine(elf::EM_RISCV, "riscv", "riscv64", "riscv"),
    machine(elf::EM_RISCV, "riscv", "riscv32", "riscv"),
    machine(elf::EM_PPC64, "ppc64", "powerpc64", "powerpc"),
    machine(elf::EM_PPC, "ppc", "powerpc", "powerpc"),
    machine(elf::EM_S390, "s390x", "s390x", "s390"),
    machine(elf::EM_LOONGARCH, "loongarch", "loongarch64", "loongarch"),
    machine(elf::EM_MIPS, "mips", "mips", "mips"),
    machine(elf::EM_MIPS, "mips", "mips64", "mips"),
    machine(elf::EM_SPARCV9, "sparc64", "sparc64", "sparc"),
    machine(elf::EM_SPARC, "sparc", "sparc", "sparc"),
    machine(elf::EM_68K, "m68k", "m68k", "m68k"),
];

/// The name of the machine a file is for, such as `aarch64`, or `ELF machine 243` where this
/// table has none.
pub fn name(target: &Target) -> String {
    match MACHINES
        .iter()
        .find(|machine| machine.number == target.machine)
    {
        Some(machine) => machine.name.to_string(),
        None => format!("ELF machine {}", target.machine),
    }
}

/// The name of the machine that this program was built for.
pub fn name_of_this_one() -> &'static str {
    let rust = std::env::consts::ARCH;
    MACHINES
        .iter()
        .find(|machine| machine.rust == rust)
        .map_or(rust, |machine| machine.name)
}

/// Whether this machine's kernel is of the family that runs `target`. An unknown machine is given
/// the benefit of the doubt: execve(2) will tell.
pub fn runs_here(target: &Target) -> bool {
    let rust = std::env::consts::ARCH;
    let Some(here) = MACHINES.iter().find(|machine| machine.rust == rust) else {
        return true;
    };
    let same_family = MACHINES
        .iter()
        .any(|machine| machine.number == target.machine && machine.family == here.family);
    same_family && target.is_big_endian == cfg!(target_endian = "big")
}

/// The directory below `/lib` and `/usr/lib` that Debian's loader for `target` looks in by
/// itself. <https://wiki.debian.org/Multiarch/Tuples>
pub fn multiarch_directory(target: &Target) -> Option<&'static str> {
    let hard_float = target.flags & elf::EF_ARM_ABI_FLOAT_HARD != 0;
    Some(
        match (
            elf::Machine(target.machine),
            target.is_64,
            target.is_big_endian,
        ) {
            (elf::EM_X86_64, true, _) => "x86_64-linux-gnu",
            (elf::EM_X86_64, false, _) => "x86_64-linux-gnux32",
            (elf::EM_386, ..) => "i386-linux-gnu",
            (elf::EM_AARCH64, ..) => "aarch64-linux-gnu",
            (elf::EM_ARM, ..) if hard_float => "arm-linux-gnueabihf",
            (elf::EM_ARM, ..) => "arm-linux-gnueabi",
            (elf::EM_RISCV, true, _) => "riscv64-linux-gnu",
            (elf::EM_RISCV, false, _) => "riscv32-linux-gnu",
            (elf::EM_PPC64, _, true) => "powerpc64-linux-gnu",
            (elf::EM_PPC64, _, false) => "powerpc64le-linux-gnu",
            (elf::EM_PPC, ..) => "powerpc-linux-gnu",
            (elf::EM_S390, true, _) => "s390x-linux-gnu",
            (elf::EM_LOONGARCH, ..) => "loongarch64-linux-gnu",
            (elf::EM_MIPS, true, false) => "mips64el-linux-gnuabi64",
            (elf::EM_MIPS, true, true) => "mips64-linux-gnuabi64",
            (elf::EM_MIPS, false, false) => "mipsel-linux-gnu",
            (elf::EM_MIPS, false, true) => "mips-linux-gnu",
            (elf::EM_SPARCV9, ..) => "sparc64-linux-gnu",
            (elf::EM_68K, ..) => "m68k-linux-gnu",
            _ => return None,
        },
    )
}
