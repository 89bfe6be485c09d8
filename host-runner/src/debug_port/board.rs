//! The board behind the port: a QEMU, reached by its own debug server.
//!
//! That server stops and resumes all cores at once. So the machine runs while no core is in Debug state, and a core that is not,
//! while others are, does not get on: on a board it would.

use crate::gdb::{Client, GdbError, Thread};
use std::collections::BTreeMap;
use wire::ram::host::Memory;

/// x0 to x30, sp, pc and PSTATE, as servers number them.
const REGISTERS: usize = 34;
pub(super) const STACK: usize = 31;
pub(super) const PC: usize = 32;
pub(super) const PSTATE: usize = 33;

/// Words that stand together are written together, up to so many bytes.
const TOGETHER: usize = 1 << 12;
/// What is read of memory around one word: the next ones are mostly wanted too.
const AROUND: u64 = 64;

/// The machine.
#[derive(Debug)]
pub(super) struct Board {
    client: Client,
    threads: Vec<Thread>,
    system_registers: BTreeMap<String, u32>,
    cores: Vec<Core>,
    is_running: bool,
    selected: Option<usize>,
    /// What was written and has not reached the machine: by which core, from where on.
    writing: Option<(usize, u64, Vec<u8>)>,
    /// What was read last, by which core, from where on.
    seen: Option<(usize, u64, Vec<u8>)>,
}

/// One core as far as the machine is not told yet.
#[derive(Clone, Debug, Default)]
struct Core {
    is_stopped: bool,
    registers: Option<Registers>,
}

/// A stopped core's registers.
#[derive(Clone, Debug)]
struct Registers {
    values: [u64; REGISTERS],
    changed: [bool; REGISTERS],
    /// The vector registers, 16 bytes each.
    vectors: Vec<u8>,
}

impl Board {
    /// The machine behind a server that was just met: it is stopped, and stays so until a core is resumed.
    pub(super) fn new(mut client: Client) -> Result<Self, GdbError> {
        let threads = client.threads()?;
        let cores = vec![Core { is_stopped: true, registers: None }; threads.len()];
        let system_registers = client.system_registers()?;
        let (is_running, selected, writing, seen) = (false, None, None, None);
        Ok(Self { client, threads, system_registers, cores, is_running, selected, writing, seen })
    }

    /// How many cores it has.
    pub(super) fn cores(&self) -> usize {
        self.cores.len()
    }

    /// Whether this core is in Debug state.
    pub(super) fn is_stopped(&self, core: usize) -> bool {
        self.cores[core].is_stopped
    }

    /// Stops a core.
    pub(super) fn stop(&mut self, core: usize) -> Result<(), GdbError> {
        self.cores[core].is_stopped = true;
        if self.is_running {
            self.client.stop()?;
            self.is_running = false;
            // A stop selects the core that it is told of.
            self.selected = None;
        }
        Ok(())
    }

    /// Resumes a core; the machine runs when none is stopped any more.
    pub(super) fn resume(&mut self, core: usize) -> Result<(), GdbError> {
        self.cores[core].is_stopped = false;
        if self.is_running || self.cores.iter().any(|core| core.is_stopped) {
            return Ok(());
        }
        // A write that fails here has failed before: whoever wrote has looked.
        let _ = self.settle()?;
        for core in 0..self.cores.len() {
            self.write_back(core)?;
        }
        self.seen = None;
        self.is_running = true;
        self.client.resume()
    }

    fn write_back(&mut self, core: usize) -> Result<(), GdbError> {
        let Some(registers) = self.cores[core].registers.take() else { return Ok(()) };
        let changed = (0..).zip(registers.values).zip(registers.changed).filter(|(_, changed)| *changed);
        for ((number, value), _) in changed {
            self.select(core)?;
            self.client.set_register(number, value)?;
        }
        Ok(())
    }

    /// A register of a stopped core.
    pub(super) fn register(&mut self, core: usize, number: usize) -> Result<u64, GdbError> {
        Ok(self.registers(core)?.values[number])
    }

    /// Changes a register of a stopped core.
    pub(super) fn set_register(&mut self, core: usize, number: usize, value: u64) -> Result<(), GdbError> {
        let registers = self.registers(core)?;
        registers.values[number] = value;
        registers.changed[number] = true;
        Ok(())
    }

    /// Half of a vector register of a stopped core.
    pub(super) fn vector(&mut self, core: usize, number: usize, half: usize) -> Result<u64, GdbError> {
        let (words, _) = self.registers(core)?.vectors.as_chunks::<8>();
        Ok(words.get(2 * number + half).map_or(0, |word| u64::from_le_bytes(*word)))
    }

    fn registers(&mut self, core: usize) -> Result<&mut Registers, GdbError> {
        if self.cores[core].registers.is_none() {
            self.select(core)?;
            let bytes = self.client.register_bytes()?;
            self.cores[core].registers = Some(Registers::from_bytes(&bytes));
        }
        self.cores[core].registers.as_mut().ok_or(GdbError::Closed)
    }

    /// A system register of a stopped core, by the name that the machine has for it; none if it has none.
    pub(super) fn system_register(&mut self, core: usize, name: &str) -> Result<Option<u64>, GdbError> {
        self.select(core)?;
        let number = self.system_registers.get(name);
        number.map_or(Ok(None), |number| self.client.register(*number))
    }

    /// Reads what a stopped core has at `address`; none where nothing is.
    pub(super) fn read(
        &mut self,
        core: usize,
        address: u64,
        length: usize,
    ) -> Result<Option<Vec<u8>>, GdbError> {
        // What cannot be written is noticed where it was written.
        let _ = self.settle()?;
        if let Some(bytes) = self.seen(core, address, length) {
            return Ok(Some(bytes));
        }
        let start = address & !(AROUND - 1);
        self.seen = self.read_piece(core, start, AROUND as usize)?.map(|bytes| (core, start, bytes));
        match self.seen(core, address, length) {
            Some(bytes) => Ok(Some(bytes)),
            None => self.read_piece(core, address, length),
        }
    }

    fn seen(&self, core: usize, address: u64, length: usize) -> Option<Vec<u8>> {
        let (_, start, bytes) = self.seen.as_ref().filter(|(of, ..)| *of == core)?;
        let offset = usize::try_from(address.checked_sub(*start)?).ok()?;
        bytes.get(offset..offset.checked_add(length)?).map(<[u8]>::to_vec)
    }

    fn read_piece(&mut self, core: usize, address: u64, length: usize) -> Result<Option<Vec<u8>>, GdbError> {
        self.select(core)?;
        unless_refused(self.client.read(address, length))
    }

    /// Writes to what a stopped core has at `address`. Whether something is there is known when it is settled.
    pub(super) fn write(&mut self, core: usize, address: u64, bytes: &[u8]) -> Result<bool, GdbError> {
        self.seen = None;
        if let Some((of, start, before)) = &mut self.writing
            && *of == core
            && start.wrapping_add(before.len() as u64) == address
            && before.len() < TOGETHER
        {
            before.extend(bytes);
            return Ok(true);
        }
        let settled = self.settle()?;
        self.writing = Some((core, address, bytes.to_vec()));
        Ok(settled)
    }

    /// Has everything that was written reach the machine; false where nothing is.
    pub(super) fn settle(&mut self) -> Result<bool, GdbError> {
        let Some((core, address, bytes)) = self.writing.take() else { return Ok(true) };
        self.select(core)?;
        Ok(unless_refused(self.client.write(address, &bytes))?.is_some())
    }

    fn select(&mut self, core: usize) -> Result<(), GdbError> {
        if self.selected != Some(core) {
            self.client.select(&self.threads[core])?;
            self.selected = Some(core);
        }
        Ok(())
    }
}

impl Registers {
    /// Of the answer to `g`: after PSTATE, which has half a word, come the vector registers.
    fn from_bytes(bytes: &[u8]) -> Self {
        let mut values = [0; REGISTERS];
        for (value, word) in values.iter_mut().zip(bytes.chunks(8)) {
            let mut whole = [0; 8];
            let length = if word.len() < 8 { word.len() } else { 8 };
            whole[..length].copy_from_slice(&word[..length]);
            *value = u64::from_le_bytes(whole);
        }
        values[PSTATE] &= 0xffff_ffff;
        let vectors = bytes.get(PSTATE * 8 + 4..).unwrap_or_default().to_vec();
        Self { values, changed: [false; REGISTERS], vectors }
    }
}

/// None where the server refuses.
fn unless_refused<T>(answer: Result<T, GdbError>) -> Result<Option<T>, GdbError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(GdbError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
