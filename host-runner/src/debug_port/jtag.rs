//! Four wires, as OpenOCD's `remote_bitbang` moves them: one character for what is on them, one to ask for what comes back
//! (OpenOCD, doc/manual/jtag/drivers/remote_bitbang.txt), and the state machine at their other end (IEEE 1149.1 §6.1).

use super::port::Port;
use crate::gdb::GdbError;

/// The instructions of a debug port (ADIv5.2 §B3.3), four bits each.
const ABORT: u64 = 0b1000;
const DEBUG_ACCESS: u64 = 0b1010;
const PORT_ACCESS: u64 = 0b1011;
const IDENTIFY: u64 = 0b1110;

/// A debug port by Arm.
const IDENTITY: u64 = 0x4ba0_0477;
/// What an instruction's register holds before one is shifted in (IEEE 1149.1 §7.1.1).
const CAPTURED: u64 = 0b0001;
/// An access was made, or has failed: CTRL/STAT says which.
const DONE: u64 = 0b010;

/// Where the state machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reset,
    Idle,
    Select(Register),
    Capture(Register),
    Shift(Register),
    FirstExit(Register),
    Pause(Register),
    SecondExit(Register),
    Update(Register),
}

/// Which register is shifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Register {
    Data,
    Instruction,
}

impl State {
    /// The state after a rising edge.
    const fn next(self, select: bool) -> Self {
        match (self, select) {
            (Self::Reset | Self::Select(Register::Instruction), true) => Self::Reset,
            (Self::Reset | Self::Idle | Self::Update(_), false) => Self::Idle,
            (Self::Idle | Self::Update(_), true) => Self::Select(Register::Data),
            (Self::Select(Register::Data), true) => Self::Select(Register::Instruction),
            (Self::Select(register), false) => Self::Capture(register),
            (Self::Capture(register) | Self::Shift(register) | Self::SecondExit(register), false) => {
                Self::Shift(register)
            }
            (Self::Capture(register) | Self::Shift(register), true) => Self::FirstExit(register),
            (Self::FirstExit(register) | Self::Pause(register), false) => Self::Pause(register),
            (Self::Pause(register), true) => Self::SecondExit(register),
            (Self::FirstExit(register) | Self::SecondExit(register), true) => Self::Update(register),
        }
    }
}

/// The wires' other end.
#[derive(Debug)]
pub(super) struct Wires {
    port: Port,
    state: State,
    clock: bool,
    instruction: u64,
    /// What is shifted, and the place at which a bit comes in.
    shifted: u64,
    length: u32,
    /// What the last access has brought.
    result: u32,
}

impl Wires {
    /// Wires that lead to this port.
    pub(super) const fn new(port: Port) -> Self {
        let (state, instruction) = (State::Reset, IDENTIFY);
        Self { port, state, clock: false, instruction, shifted: 0, length: 1, result: 0 }
    }

    /// Does what a character says, and answers in `answers` where it asks; false when it says that all is over.
    pub(super) fn take(&mut self, character: u8, answers: &mut Vec<u8>) -> Result<bool, GdbError> {
        match character {
            b'0'..=b'7' => {
                let wires = character - b'0';
                self.set(wires & 4 != 0, wires & 2 != 0, wires & 1 != 0)?;
            }
            b'R' => answers.push(b'0' + (self.shifted & 1) as u8),
            b'Q' => return Ok(false),
            // The lines that reset, and a lamp: the first has no effect on a board that has none.
            _ => {}
        }
        Ok(true)
    }

    fn set(&mut self, clock: bool, select: bool, data: bool) -> Result<(), GdbError> {
        let is_edge = clock && !self.clock;
        self.clock = clock;
        if !is_edge {
            return Ok(());
        }
        match self.state {
            State::Capture(register) => self.capture(register),
            State::Shift(_) => self.shifted = self.shifted >> 1 | u64::from(data) << (self.length - 1),
            _ => {}
        }
        self.state = self.state.next(select);
        match self.state {
            State::Reset => self.instruction = IDENTIFY,
            State::Update(Register::Instruction) => self.instruction = self.shifted,
            State::Update(Register::Data) => return self.update(),
            _ => {}
        }
        Ok(())
    }

    fn capture(&mut self, register: Register) {
        (self.shifted, self.length) = match (register, self.instruction) {
            (Register::Instruction, _) => (CAPTURED, 4),
            (Register::Data, IDENTIFY) => (IDENTITY, 32),
            (Register::Data, ABORT | DEBUG_ACCESS | PORT_ACCESS) => (u64::from(self.result) << 3 | DONE, 35),
            // Anything else is passed on.
            (Register::Data, _) => (0, 1),
        };
    }

    /// Makes the access that was shifted in.
    fn update(&mut self) -> Result<(), GdbError> {
        let (is_read, register, value) =
            (self.shifted & 1 != 0, (self.shifted << 1 & 0xc) as u8, (self.shifted >> 3) as u32);
        match (self.instruction, is_read) {
            (ABORT, _) => self.port.abort(value),
            // Reads bring what the access before has brought, and this one by the next.
            (DEBUG_ACCESS, true) if register == 0xc => {}
            (DEBUG_ACCESS, true) => self.result = self.port.read(register),
            (DEBUG_ACCESS, false) => self.port.write(register, value),
            (PORT_ACCESS, true) => self.result = self.port.read_access(register)?,
            (PORT_ACCESS, false) => self.port.write_access(register, value)?,
            _ => {}
        }
        Ok(())
    }
}
