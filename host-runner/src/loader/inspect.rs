//! From what QEMU's `info registers -a` or a debug server says to what a person wants to know: where every core is.

use crate::gdb::{Core, Registers};
use crate::image::{Place, Symbols};
use crate::report::{Backtrace, grouped_cores, named_cores};

/// PSTATE.I (Arm ARM, the register DAIF): interrupts do not reach the core.
const MASKED: u64 = 1 << 7;

/// Where one core is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct CoreState {
    core: u32,
    pc: u64,
    lr: u64,
    sp: u64,
    pstate: u64,
    /// The calls that led there, where they are known.
    calls: Vec<u64>,
}

/// What the cores do, with names. Those that do the same stand together; registers are shown only of those that do
/// anything.
#[must_use]
pub(super) fn describe(registers: &str, symbols: &Symbols) -> String {
    describe_states(&parse(registers), symbols)
}

/// The same of what a debug server says.
#[must_use]
pub(super) fn describe_cores(cores: &[Core], symbols: &Symbols) -> String {
    let states: Vec<_> = (0..).zip(cores).map(|(number, core)| CoreState::of(number, core)).collect();
    describe_states(&states, symbols)
}

fn describe_states(states: &[CoreState], symbols: &Symbols) -> String {
    let each = states.iter().map(|state| (state.core, state.doing(symbols)));
    let groups = grouped_cores(each);
    let lines = groups.into_iter().flat_map(|(cores, doing)| match doing {
        Doing::Nothing(idleness) => vec![format!("{}: {idleness}", named_cores(&cores))],
        Doing::At(places) => {
            let there = states.iter().filter(|state| cores.contains(&state.core)).map(CoreState::registers);
            there.chain(places).collect()
        }
    });
    lines.map(|line| line + "\n").collect()
}

/// What a core does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Doing {
    /// It waits or has ended, in words.
    Nothing(&'static str),
    /// It is here: lines for people.
    At(Vec<String>),
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
    fn of(core: u32, Core { registers, calls }: &Core) -> Self {
        let Registers { link: lr, stack_pointer: sp, pc, pstate, .. } = *registers;
        Self { core, pc, lr, sp, pstate, calls: calls.clone() }
    }

    fn doing(&self, symbols: &Symbols) -> Doing {
        let addresses = std::iter::once(self.pc).chain(self.calls.iter().copied());
        let backtrace = Backtrace::of_core(symbols, addresses);
        if let Some(idleness) = backtrace.idleness() {
            return Doing::Nothing(idleness);
        }
        if !self.calls.is_empty() {
            return Doing::At(backtrace.lines());
        }
        let mut lines = inlined("in", &symbols.at(self.pc));
        // Code that has called nothing yet still holds the address to which it returns itself, in a library
        // mostly that of tests.
        let calls = symbols.caller(self.lr);
        if calls.iter().any(|place| !place.foreign) {
            lines.extend(inlined("last call from", &calls));
        }
        Doing::At(lines)
    }

    fn registers(&self) -> String {
        let Self { core, pc, lr, sp, pstate, .. } = self;
        let interrupts = if pstate & MASKED == 0 { "on" } else { "masked" };
        format!("core {core}: pc {pc:#x} lr {lr:#x} sp {sp:#x} pstate {pstate:#x}, interrupts {interrupts}")
    }

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

/// `label place`, and a line for every function that it was inlined into.
fn inlined(label: &str, places: &[Place]) -> Vec<String> {
    let word = |number| if number == 0 { label } else { "  inlined into" };
    places.iter().enumerate().map(|(number, place)| format!("  {} {place}", word(number))).collect()
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
            "core 0: pc 0x40080010 lr 0x40080abc sp 0x40100000 pstate 0x400003c5, interrupts masked\n\
             core 1: pc 0x200 lr 0x0 sp 0x0 pstate 0x3c5, interrupts masked\n"
        );
    }

    #[test]
    fn what_a_debug_server_says_is_told_with_the_calls() {
        let registers =
            Registers { pc: 0x4008_0010, link: 0x4008_0abc, pstate: 0x3c5, ..Registers::default() };
        let cores = [Core { registers, calls: vec![0x4008_0ab8] }];
        assert_eq!(
            describe_cores(&cores, &Symbols::none()),
            "core 0: pc 0x40080010 lr 0x40080abc sp 0x0 pstate 0x3c5, interrupts masked\n   \
             0: 0x0000000040080010\n   1: 0x0000000040080ab8\n"
        );
    }

    #[test]
    fn other_text_is_ignored() {
        assert_eq!(describe("unknown command: 'info'", &Symbols::none()), "");
    }
}
