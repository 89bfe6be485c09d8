//! One core's external debug registers (Arm ARM H9, "External Debug Register Descriptions"): as many as debuggers use to look
//! into a core that they have stopped, and to change it.

use super::board::{Board, PC, PSTATE, STACK};
use super::instruction::{Instruction, SystemRegister};
use crate::gdb::GdbError;

/// Where the registers stand.
const EDECR: u32 = 0x024;
const DTRRX: u32 = 0x080;
const EDITR: u32 = 0x084;
const EDSCR: u32 = 0x088;
const DTRTX: u32 = 0x08c;
const EDRCR: u32 = 0x090;
const OSLAR: u32 = 0x300;
const EDPRSR: u32 = 0x314;
const MIDR: u32 = 0xd00;
const FEATURES: u32 = 0xd20;
const DEBUG_FEATURES: u32 = 0xd28;
const AUTHENTICATION: u32 = 0xfb8;
const DEVARCH: u32 = 0xfbc;

/// Of EDSCR.
mod status {
    pub(super) const RUNNING: u32 = 0b00_0010;
    pub(super) const DEBUG_REQUEST: u32 = 0b01_0011;
    pub(super) const ERROR: u32 = 1 << 6;
    pub(super) const ALL_AARCH64: u32 = 0b1111 << 10;
    pub(super) const HALTING: u32 = 1 << 14;
    pub(super) const MEMORY_ACCESS: u32 = 1 << 20;
    pub(super) const READY: u32 = 1 << 24;
    pub(super) const RECEIVE_FULL: u32 = 1 << 30;
    pub(super) const TRANSMIT_FULL: u32 = 1 << 29;
    /// What a debugger changes.
    pub(super) const WRITABLE: u32 = HALTING | MEMORY_ACCESS | 0b111 << 21;
}

/// Of EDPRSR.
mod power {
    pub(super) const UP: u32 = 1 << 0;
    pub(super) const WAS_RESET: u32 = 1 << 3;
    pub(super) const HALTED: u32 = 1 << 4;
    pub(super) const OS_LOCKED: u32 = 1 << 5;
    pub(super) const RESTARTED: u32 = 1 << 11;
}

const DBGDTR: SystemRegister = SystemRegister::new(2, 3, 0, 4, 0);
/// Read it is the one that receives, written the one that transmits.
const DBGDTR_HALF: SystemRegister = SystemRegister::new(2, 3, 0, 5, 0);
const DLR: SystemRegister = SystemRegister::new(3, 3, 4, 5, 1);
const DSPSR: SystemRegister = SystemRegister::new(3, 3, 4, 5, 0);
const CURRENT_EL: SystemRegister = SystemRegister::new(3, 0, 4, 2, 2);
const MPIDR: SystemRegister = SystemRegister::new(3, 0, 0, 0, 5);
/// Which cache is described by the next one.
const CSSELR: SystemRegister = SystemRegister::new(3, 2, 0, 0, 0);
const CCSIDR: SystemRegister = SystemRegister::new(3, 1, 0, 0, 0);

/// 32 KiB in two ways, of every cache: nothing depends on it, for the machine has none.
const CACHE: u64 = 0x701f_e00a;

/// Registers that the machine has by name.
const NAMED: [(SystemRegister, &str); 14] = [
    (SystemRegister::new(3, 0, 1, 0, 0), "SCTLR"),
    (SystemRegister::new(3, 0, 2, 0, 0), "TTBR0_EL1"),
    (SystemRegister::new(3, 0, 2, 0, 1), "TTBR1_EL1"),
    (SystemRegister::new(3, 0, 2, 0, 2), "TCR_EL1"),
    (SystemRegister::new(3, 0, 4, 0, 1), "ELR_EL1"),
    (SystemRegister::new(3, 0, 4, 0, 0), "SPSR_EL1"),
    (SystemRegister::new(3, 0, 5, 2, 0), "ESR_EL1"),
    (SystemRegister::new(3, 0, 6, 0, 0), "FAR_EL1"),
    (SystemRegister::new(3, 0, 4, 1, 0), "SP_EL0"),
    (SystemRegister::new(3, 4, 4, 1, 0), "SP_EL1"),
    (SystemRegister::new(3, 1, 0, 0, 1), "CLIDR"),
    (SystemRegister::new(3, 3, 0, 0, 1), "CTR_EL0"),
    (SystemRegister::new(3, 3, 4, 4, 1), "FPSR"),
    (SystemRegister::new(3, 3, 4, 4, 0), "FPCR"),
];

/// The registers, of the core with this number.
#[derive(Clone, Debug)]
pub(super) struct Core {
    number: usize,
    /// The bits of EDSCR that are kept.
    status: u32,
    receive: u32,
    transmit: u32,
    catch: u32,
    power: u32,
    /// CSSELR.
    cache: u64,
}

impl Core {
    /// As it comes out of a reset.
    pub(super) const fn new(number: usize) -> Self {
        let power = power::WAS_RESET | power::OS_LOCKED;
        Self { number, status: status::READY, receive: 0, transmit: 0, catch: 0, power, cache: 0 }
    }

    /// The core enters Debug state.
    pub(super) fn halt(&mut self, board: &mut Board) -> Result<(), GdbError> {
        self.status |= status::READY;
        board.stop(self.number)
    }

    /// The core leaves it.
    pub(super) fn restart(&mut self, board: &mut Board) -> Result<(), GdbError> {
        self.power |= power::RESTARTED;
        board.resume(self.number)
    }

    /// What a debugger reads.
    pub(super) fn read(&mut self, offset: u32, board: &mut Board) -> Result<u32, GdbError> {
        Ok(match offset {
            EDECR => self.catch,
            DTRRX => self.receive,
            EDSCR => self.status(board)?,
            DTRTX => self.take_transmitted(board)?,
            EDPRSR => self.take_power(board),
            // A Cortex-A72, r0p3.
            MIDR => 0x410f_d083,
            // EL0 to EL2 are AArch64, and there is no EL3; six breakpoints, and four watchpoints.
            FEATURES => 0x0000_0111,
            DEBUG_FEATURES => 0x1030_5106,
            // Nothing is forbidden: the port is open.
            AUTHENTICATION => 0b1111_1111,
            DEVARCH => 0x4770_6a15,
            _ => 0,
        })
    }

    /// What a debugger writes. Breakpoints, watchpoints and locks are taken, and stay without effect.
    pub(super) fn write(&mut self, offset: u32, value: u32, board: &mut Board) -> Result<(), GdbError> {
        match offset {
            EDECR => self.catch = value,
            DTRRX => self.give_received(value, board)?,
            DTRTX => self.transmit = value,
            EDITR => self.execute(value, board)?,
            EDSCR => self.status = self.status & !status::WRITABLE | value & status::WRITABLE,
            // Clear sticky errors.
            EDRCR if value & 1 << 2 != 0 => self.status &= !status::ERROR,
            OSLAR if value & 1 == 0 => self.power &= !power::OS_LOCKED,
            OSLAR => self.power |= power::OS_LOCKED,
            _ => {}
        }
        Ok(())
    }

    fn status(&mut self, board: &mut Board) -> Result<u32, GdbError> {
        if !board.settle()? {
            self.status |= status::ERROR;
        }
        if !board.is_stopped(self.number) {
            return Ok(self.status | status::RUNNING);
        }
        let level = board.register(self.number, PSTATE)? as u32 >> 2 & 3;
        Ok(self.status | status::DEBUG_REQUEST | level << 8 | status::ALL_AARCH64)
    }

    fn take_power(&mut self, board: &Board) -> u32 {
        let halted = if board.is_stopped(self.number) { power::HALTED } else { 0 };
        let told = self.power | power::UP | halted;
        self.power &= power::OS_LOCKED;
        told
    }

    /// Memory access mode: what arrives is stored, and x0 goes on (Arm ARM H4.3.2).
    fn give_received(&mut self, value: u32, board: &mut Board) -> Result<(), GdbError> {
        if self.status & status::ERROR != 0 {
            return Ok(());
        }
        self.receive = value;
        self.status |= status::RECEIVE_FULL;
        if self.accesses_memory(board) {
            self.run(Instruction::ReadSystem { register: DBGDTR_HALF, to: 1 }, board)?;
            self.run(Instruction::Store { bytes: 4, from: 1, base: 0, step: 4 }, board)?;
        }
        Ok(())
    }

    /// Memory access mode: what is taken makes room for the next word.
    fn take_transmitted(&mut self, board: &mut Board) -> Result<u32, GdbError> {
        let value = self.transmit;
        if self.status & status::ERROR != 0 {
            return Ok(value);
        }
        self.status &= !status::TRANSMIT_FULL;
        if self.accesses_memory(board) {
            self.run(Instruction::Load { bytes: 4, to: 1, base: 0, step: 4 }, board)?;
            self.run(Instruction::WriteSystem { register: DBGDTR_HALF, from: 1 }, board)?;
        }
        Ok(value)
    }

    fn accesses_memory(&self, board: &Board) -> bool {
        self.status & status::MEMORY_ACCESS != 0 && board.is_stopped(self.number)
    }

    fn execute(&mut self, word: u32, board: &mut Board) -> Result<(), GdbError> {
        if self.status & status::ERROR != 0 {
            return Ok(());
        }
        match Instruction::decode(word).filter(|_| board.is_stopped(self.number)) {
            Some(instruction) => self.run(instruction, board),
            None => self.fail(&format!("instruction {word:#010x}")),
        }
    }

    /// Executes an instruction, unless one before it has failed.
    fn run(&mut self, instruction: Instruction, board: &mut Board) -> Result<(), GdbError> {
        if self.status & status::ERROR != 0 {
            return Ok(());
        }
        match instruction {
            Instruction::ReadSystem { register, to } => match self.system_register(register, board)? {
                Some(value) => self.set(to, value, board),
                None => self.fail(&format!("{register:?}, read")),
            },
            Instruction::WriteSystem { register, from } => {
                let value = self.get(from, board)?;
                self.set_system_register(register, value, board)
            }
            Instruction::FromStack { to } => {
                let value = board.register(self.number, STACK)?;
                self.set(to, value, board)
            }
            Instruction::ToStack { from } => {
                let value = self.get(from, board)?;
                board.set_register(self.number, STACK, value)
            }
            Instruction::FromVector { to, vector, half } => {
                let value = board.vector(self.number, vector as usize, half as usize)?;
                self.set(to, value, board)
            }
            Instruction::Load { bytes, to, base, step } => self.load(bytes, to, base, step, board),
            Instruction::Store { bytes, from, base, step } => self.store(bytes, from, base, step, board),
            Instruction::Nothing => Ok(()),
        }
    }

    fn load(
        &mut self,
        bytes: usize,
        to: u32,
        base: u32,
        step: i64,
        board: &mut Board,
    ) -> Result<(), GdbError> {
        let address = board.register(self.number, base as usize)?;
        let Some(read) = board.read(self.number, address, bytes)? else {
            self.status |= status::ERROR;
            return Ok(());
        };
        let value = read.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        board.set_register(self.number, base as usize, address.wrapping_add_signed(step))?;
        self.set(to, value, board)
    }

    fn store(
        &mut self,
        bytes: usize,
        from: u32,
        base: u32,
        step: i64,
        board: &mut Board,
    ) -> Result<(), GdbError> {
        let address = board.register(self.number, base as usize)?;
        let value = self.get(from, board)?.to_le_bytes();
        if !board.write(self.number, address, &value[..bytes])? {
            self.status |= status::ERROR;
        }
        board.set_register(self.number, base as usize, address.wrapping_add_signed(step))
    }

    fn system_register(
        &mut self,
        register: SystemRegister,
        board: &mut Board,
    ) -> Result<Option<u64>, GdbError> {
        Ok(Some(match register {
            DBGDTR | DBGDTR_HALF => {
                self.status &= !status::RECEIVE_FULL;
                let high = if register == DBGDTR { u64::from(self.transmit) << 32 } else { 0 };
                high | u64::from(self.receive)
            }
            DLR => board.register(self.number, PC)?,
            DSPSR => board.register(self.number, PSTATE)?,
            MPIDR => 1 << 31 | self.number as u64,
            CSSELR => self.cache,
            CCSIDR => CACHE,
            CURRENT_EL => board.register(self.number, PSTATE)? & 0b1100,
            _ => return self.named(register, board),
        }))
    }

    fn named(&self, register: SystemRegister, board: &mut Board) -> Result<Option<u64>, GdbError> {
        let name = NAMED.iter().find(|(named, _)| *named == register);
        name.map_or(Ok(None), |(_, name)| board.system_register(self.number, name))
    }

    fn set_system_register(
        &mut self,
        register: SystemRegister,
        value: u64,
        board: &mut Board,
    ) -> Result<(), GdbError> {
        match register {
            DBGDTR | DBGDTR_HALF => {
                if register == DBGDTR {
                    self.receive = (value >> 32) as u32;
                }
                self.transmit = value as u32;
                self.status |= status::TRANSMIT_FULL;
                Ok(())
            }
            DLR => board.set_register(self.number, PC, value),
            DSPSR => board.set_register(self.number, PSTATE, value),
            CSSELR => {
                self.cache = value;
                Ok(())
            }
            // The machine's server changes none; debuggers put back what they have read.
            _ if self.named(register, board)? == Some(value) => Ok(()),
            _ => self.fail(&format!("{register:?}, changed")),
        }
    }

    fn get(&self, register: u32, board: &mut Board) -> Result<u64, GdbError> {
        if Instruction::is_stack(register) { Ok(0) } else { board.register(self.number, register as usize) }
    }

    fn set(&self, register: u32, value: u64, board: &mut Board) -> Result<(), GdbError> {
        if Instruction::is_stack(register) {
            Ok(())
        } else {
            board.set_register(self.number, register as usize, value)
        }
    }

    /// What the core cannot do is an error to the debugger. For whoever teaches the model a new one, it is named.
    fn fail(&mut self, what: &str) -> Result<(), GdbError> {
        anstream::eprintln!("core {}: not modelled: {what}", self.number);
        self.status |= status::ERROR;
        Ok(())
    }
}
