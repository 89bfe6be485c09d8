//! From QEMU's `info registers -a` to what a person wants to know: where every core is.

use crate::image::Symbols;
use std::fmt::Write;

/// Where one core is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct CoreState {
    core: u32,
    pc: u64,
    lr: u64,
    sp: u64,
    pstate: u64,
}

/// Up to three lines per core: program counter, link register, stack pointer, state, with names.
#[must_use]
pub(super) fn describe(registers: &str, symbols: &Symbols) -> String {
    let mut text = String::new();
    for state in parse(registers) {
        let CoreState { core, pc, lr, sp, pstate } = state;
        // Writing into a string does not fail.
        let _ = writeln!(text, "core {core}: pc {pc:#x} lr {lr:#x} sp {sp:#x} pstate {pstate:#x}");
        if let Some(place) = symbols.at(pc).first() {
            let _ = writeln!(text, "  in {place}");
        }
        if let Some(place) = symbols.caller(lr).first() {
            let _ = writeln!(text, "  last call from {place}");
        }
    }
    text
}

fn parse(registers: &str) -> Vec<CoreState> {
    let mut states: Vec<CoreState> = Vec::new();
    for line in registers.lines() {
        if let Some(core) = line.trim().strip_prefix("CPU#").and_then(|number| number.parse().ok()) {
            states.push(CoreState { core, ..CoreState::default() });
        } else if let Some(state) = states.last_mut() {
            state.take(line);
        }
    }
    states
}

impl CoreState {
    /// Takes what `line` says: ` PC=… X00=…`, with blanks before the equals sign's name only.
    fn take(&mut self, line: &str) {
        for pair in line.split_whitespace() {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let Ok(value) = u64::from_str_radix(value, 16) else { continue };
            match name {
                "PC" => self.pc = value,
                "X30" => self.lr = value,
                "SP" => self.sp = value,
                "PSTATE" => self.pstate = value,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTERS: &str = "\r\nCPU#0\r\n PC=0000000040080010 X00=0000000000000001 X01=0000000000000000\r
X29=0000000000000000 X30=0000000040080abc  SP=0000000040100000\r
PSTATE=400003c5 -Z-- EL1h    FPU disabled\r\n\r\nCPU#1\r\n PC=0000000000000200 X00=0000000000000000\r
X29=0000000000000000 X30=0000000000000000  SP=0000000000000000\r\nPSTATE=000003c5 ---- EL1h\r\n";

    #[test]
    fn every_core_gets_its_line() {
        assert_eq!(
            describe(REGISTERS, &Symbols::none()),
            "core 0: pc 0x40080010 lr 0x40080abc sp 0x40100000 pstate 0x400003c5\n\
             core 1: pc 0x200 lr 0x0 sp 0x0 pstate 0x3c5\n"
        );
    }

    #[test]
    fn other_text_is_ignored() {
        assert_eq!(describe("unknown command: 'info'", &Symbols::none()), "");
    }
}
