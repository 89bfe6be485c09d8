//! What the device tree says about the machine: its memory, cores, interrupt controller, timer and serial port.
//!
//! Nothing else in the firmware reads the device tree, and nothing that stands here is a constant anywhere. The blob's
//! structure is checked once, by whoever makes the [`Tree`]; everything here reads that one tree.

use arm_gic::IntId;
use framekeeper::{
    PhysRange, RegionSet,
    devicetree::{MeaningError, MeaningErrorKind, Node, RamDescription, Tree, TreeError},
};

/// The most cores that are used. More in the device tree are left off, and logged.
pub const MAX_CORES: usize = 16;

/// The most ranges in a set of memory.
const MAX_RANGES: usize = 128;

/// What the interrupt controller is compatible with.
const GIC: &str = "arm,gic-v3";

/// A set of memory.
pub type Memory = RegionSet<MAX_RANGES>;

/// All of the machine's memory, and what of it is taken.
pub type Ram = RamDescription<MAX_RANGES>;

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
    /// The virtual timer's interrupt.
    pub timer: IntId,
    /// The serial port that `stdout-path` names.
    pub uart: PhysRange,
    /// A hash over what the boot loader drew at random, other than [`seed`], which everybody on the link can hear.
    pub entropy: u64,
}

/// A machine's name, cut to what fits.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    bytes: [u8; 48],
    length: usize,
}

impl Name {
    fn new(name: &str) -> Self {
        let mut bytes = [0; 48];
        let length = name.floor_char_boundary(bytes.len());
        if let (Some(place), Some(text)) = (bytes.get_mut(..length), name.as_bytes().get(..length)) {
            place.copy_from_slice(text);
        }
        Self { bytes, length }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
    }
}

/// How firmware above EL1 is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduit {
    /// `hvc #0`.
    Hvc,
    /// `smc #0`.
    Smc,
}

/// Where a GICv3 has its registers.
#[derive(Clone, Copy, Debug)]
pub struct Gic {
    /// Distributor.
    pub distributor: PhysRange,
    /// All redistributors.
    pub redistributors: PhysRange,
}

/// Why this firmware cannot run with a device tree.
#[derive(Clone, Copy, Debug)]
pub enum MachineError<'a> {
    /// Its structure is broken; where, and how.
    Malformed(TreeError),
    /// There is no such node: a path, or what it would be compatible with.
    NoNode(&'static str),
    /// The node is there; what it says cannot be, or is not what this firmware needs.
    BadNode(MeaningError<'a>),
    /// The image or the device tree was put where nothing may be mapped.
    MustNotBeMapped {
        /// Where it lies.
        occupied: PhysRange,
        /// What must not be mapped.
        no_map: PhysRange,
    },
}

impl From<TreeError> for MachineError<'_> {
    fn from(error: TreeError) -> Self {
        Self::Malformed(error)
    }
}

impl<'a> From<MeaningError<'a>> for MachineError<'a> {
    fn from(error: MeaningError<'a>) -> Self {
        Self::BadNode(error)
    }
}

impl Machine {
    /// Reads all but the memory.
    ///
    /// # Errors
    ///
    /// What the tree lacks.
    pub fn read<'a>(tree: &Tree<'a>) -> Result<Self, MachineError<'a>> {
        Ok(Self {
            name: name(tree),
            cores: cores(tree)?,
            psci: conduit(tree)?,
            gic: gic(tree)?,
            timer: timer(tree)?,
            uart: find_uart(tree)?,
            entropy: hash(tree, 0x9e37_79b9_7f4a_7c15),
        })
    }

    /// How many cores there are.
    #[must_use]
    pub fn core_count(&self) -> usize {
        self.cores.iter().flatten().count()
    }
}

/// Reads the memory. `occupied` is what the device tree does not know of: the image, and the device tree itself.
///
/// # Errors
///
/// A memory node or a reservation cannot be read, or something of `occupied` must not be mapped.
pub fn read_ram<'a>(tree: &Tree<'a>, occupied: &[PhysRange]) -> Result<Ram, MachineError<'a>> {
    let ram = Ram::read(tree, occupied)?;
    for &occupied in occupied {
        if let Some(no_map) = ram.no_map.iter().find(|no_map| no_map.overlaps(occupied)) {
            return Err(MachineError::MustNotBeMapped { occupied, no_map });
        }
    }
    Ok(ram)
}

/// Finds the serial port that `stdout-path` names.
///
/// # Errors
///
/// The tree names no serial port that this firmware can drive.
pub fn find_uart<'a>(tree: &Tree<'a>) -> Result<PhysRange, MachineError<'a>> {
    let chosen = tree.find("/chosen").ok_or(MachineError::NoNode("/chosen"))?;
    let bad_path = bad(&chosen, "stdout-path");
    // Behind a colon stand line parameters.
    let path = chosen.text("stdout-path").and_then(|path| path.split(':').next()).ok_or(bad_path)?;
    let node = if path.starts_with('/') {
        tree.find(path)
    } else {
        tree.find("/aliases").and_then(|aliases| aliases.text(path)).and_then(|path| tree.find(path))
    };
    let node = node.ok_or(bad_path)?;
    if !node.is_compatible("arm,pl011") {
        return Err(bad(&node, "compatible"));
    }
    Ok(node.reg()?.next().ok_or(bad(&node, "reg"))??)
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

fn name(tree: &Tree<'_>) -> Name {
    let root = tree.root();
    let property = root.property("model").or_else(|| root.property("compatible"));
    Name::new(property.and_then(|property| property.strings().next()).unwrap_or("unnamed machine"))
}

fn cores<'a>(tree: &Tree<'a>) -> Result<[Option<u64>; MAX_CORES], MachineError<'a>> {
    let parent = tree.find("/cpus").ok_or(MachineError::NoNode("/cpus"))?;
    let mut cores = [None; MAX_CORES];
    let mut slots = cores.iter_mut();
    for node in parent.children().filter(|node| node.text("device_type") == Some("cpu")) {
        if !node.is_enabled()? {
            continue;
        }
        let Some(slot) = slots.next() else {
            break;
        };
        // Not a range: `#size-cells` is 0 here (Devicetree Specification 0.4 §3.7).
        let reg = node.property("reg").and_then(|reg| reg.number());
        *slot = Some(reg.ok_or(bad(&node, "reg"))?);
    }
    Ok(cores)
}

fn conduit<'a>(tree: &Tree<'a>) -> Result<Conduit, MachineError<'a>> {
    let node = compatible(tree, &["arm,psci-1.0", "arm,psci-0.2"])?;
    match node.text("method") {
        Some("hvc") => Ok(Conduit::Hvc),
        Some("smc") => Ok(Conduit::Smc),
        _ => Err(bad(&node, "method")),
    }
}

fn gic<'a>(tree: &Tree<'a>) -> Result<Gic, MachineError<'a>> {
    let node = compatible(tree, &[GIC])?;
    let mut reg = node.reg()?;
    match (reg.next().transpose()?, reg.next().transpose()?) {
        (Some(distributor), Some(redistributors)) => Ok(Gic { distributor, redistributors }),
        _ => Err(bad(&node, "reg")),
    }
}

/// The third interrupt of the timer node is the virtual timer's (Linux, bindings/timer/arm,arch_timer.yaml).
fn timer<'a>(tree: &Tree<'a>) -> Result<IntId, MachineError<'a>> {
    let node = compatible(tree, &["arm,armv8-timer", "arm,armv7-timer"])?;
    let width = interrupt_width(tree)?;
    let interrupts = node.property("interrupts").map(|interrupts| interrupts.value());
    let third = interrupts.and_then(|value| value.chunks_exact(width).nth(2)).unwrap_or_default();
    let (cells, _) = third.as_chunks::<4>();
    match cells {
        // Type 1 is a private interrupt, of which there are 16.
        [[0, 0, 0, 1], number, ..] if u32::from_be_bytes(*number) < 16 => {
            Ok(IntId::ppi(u32::from_be_bytes(*number)))
        }
        _ => Err(bad(&node, "interrupts")),
    }
}

/// Bytes in an interrupt.
fn interrupt_width<'a>(tree: &Tree<'a>) -> Result<usize, MachineError<'a>> {
    const COUNT: &str = "#interrupt-cells";
    let controller = compatible(tree, &[GIC])?;
    let count = controller.property(COUNT).and_then(|count| count.number());
    // A GICv3 has three cells or more (Linux, bindings/interrupt-controller/arm,gic-v3.yaml).
    let count = count.filter(|count| (3..=8).contains(count)).ok_or(bad(&controller, COUNT))?;
    Ok(count as usize * 4)
}

/// The first node that is compatible with one of `names`.
fn compatible<'a>(tree: &Tree<'a>, names: &[&'static str]) -> Result<Node<'a>, MachineError<'a>> {
    let wanted = names.first().copied().unwrap_or_default();
    tree.find_compatible(names).ok_or(MachineError::NoNode(wanted))
}

/// This property of the node is missing, or has another form than it must have.
fn bad<'a>(node: &Node<'a>, property: &'static str) -> MachineError<'a> {
    let offset = node.property(property).map_or(node.offset(), |found| found.offset());
    let kind = MeaningErrorKind::BadProperty { property };
    MachineError::BadNode(MeaningError { node: node.name(), offset, kind })
}
