//! What every core of a board that is stopped does: its registers, and the calls that led there.

use super::{Client, GdbError, Registers, Thread};
use wire::ram::host::Memory;

/// Deeper calls are left out.
const DEEPEST: usize = 64;

/// One core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    /// Where it is.
    pub registers: Registers,
    /// The addresses of the calls that led there, innermost first.
    pub calls: Vec<u64>,
}

impl Client {
    /// Looks at every core, and selects the first one afterwards.
    ///
    /// # Errors
    ///
    /// When the server does not tell.
    pub fn cores(&mut self) -> Result<Vec<Core>, GdbError> {
        let threads = self.threads()?;
        let cores = threads.iter().map(|thread| self.core(thread)).collect();
        self.select_first()?;
        cores
    }

    fn core(&mut self, thread: &Thread) -> Result<Core, GdbError> {
        self.select(thread)?;
        let registers = self.registers()?;
        let calls = self.calls(registers.frame_pointer)?;
        Ok(Core { registers, calls })
    }

    /// Follows the frame records (AAPCS64 §6.4.6). A chain ends where memory does, and where it does not lead up the stack: a
    /// core that is not set up yet has anything in its registers.
    fn calls(&mut self, mut frame_pointer: u64) -> Result<Vec<u64>, GdbError> {
        let mut calls = Vec::new();
        while calls.len() < DEEPEST && frame_pointer != 0 && frame_pointer.is_multiple_of(8) {
            let record = match self.read(frame_pointer, 16) {
                Ok(record) => record,
                Err(GdbError::Refused { .. }) => break,
                Err(error) => return Err(error),
            };
            let (words, _) = record.as_chunks::<8>();
            let [next, link] = words else { break };
            let [next, link] = [next, link].map(|word| u64::from_le_bytes(*word));
            if link == 0 {
                break;
            }
            // The call stands before the instruction that it returns to.
            calls.push(link.wrapping_sub(4));
            if next <= frame_pointer {
                break;
            }
            frame_pointer = next;
        }
        Ok(calls)
    }
}

#[cfg(test)]
mod tests {
    use super::super::server::Server;
    use super::*;

    #[test]
    fn calls_are_followed_up_the_stack_and_no_further() {
        let server = Server::new();
        let mut client = server.client();
        let words = [0x1010, 0x104, 0x1030, 0x204, 0, 0, 0x1000, 0x304_u64];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        client.write(0x1000, &bytes).unwrap();
        assert_eq!(client.calls(0x1000).unwrap(), [0x100, 0x200, 0x300]);
        assert!(client.calls(0x1020).unwrap().is_empty(), "no return address");
        assert!(client.calls(0x1001).unwrap().is_empty(), "no frame pointer");
        assert!(client.calls(0x2000).unwrap().is_empty(), "no memory");
    }

    #[test]
    fn every_core_is_looked_at_and_the_first_one_stays_selected() {
        let server = Server::new();
        let mut client = server.client();
        let pcs: Vec<_> = client.cores().unwrap().iter().map(|core| core.registers.pc).collect();
        assert_eq!(pcs, [1, 2, 10]);
        assert_eq!(client.registers().unwrap().pc, 1);
    }
}
