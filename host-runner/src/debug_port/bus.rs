//! The bus that the debug port's access port leads to: every core's debug registers and its trigger's, 4 KiB each.

use super::board::Board;
use super::core::Core;
use super::trigger::{Effect, Trigger};
use crate::gdb::GdbError;

/// Where the registers of the first core stand, those of its trigger, and how far the next core's are.
const CORES: u32 = 0x8001_0000;
const TRIGGERS: u32 = 0x8002_0000;
const STRIDE: u32 = 0x0010_0000;
const PAGE: u32 = 0x1000;

/// Where the debug registers of the core with this number stand, and its trigger's.
#[must_use]
pub const fn registers_of(core: usize) -> (u32, u32) {
    let distance = STRIDE * core as u32;
    (CORES + distance, TRIGGERS + distance)
}

/// Everything on the bus, and the board behind.
#[derive(Debug)]
pub(super) struct Bus {
    board: Board,
    cores: Vec<Core>,
    triggers: Vec<Trigger>,
}

/// What stands at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Core(usize, u32),
    Trigger(usize, u32),
}

impl Bus {
    /// With the debug registers of this board's cores.
    pub(super) fn new(board: Board) -> Self {
        let cores = (0..board.cores()).map(Core::new).collect();
        let triggers = vec![Trigger::default(); board.cores()];
        Self { board, cores, triggers }
    }

    /// The word at `address`; none where nothing is.
    pub(super) fn read(&mut self, address: u32) -> Result<Option<u32>, GdbError> {
        Ok(match self.place(address) {
            Some(Place::Core(core, offset)) => Some(self.cores[core].read(offset, &mut self.board)?),
            Some(Place::Trigger(core, offset)) => Some(self.triggers[core].read(offset)),
            None => None,
        })
    }

    /// Changes the word at `address`; whether there is one.
    pub(super) fn write(&mut self, address: u32, value: u32) -> Result<bool, GdbError> {
        match self.place(address) {
            Some(Place::Core(core, offset)) => self.cores[core].write(offset, value, &mut self.board)?,
            Some(Place::Trigger(core, offset)) => {
                let channels = self.triggers[core].write(offset, value);
                self.signal(core, channels)?;
            }
            None => return Ok(false),
        }
        Ok(true)
    }

    /// An event on these channels, at this core: there, and wherever the gates let it.
    fn signal(&mut self, core: usize, channels: u32) -> Result<(), GdbError> {
        if channels == 0 {
            return Ok(());
        }
        let outside = self.triggers[core].through_gate(channels);
        for other in 0..self.triggers.len() {
            let heard = if other == core { channels } else { self.triggers[other].through_gate(outside) };
            match self.triggers[other].take(heard) {
                Some(Effect::Stop) if !self.board.is_stopped(other) => {
                    self.cores[other].halt(&mut self.board)?;
                    self.signal(other, self.triggers[other].on_stop())?;
                }
                Some(Effect::Resume) if self.board.is_stopped(other) => {
                    self.cores[other].restart(&mut self.board)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn place(&self, address: u32) -> Option<Place> {
        let within = |first: u32| {
            let distance = address.checked_sub(first)?;
            let (core, offset) = ((distance / STRIDE) as usize, distance % STRIDE);
            (core < self.cores.len() && offset < PAGE).then_some((core, offset))
        };
        within(CORES)
            .map(|(core, offset)| Place::Core(core, offset))
            .or_else(|| within(TRIGGERS).map(|(core, offset)| Place::Trigger(core, offset)))
    }
}
