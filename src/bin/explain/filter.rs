//! The filter that lets all other calls pass at full speed: seccomp(2), SECCOMP_RET_TRACE.
//!
//! Without it every call of the program stops twice for the tracer. With it
//! only the calls of the table stop, as under `strace --seccomp-bpf`.

use libc::{BPF_ABS, BPF_JEQ, BPF_JGT, BPF_JMP, BPF_JSET, BPF_K, BPF_LD};
use libc::{BPF_RET, BPF_W, SECCOMP_RET_ALLOW, SECCOMP_RET_TRACE, sock_filter};

use crate::calls::{Call, Test};

/// What the kernel calls this machine's system calls: linux/audit.h.
pub const ARCHITECTURE: u32 = if cfg!(target_arch = "x86_64") {
    0xc000_003e
} else if cfg!(target_arch = "aarch64") {
    0xc000_00b7
} else {
    panic!("explain knows the system calls of x86_64 and aarch64")
};

/// Offsets in struct seccomp_data: seccomp(2).
const NR: u32 = 0;
const ARCH: u32 = 4;
const ARGS: u32 = 16;

/// One instruction to the filter: stop for these calls, and let all others pass.
pub fn compile(calls: &[Call]) -> Vec<sock_filter> {
    // Another architecture has other numbers. Its calls pass unseen.
    let mut filter = vec![
        load(ARCH),
        jump(BPF_JEQ, ARCHITECTURE, 1, 0),
        answer(SECCOMP_RET_ALLOW),
    ];
    for call in calls {
        filter.push(load(NR));
        let mut body: Vec<sock_filter> = Vec::new();
        for test in call.when {
            body.extend(instructions(test));
        }
        body.push(answer(SECCOMP_RET_TRACE));
        let length = body.len();
        filter.push(jump(BPF_JEQ, call.nr as u32, 0, length as u8));
        // A test that fails jumps to the next call. It knows only now how far that is.
        for (n, instruction) in body.iter_mut().enumerate() {
            let left = (length - n - 1) as u8;
            if instruction.jt == FAIL {
                instruction.jt = left;
            }
            if instruction.jf == FAIL {
                instruction.jf = left;
            }
        }
        filter.extend(body);
    }
    filter.push(answer(SECCOMP_RET_ALLOW));
    filter
}

/// Stands for the distance to the next call until that is known.
const FAIL: u8 = u8::MAX;

fn instructions(test: &Test) -> Vec<sock_filter> {
    match *test {
        Test::In(arg, values) => {
            let mut code = vec![load(low(arg))];
            for (n, value) in values.iter().enumerate() {
                let rest = (values.len() - n - 1) as u8;
                let otherwise = if rest == 0 { FAIL } else { 0 };
                code.push(jump(BPF_JEQ, *value, rest, otherwise));
            }
            code
        }
        Test::Not(arg, value) => vec![load(low(arg)), jump(BPF_JEQ, value, FAIL, 0)],
        Test::Above(arg, value) => vec![load(low(arg)), jump(BPF_JGT, value, 0, FAIL)],
        Test::AtMost(arg, value) => vec![load(low(arg)), jump(BPF_JGT, value, FAIL, 0)],
        Test::Bit(arg, bit) => vec![load(low(arg)), jump(BPF_JSET, bit, 0, FAIL)],
        // Either half will do.
        Test::NotNull(arg) => vec![
            load(low(arg)),
            jump(BPF_JEQ, 0, 0, 2),
            load(high(arg)),
            jump(BPF_JEQ, 0, FAIL, 0),
        ],
    }
}

/// Arguments have 64 bits and loads 32.
fn low(arg: usize) -> u32 {
    let half = if cfg!(target_endian = "little") { 0 } else { 4 };
    ARGS + 8 * arg as u32 + half
}

fn high(arg: usize) -> u32 {
    ARGS + 8 * arg as u32 + 4 - (low(arg) - ARGS - 8 * arg as u32)
}

fn load(offset: u32) -> sock_filter {
    instruction(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0)
}

fn jump(kind: u32, value: u32, if_true: u8, if_false: u8) -> sock_filter {
    instruction(BPF_JMP | kind | BPF_K, value, if_true, if_false)
}

fn answer(value: u32) -> sock_filter {
    instruction(BPF_RET | BPF_K, value, 0, 0)
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    let code = code as u16;
    sock_filter { code, jt, jf, k }
}
