//! Two wires, as the `probe-rs` applet of a Glasgow moves them: packets to the applet itself and to the wires, with whole
//! transfers in them (probe-rs 0.32, probe/glasgow).

use super::port::Port;
use crate::gdb::GdbError;

/// Whom a packet is for.
const ROOT: u8 = 0;
const WIRES: u8 = 1;

/// What the applet says that it is.
const IDENTITY: &[u8] = b"probe-rs,v01";
/// The clock that its divisor divides.
const CLOCK_HZ: u32 = 48_000_000;

/// To the applet.
const IDENTIFY: u8 = 0x00;
const TELL_CLOCK: u8 = 0x10;
const TELL_DIVISOR: u8 = 0x11;
const SET_DIVISOR: u8 = 0x12;

/// To the wires: raw bits, or a transfer.
const BITS: u8 = 0x20;
const OF_ACCESS_PORT: u8 = 1 << 0;
const READ: u8 = 1 << 1;
const REGISTER: u8 = 0b1100;

/// From the wires.
const DATA: u8 = 0x00;
const NO_DATA: u8 = 0x10;
const OK: u8 = 0b001;
const FAULT: u8 = 0b100;

/// The probe.
#[derive(Debug)]
pub(super) struct Probe {
    port: Port,
    /// What has come of a packet that is not whole.
    packet: Vec<u8>,
    /// What has come of commands that are not whole.
    to_root: Vec<u8>,
    to_wires: Vec<u8>,
    divisor: [u8; 2],
    /// What the last read of the access port has brought: it comes with the next one.
    posted: u32,
}

impl Probe {
    /// A probe whose wires lead to this port.
    pub(super) const fn new(port: Port) -> Self {
        Self {
            port,
            packet: Vec::new(),
            to_root: Vec::new(),
            to_wires: Vec::new(),
            divisor: [0; 2],
            posted: 0,
        }
    }

    /// Takes a byte, and answers in `answers`.
    pub(super) fn take(&mut self, byte: u8, answers: &mut Vec<u8>) -> Result<(), GdbError> {
        if byte != 0 {
            self.packet.push(byte);
            return Ok(());
        }
        let packet = unstuffed(&std::mem::take(&mut self.packet));
        match packet.split_first() {
            Some((&ROOT, commands)) => {
                self.to_root.extend(commands);
                let said = self.serve_root();
                answer(ROOT, &said, answers);
            }
            Some((&WIRES, commands)) => {
                self.to_wires.extend(commands);
                let said = self.serve_wires()?;
                answer(WIRES, &said, answers);
            }
            _ => {}
        }
        Ok(())
    }

    fn serve_root(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        while let Some(&command) = self.to_root.first() {
            match command {
                IDENTIFY => said.extend(IDENTITY),
                TELL_CLOCK => said.extend(CLOCK_HZ.to_le_bytes()),
                TELL_DIVISOR => said.extend(self.divisor),
                SET_DIVISOR => {
                    let &[_, low, high, ..] = self.to_root.as_slice() else { break };
                    self.divisor = [low, high];
                    self.to_root.drain(..2);
                }
                // The reset line, which leads nowhere.
                _ => {}
            }
            self.to_root.drain(..1);
        }
        said
    }

    fn serve_wires(&mut self) -> Result<Vec<u8>, GdbError> {
        let (commands, mut at, mut said) = (std::mem::take(&mut self.to_wires), 0, Vec::new());
        while let Some(&command) = commands.get(at) {
            let is_read = command & BITS == 0 && command & READ != 0;
            let length = if is_read { 1 } else { 5 };
            let Some(whole) = commands.get(at..at + length) else { break };
            at += length;
            match *whole {
                // Raw bits reset the line and choose the protocol: there is but one.
                [_, ..] if command & BITS != 0 => {}
                [_] => self.read(command, &mut said)?,
                [_, a, b, c, d] => self.write(command, u32::from_le_bytes([a, b, c, d]), &mut said)?,
                _ => {}
            }
        }
        self.to_wires = commands.get(at..).unwrap_or_default().to_vec();
        Ok(said)
    }

    fn read(&mut self, command: u8, said: &mut Vec<u8>) -> Result<(), GdbError> {
        let register = command & REGISTER;
        let value = match (command & OF_ACCESS_PORT != 0, register) {
            (true, _) if self.port.has_failed() => {
                said.push(NO_DATA | FAULT);
                return Ok(());
            }
            (true, _) => {
                let now = self.port.read_access(register)?;
                std::mem::replace(&mut self.posted, now)
            }
            (false, 0xc) => self.posted,
            (false, _) => self.port.read(register),
        };
        said.push(DATA | OK);
        said.extend(value.to_le_bytes());
        Ok(())
    }

    fn write(&mut self, command: u8, value: u32, said: &mut Vec<u8>) -> Result<(), GdbError> {
        let register = command & REGISTER;
        match (command & OF_ACCESS_PORT != 0, register) {
            (true, _) if self.port.has_failed() => {
                said.push(NO_DATA | FAULT);
                return Ok(());
            }
            (true, _) => self.port.write_access(register, value)?,
            // By two wires, ABORT stands where the identity is read.
            (false, 0x0) => self.port.abort(value),
            (false, _) => self.port.write(register, value),
        }
        said.push(NO_DATA | OK);
        Ok(())
    }
}

fn answer(from: u8, said: &[u8], answers: &mut Vec<u8>) {
    if !said.is_empty() {
        answers.extend(stuffed(&[&[from], said].concat()));
        answers.push(0);
    }
}

/// Without zeros (S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing"): each run of bytes up to a zero stands behind
/// its length and one.
fn stuffed(bytes: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(bytes.len() + bytes.len() / 254 + 2);
    for run in bytes.split(|byte| *byte == 0) {
        let mut pieces = run.chunks(254).peekable();
        if pieces.peek().is_none() {
            stuffed.push(1);
        }
        while let Some(piece) = pieces.next() {
            stuffed.push(piece.len() as u8 + 1);
            stuffed.extend(piece);
            // A piece of the greatest length has no zero behind it; one that ends there says so by an empty run.
            if piece.len() == 254 && pieces.peek().is_none() {
                stuffed.push(1);
            }
        }
    }
    stuffed
}

/// The bytes that were stuffed so; what contradicts itself ends early.
fn unstuffed(stuffed: &[u8]) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(stuffed.len()), stuffed);
    while let Some((&length, behind)) = rest.split_first() {
        let Some((run, next)) =
            usize::from(length).checked_sub(1).and_then(|length| behind.split_at_checked(length))
        else {
            break;
        };
        bytes.extend(run);
        if length != 255 && !next.is_empty() {
            bytes.push(0);
        }
        rest = next;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_are_stuffed_as_the_paper_has_it() {
        assert_eq!(stuffed(&[]), [1]);
        assert_eq!(stuffed(&[0]), [1, 1]);
        assert_eq!(stuffed(&[0x45, 0, 0, 0x2c]), [2, 0x45, 1, 2, 0x2c]);
        assert_eq!(unstuffed(&[2, 0x45, 1, 2, 0x2c]), [0x45, 0, 0, 0x2c]);
        assert!(unstuffed(&[9, 1]).is_empty());
    }

    /// A run of the greatest length stands for no zero.
    #[test]
    fn a_zero_behind_a_run_of_the_greatest_length_is_kept() {
        for behind in [&[][..], &[0], &[0, 5], &[1, 0, 5]] {
            let bytes = [&[1; 254], behind].concat();
            assert_eq!(unstuffed(&stuffed(&bytes)), bytes, "{behind:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_stuffed_comes_back(bytes in prop::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..600)) {
            let line = stuffed(&bytes);
            prop_assert!(!line.contains(&0));
            prop_assert_eq!(unstuffed(&line), bytes);
        }
    }
}
