//! The cores, and what all of them share: how firmware above is called, the interrupt controller, the timer.

use framekeeper::{PhysRange, devicetree::Tree};

use crate::{
    description::MAX_CORES,
    error::{MachineError, bad},
    nodes::compatible,
};

/// What the interrupt controller is compatible with.
const GIC: &str = "arm,gic-v3";

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

/// The generic timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// The virtual timer's interrupt, by its number among the private ones.
    pub interrupt: u32,
    /// Counts per second as the tree has them. CNTFRQ_EL0 is believed first, as its owner is nearer to the hardware; this
    /// is for firmware that leaves it zero.
    pub frequency: Option<u64>,
}

/// MPIDR affinity of each core.
pub(crate) fn cores<'a>(tree: &Tree<'a>) -> Result<[Option<u64>; MAX_CORES], MachineError<'a>> {
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

pub(crate) fn conduit<'a>(tree: &Tree<'a>) -> Result<Conduit, MachineError<'a>> {
    let node = compatible(tree, &["arm,psci-1.0", "arm,psci-0.2"])?;
    match node.text("method") {
        Some("hvc") => Ok(Conduit::Hvc),
        Some("smc") => Ok(Conduit::Smc),
        _ => Err(bad(&node, "method")),
    }
}

pub(crate) fn gic<'a>(tree: &Tree<'a>) -> Result<Gic, MachineError<'a>> {
    let node = compatible(tree, &[GIC])?;
    let mut reg = node.reg()?;
    match (reg.next().transpose()?, reg.next().transpose()?) {
        (Some(distributor), Some(redistributors)) => Ok(Gic { distributor, redistributors }),
        _ => Err(bad(&node, "reg")),
    }
}

/// The third interrupt of the timer node is the virtual timer's (Linux, bindings/timer/arm,arch_timer.yaml).
pub(crate) fn timer<'a>(tree: &Tree<'a>) -> Result<Timer, MachineError<'a>> {
    let node = compatible(tree, &["arm,armv8-timer", "arm,armv7-timer"])?;
    let width = interrupt_width(tree)?;
    let interrupts = node.property("interrupts").map(|interrupts| interrupts.value());
    let third = interrupts.and_then(|value| value.chunks_exact(width).nth(2)).unwrap_or_default();
    let frequency = node.property("clock-frequency").and_then(|frequency| frequency.number());
    let (cells, _) = third.as_chunks::<4>();
    match cells {
        // Type 1 is a private interrupt, of which there are 16.
        [[0, 0, 0, 1], number, ..] if u32::from_be_bytes(*number) < 16 => {
            Ok(Timer { interrupt: u32::from_be_bytes(*number), frequency })
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
    match count {
        Some(count @ 3..=8) => Ok((count as usize).saturating_mul(4)),
        _ => Err(bad(&controller, COUNT)),
    }
}
