//! bpf(2), which neither libc nor nix wraps: all of this crate's `unsafe`.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use process::{SysError, SysResult};

/// One instruction: struct bpf_insn of linux/bpf.h. libc has none.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// What to do.
    pub(crate) code: u8,
    /// Two registers of four bits each.
    registers: u8,
    /// Added to an address, or where a jump goes.
    pub(crate) offset: i16,
    /// A number of the instruction's own.
    pub(crate) constant: u32,
}

impl Instruction {
    pub(crate) fn new(code: u8, to: u8, from: u8, offset: i16, constant: u32) -> Self {
        // The order of bit fields is that of the bytes.
        let registers = if cfg!(target_endian = "little") {
            from << 4 | to
        } else {
            to << 4 | from
        };
        Self {
            code,
            registers,
            offset,
            constant,
        }
    }

    /// Where the result goes, and where the value comes from.
    #[cfg(test)]
    pub(crate) fn registers(self) -> (usize, usize) {
        let (low, high) = (self.registers & 0xf, self.registers >> 4);
        let (to, from) = if cfg!(target_endian = "little") {
            (low, high)
        } else {
            (high, low)
        };
        (to.into(), from.into())
    }
}

// Values of linux/bpf.h, in the order in which they appear below.
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const BPF_PROG_ATTACH: libc::c_long = 8;
const BPF_CGROUP_DEVICE: u32 = 6;
const BPF_F_ALLOW_MULTI: u32 = 2;

/// The first fields of union bpf_attr, for BPF_PROG_LOAD. The kernel takes those missing for 0.
#[repr(C)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
}

/// union bpf_attr for BPF_PROG_ATTACH.
#[repr(C)]
struct Attach {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
}

/// Loads a program that decides about devices. The kernel verifies that it ends.
// ANCHOR: load
pub(crate) fn load_device_program(program: &[Instruction]) -> Result<OwnedFd, SysError> {
    let attr = Load {
        prog_type: BPF_PROG_TYPE_CGROUP_DEVICE,
        insn_cnt: program.len() as u32,
        insns: program.as_ptr() as u64,
        license: c"Dual MIT/GPL".as_ptr() as u64,
    };
    // SAFETY: `attr` has the layout that the kernel reads for this command, and
    // it, the instructions and the string live through the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_PROG_LOAD,
            &raw const attr,
            size_of::<Load>(),
        )
    };
    let fd = Errno::result(fd).syscall("bpf", || {
        "BPF_PROG_LOAD, BPF_PROG_TYPE_CGROUP_DEVICE".into()
    })?;
    // SAFETY: the kernel has just made this descriptor, close-on-exec, and gave it to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}
// ANCHOR_END: load

/// Has the kernel ask the program about the processes of a group.
// ANCHOR: attach_program
pub(crate) fn attach_device_program(program: &OwnedFd, group: BorrowedFd) -> Result<(), SysError> {
    let attr = Attach {
        target_fd: group.as_raw_fd() as u32,
        attach_bpf_fd: program.as_raw_fd() as u32,
        attach_type: BPF_CGROUP_DEVICE,
        // Those of the groups above are asked too, and all must agree.
        attach_flags: BPF_F_ALLOW_MULTI,
    };
    // SAFETY: `attr` has the layout that the kernel reads for this command, and lives through it.
    let done = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_PROG_ATTACH,
            &raw const attr,
            size_of::<Attach>(),
        )
    };
    Errno::result(done).syscall("bpf", || "BPF_PROG_ATTACH, BPF_CGROUP_DEVICE".into())?;
    Ok(())
}
// ANCHOR_END: attach_program
