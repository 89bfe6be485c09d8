//! The few instructions that debuggers have a stopped core execute (Arm ARM C6.2, "Alphabetical list of A64 base instructions").

/// The stack pointer, where an instruction takes one instead of a zero.
const STACK: u32 = 31;

/// A system register by its encoding: op0's lower bit, op1, CRn, CRm and op2, as an instruction has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SystemRegister(u16);

impl SystemRegister {
    /// By the numbers of its name `S<op0>_<op1>_C<n>_C<m>_<op2>`.
    pub(super) const fn new(op0: u16, op1: u16, n: u16, m: u16, op2: u16) -> Self {
        Self((op0 & 3) << 14 | op1 << 11 | n << 7 | m << 3 | op2)
    }
}

/// One of them. Registers are numbers, and 31 is the stack pointer where an address is meant and nothing otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instruction {
    /// MRS.
    ReadSystem { register: SystemRegister, to: u32 },
    /// MSR.
    WriteSystem { register: SystemRegister, from: u32 },
    /// MOV from the stack pointer.
    FromStack { to: u32 },
    /// MOV to the stack pointer.
    ToStack { from: u32 },
    /// LDR, LDRH or LDRB with its index behind it.
    Load { bytes: usize, to: u32, base: u32, step: i64 },
    /// STR, STRH or STRB with its index behind it.
    Store { bytes: usize, from: u32, base: u32, step: i64 },
    /// UMOV of half a vector register.
    FromVector { to: u32, vector: u32, half: u32 },
    /// A barrier, or maintenance of caches: the machine behind has nothing to wait for, and no caches.
    Nothing,
}

impl Instruction {
    /// What `word` is; none if it is none of them.
    pub(super) fn decode(word: u32) -> Option<Self> {
        let (low, base) = (word & 31, word >> 5 & 31);
        let register = SystemRegister((word >> 5) as u16);
        Some(match word {
            _ if word & 0xfff0_0000 == 0xd530_0000 => Self::ReadSystem { register, to: low },
            // Op0 is 0 or 1: hints, barriers, and what is done to caches.
            _ if word & 0xfff0_0000 == 0xd500_0000 => Self::Nothing,
            _ if word & 0xfff0_0000 == 0xd510_0000 => Self::WriteSystem { register, from: low },
            _ if word & 0xffff_ffe0 == 0x9100_03e0 => Self::FromStack { to: low },
            _ if word & 0xffff_fc1f == 0x9100_001f => Self::ToStack { from: base },
            _ if word & 0xffef_fc00 == 0x4e08_3c00 => {
                Self::FromVector { to: low, vector: base, half: word >> 20 & 1 }
            }
            _ if word & 0x3fa0_0c00 == 0x3800_0400 => {
                let (bytes, step) = (1 << (word >> 30), step(word));
                match word >> 22 & 1 {
                    0 => Self::Store { bytes, from: low, base, step },
                    _ => Self::Load { bytes, to: low, base, step },
                }
            }
            _ => return None,
        })
    }

    /// Whether that names the stack pointer where an address is meant.
    pub(super) const fn is_stack(register: u32) -> bool {
        register == STACK
    }
}

/// Bits 20 to 12, with their sign.
fn step(word: u32) -> i64 {
    i64::from((word << 11).cast_signed() >> 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `llvm-mc -triple=aarch64 -show-encoding` has them.
    #[test]
    fn instructions_are_as_the_assembler_has_them() {
        let dbgdtr = SystemRegister::new(2, 3, 0, 4, 0);
        let dlr = SystemRegister::new(3, 3, 4, 5, 1);
        for (word, instruction) in [
            (0xd533_0400, Instruction::ReadSystem { register: dbgdtr, to: 0 }),
            (0xd513_0405, Instruction::WriteSystem { register: dbgdtr, from: 5 }),
            (0xd53b_4521, Instruction::ReadSystem { register: dlr, to: 1 }),
            (0x9100_03e2, Instruction::FromStack { to: 2 }),
            (0x9100_007f, Instruction::ToStack { from: 3 }),
            (0xb840_4401, Instruction::Load { bytes: 4, to: 1, base: 0, step: 4 }),
            (0xf85f_8462, Instruction::Load { bytes: 8, to: 2, base: 3, step: -8 }),
            (0x3800_1401, Instruction::Store { bytes: 1, from: 1, base: 0, step: 1 }),
            (0x4e18_3c20, Instruction::FromVector { to: 0, vector: 1, half: 1 }),
            (0xd503_3f9f, Instruction::Nothing),
            (0xd50b_7e20, Instruction::Nothing),
        ] {
            assert_eq!(Instruction::decode(word), Some(instruction), "{word:#x}");
        }
    }

    #[test]
    fn what_no_debugger_needs_is_not_understood() {
        for word in [0, 0xd65f_03c0, 0x8b00_0000, 0xb840_0001, 0x1400_0000] {
            assert_eq!(Instruction::decode(word), None, "{word:#x}");
        }
    }
}
