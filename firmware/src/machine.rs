//! What the device tree says about the machine: its memory, cores, interrupt controller, timer and serial port.
//!
//! Nothing else in the firmware reads the device tree, and nothing that stands here is a constant anywhere.

use arm_gic::IntId;
use fdt::{
    Fdt,
    parsing::{Panic, unaligned::UnalignedParser},
};
use framekeeper::{
    PhysAddr, PhysRange, RegionSet, TooManyRanges,
    devicetree::{self, TreeError},
};

/// The most cores that are used. More in the device tree are left off, and logged.
pub const MAX_CORES: usize = 16;

/// The memory of a machine.
pub type Memory = RegionSet<128>;

/// The machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// `model`, or else the first `compatible`, of the root.
    pub name: Name,
    /// All RAM, reserved or not.
    pub ram: Memory,
    /// RAM that the device tree reserves: the reservation block, and static `/reserved-memory`.
    pub reserved: Memory,
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

/// What a device tree lacks for this firmware to run.
#[derive(Clone, Copy, Debug)]
pub enum MachineError {
    /// Its structure is broken; where, and how.
    Malformed(TreeError),
    /// `fdt` cannot read it, although its structure is sound.
    Unreadable(fdt::FdtError),
    /// There is no such node.
    NoNode(&'static str),
    /// The node is there; this property is missing or has another form.
    BadProperty {
        /// Which node.
        node: &'static str,
        /// Which property.
        property: &'static str,
    },
    /// More ranges of memory than there is room for.
    TooManyRanges(TooManyRanges),
}

impl From<TooManyRanges> for MachineError {
    fn from(error: TooManyRanges) -> Self {
        Self::TooManyRanges(error)
    }
}

impl Machine {
    /// Reads a device tree.
    ///
    /// # Errors
    ///
    /// What the tree lacks.
    pub fn read(blob: &[u8]) -> Result<Self, MachineError> {
        let tree = checked(blob)?;
        Ok(Self {
            name: name(&tree),
            ram: ram(&tree)?,
            reserved: reserved(blob, &tree)?,
            cores: cores(&tree)?,
            psci: conduit(&tree)?,
            gic: gic(&tree)?,
            timer: timer(&tree)?,
            uart: uart(&tree)?,
        })
    }

    /// Finds the serial port and nothing else, so that what is wrong with the rest can be said there.
    ///
    /// # Errors
    ///
    /// The tree names no serial port that this firmware can drive.
    pub fn find_uart(blob: &[u8]) -> Result<PhysRange, MachineError> {
        uart(&checked(blob)?)
    }

    /// How many cores there are.
    #[must_use]
    pub fn core_count(&self) -> usize {
        self.cores.iter().flatten().count()
    }
}

/// A device tree as `fdt` reads it, which panics on malformed ones; so it is handed only what [`checked`] lets through.
type Tree<'a> = Fdt<'a, Reader<'a>>;
type Reader<'a> = (UnalignedParser<'a>, Panic);
type Node<'a> = fdt::nodes::Node<'a, Reader<'a>>;

fn checked(blob: &[u8]) -> Result<Tree<'_>, MachineError> {
    devicetree::Tree::new(blob).map_err(MachineError::Malformed)?;
    Fdt::new_unaligned(blob).map_err(MachineError::Unreadable)
}

fn name(tree: &Tree<'_>) -> Name {
    let root = tree.find_node("/");
    let property = |name| root.as_ref().and_then(|root| root.raw_property(name));
    let property = property("model").or_else(|| property("compatible"));
    let text = property.and_then(|property| property.value.split(|&byte| byte == 0).next());
    Name::new(text.and_then(|text| str::from_utf8(text).ok()).unwrap_or("unnamed machine"))
}

/// Every entry of every memory node: banks come as several nodes, several entries, or both.
fn ram(tree: &Tree<'_>) -> Result<Memory, MachineError> {
    const BAD_REG: MachineError = MachineError::BadProperty { node: "/memory", property: "reg" };
    let mut ram = Memory::new();
    let nodes = tree.all_nodes().map(|(_, node)| node);
    for node in nodes.filter(|node| text(node, "device_type") == Some("memory")) {
        for range in ranges(&node).ok_or(BAD_REG)? {
            ram.add(range.ok_or(BAD_REG)?.round_inward())?;
        }
    }
    if ram.size() == 0 { Err(MachineError::NoNode("/memory")) } else { Ok(ram) }
}

fn reserved(blob: &[u8], tree: &Tree<'_>) -> Result<Memory, MachineError> {
    let mut reserved = Memory::new();
    for range in reservation_block(blob) {
        reserved.add(range.round_outward())?;
    }
    let parent = tree.find_node("/reserved-memory");
    for node in parent.iter().flat_map(|parent| parent.children().iter()).filter(is_enabled) {
        // A node with a size and no address is placed by the operating system; here nobody asks for it.
        for range in ranges(&node).into_iter().flatten().flatten() {
            reserved.add(range.round_outward())?;
        }
    }
    Ok(reserved)
}

/// The reservation block that the header points to (Devicetree Specification 0.4 §5.3), which `fdt` does not give:
/// pairs of address and size, ended by two zeros.
fn reservation_block(blob: &[u8]) -> impl Iterator<Item = PhysRange> {
    const OFFSET_IN_HEADER: usize = 16;
    let offset =
        blob.get(OFFSET_IN_HEADER..).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_be_bytes(*bytes));
    let block = offset.and_then(|offset| blob.get(offset as usize..)).unwrap_or_default();
    let (words, _) = block.as_chunks::<8>();
    let (pairs, _) = words.as_chunks::<2>();
    pairs
        .iter()
        .map(|[start, size]| (u64::from_be_bytes(*start), u64::from_be_bytes(*size)))
        .take_while(|pair| *pair != (0, 0))
        .filter_map(|(start, size)| PhysRange::from_size(PhysAddr(start), size))
}

fn cores(tree: &Tree<'_>) -> Result<[Option<u64>; MAX_CORES], MachineError> {
    const BAD_REG: MachineError = MachineError::BadProperty { node: "/cpus/cpu", property: "reg" };
    let parent = tree.find_node("/cpus").ok_or(MachineError::NoNode("/cpus"))?;
    let is_core = |node: &Node<'_>| text(node, "device_type") == Some("cpu") && is_enabled(node);
    let mut cores = [None; MAX_CORES];
    for (slot, node) in cores.iter_mut().zip(parent.children().iter().filter(is_core)) {
        let reg = node.raw_property("reg").ok_or(BAD_REG)?;
        *slot = Some(cells(reg.value).ok_or(BAD_REG)?);
    }
    Ok(cores)
}

fn conduit(tree: &Tree<'_>) -> Result<Conduit, MachineError> {
    let node = compatible(tree, &["arm,psci-1.0", "arm,psci-0.2"]).ok_or(MachineError::NoNode("/psci"))?;
    match text(&node, "method") {
        Some("hvc") => Ok(Conduit::Hvc),
        Some("smc") => Ok(Conduit::Smc),
        _ => Err(MachineError::BadProperty { node: "/psci", property: "method" }),
    }
}

fn gic(tree: &Tree<'_>) -> Result<Gic, MachineError> {
    let node = compatible(tree, &["arm,gic-v3"]).ok_or(MachineError::NoNode("arm,gic-v3"))?;
    let mut ranges = ranges(&node).into_iter().flatten().flatten();
    match (ranges.next(), ranges.next()) {
        (Some(distributor), Some(redistributors)) => Ok(Gic { distributor, redistributors }),
        _ => Err(MachineError::BadProperty { node: "arm,gic-v3", property: "reg" }),
    }
}

/// The third interrupt of the timer node is the virtual timer's (Linux, bindings/timer/arm,arch_timer.yaml).
fn timer(tree: &Tree<'_>) -> Result<IntId, MachineError> {
    const BAD_INTERRUPTS: MachineError =
        MachineError::BadProperty { node: "arm,armv8-timer", property: "interrupts" };
    let node = compatible(tree, &["arm,armv8-timer", "arm,armv7-timer"])
        .ok_or(MachineError::NoNode("arm,armv8-timer"))?;
    let controller = compatible(tree, &["arm,gic-v3"]).ok_or(MachineError::NoNode("arm,gic-v3"))?;
    let cells_per_interrupt =
        controller.raw_property("#interrupt-cells").and_then(|property| cells(property.value));
    let cells_per_interrupt =
        cells_per_interrupt.filter(|cells| (3..=8).contains(cells)).ok_or(BAD_INTERRUPTS)?;
    let value = node.raw_property("interrupts").ok_or(BAD_INTERRUPTS)?.value;
    let third = value.chunks_exact(cells_per_interrupt as usize * 4).nth(2).ok_or(BAD_INTERRUPTS)?;
    let (cell, _) = third.as_chunks::<4>();
    match cell {
        // Type 1 is a private interrupt, of which there are 16.
        [[0, 0, 0, 1], number, ..] if u32::from_be_bytes(*number) < 16 => {
            Ok(IntId::ppi(u32::from_be_bytes(*number)))
        }
        _ => Err(BAD_INTERRUPTS),
    }
}

fn uart(tree: &Tree<'_>) -> Result<PhysRange, MachineError> {
    const BAD_PATH: MachineError = MachineError::BadProperty { node: "/chosen", property: "stdout-path" };
    let chosen = tree.find_node("/chosen").ok_or(MachineError::NoNode("/chosen"))?;
    // Behind a colon stand line parameters.
    let path = text(&chosen, "stdout-path").and_then(|path| path.split(':').next()).ok_or(BAD_PATH)?;
    let node = if path.starts_with('/') {
        tree.find_node(path)
    } else {
        let aliases = tree.find_node("/aliases");
        aliases.as_ref().and_then(|aliases| text(aliases, path)).and_then(|path| tree.find_node(path))
    };
    let node = node.ok_or(BAD_PATH)?;
    let is_pl011 = node
        .raw_property("compatible")
        .is_some_and(|names| names.value.split(|&byte| byte == 0).any(|name| name == b"arm,pl011"));
    let range = ranges(&node).into_iter().flatten().flatten().next();
    range
        .filter(|_| is_pl011)
        .ok_or(MachineError::BadProperty { node: "stdout-path", property: "compatible" })
}

fn compatible<'a>(tree: &Tree<'a>, names: &[&str]) -> Option<Node<'a>> {
    tree.all_compatible(names).next()
}

/// The ranges of a node's `reg`; `None` inside for one that is not a range.
fn ranges<'a>(node: &Node<'a>) -> Option<impl Iterator<Item = Option<PhysRange>> + 'a> {
    let entries = node.reg()?.iter_raw();
    Some(entries.map(|entry| PhysRange::from_size(PhysAddr(cells(entry.address)?), cells(entry.len)?)))
}

/// One or two cells as a number.
fn cells(bytes: &[u8]) -> Option<u64> {
    match bytes.as_chunks::<4>() {
        ([cell], []) => Some(u64::from(u32::from_be_bytes(*cell))),
        ([high, low], []) => {
            Some(u64::from(u32::from_be_bytes(*high)) << 32 | u64::from(u32::from_be_bytes(*low)))
        }
        _ => None,
    }
}

fn text<'a>(node: &Node<'a>, property: &str) -> Option<&'a str> {
    let text = str::from_utf8(node.raw_property(property)?.value).ok()?;
    Some(text.trim_end_matches('\0'))
}

fn is_enabled(node: &Node<'_>) -> bool {
    matches!(text(node, "status"), None | Some("okay" | "ok"))
}

/// A hash over the seeds that the boot loader drew at random; the same for every boot if it drew none.
#[must_use]
pub fn seed(blob: &[u8]) -> u64 {
    let chosen = checked(blob).ok().and_then(|tree| tree.find_node("/chosen"));
    let seeds = ["kaslr-seed", "rng-seed"];
    let seeds = seeds.iter().filter_map(|seed| chosen.as_ref()?.raw_property(seed));
    // FNV-1a.
    seeds.flat_map(|property| property.value).fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
        // Wrapping: a hash, not a quantity.
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}
