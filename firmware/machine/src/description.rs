//! The machine as a whole.

use framekeeper::{PhysRange, devicetree::Tree};

use crate::{
    error::MachineError,
    name::Name,
    notes::notes,
    processor::{self, Conduit, Gic, Timer},
    screen::{Screen, screen},
    serial::{Serial, find_serial},
    soc::{Power, Soc},
};

/// The most cores that are used. More in the device tree are left off.
pub const MAX_CORES: usize = 16;

/// The machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// `model`, or else the first `compatible`, of the root.
    pub name: Name,
    /// MPIDR affinity of each core, in the order of the device tree.
    pub cores: [Option<u64>; MAX_CORES],
    /// How PSCI is called.
    pub psci: Conduit,
    /// The interrupt controller.
    pub gic: Gic,
    /// The generic timer.
    pub timer: Timer,
    /// The serial port, if there is one that may be used.
    pub serial: Option<Serial>,
    /// What resets the machine.
    pub power: Power,
    /// What is known of the system on chip beyond its tree.
    pub soc: Option<&'static Soc>,
    /// The screen that the boot loader may have left on.
    pub screen: Option<Screen>,
    /// Memory that outlives a reset, for what no host hears.
    pub notes: Option<PhysRange>,
    /// A hash over what the boot loader drew at random, other than [`seed`], which everybody on the link can hear.
    pub entropy: u64,
}

impl Machine {
    /// Reads all but the memory.
    ///
    /// # Errors
    ///
    /// What the tree lacks.
    pub fn read<'a>(tree: &Tree<'a>) -> Result<Self, MachineError<'a>> {
        Ok(Self {
            name: Name::read(tree),
            cores: processor::cores(tree)?,
            psci: processor::conduit(tree)?,
            gic: processor::gic(tree)?,
            timer: processor::timer(tree)?,
            serial: find_serial(tree)?,
            power: Power::read(tree)?,
            soc: Soc::of(tree),
            screen: screen(tree),
            notes: notes(tree),
            entropy: hash(tree, 0x9e37_79b9_7f4a_7c15),
        })
    }

    /// How many cores there are.
    #[must_use]
    pub fn core_count(&self) -> usize {
        self.cores.iter().flatten().count()
    }
}

/// A hash over the seeds that the boot loader drew at random; the same for every boot if it drew none.
#[must_use]
pub fn seed(tree: &Tree<'_>) -> u64 {
    // FNV-1a's basis.
    hash(tree, 0xcbf2_9ce4_8422_2325)
}

/// FNV-1a over the boot loader's seeds, from some basis on.
fn hash(tree: &Tree<'_>, basis: u64) -> u64 {
    let chosen = tree.find("/chosen");
    let seeds = ["kaslr-seed", "rng-seed"];
    let seeds = seeds.iter().filter_map(|seed| chosen?.property(seed));
    seeds.flat_map(|property| property.value()).fold(basis, |hash: u64, &byte| {
        // Wrapping: a hash, not a quantity.
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}
