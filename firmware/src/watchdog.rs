//! Watchdogs that the boot loader may have left running: they are stopped, for nothing here would feed them.
//!
//! All suites together take longer than any watchdog waits, and a test may mask interrupts for as long as it likes; the
//! host watches the board instead.

#![expect(unsafe_code, reason = "writes a watchdog's register")]

use core::ptr::NonNull;

use framekeeper::devicetree::Tree;
use safe_mmio::{UniqueMmioPointer, fields::ReadPureWrite};

use crate::boot::early;

/// Stops every watchdog that the device tree names: no reset, no interrupt, no counting.
///
/// Only while booting, with the early tables in use.
pub(crate) fn stop_all(tree: &Tree<'_>) {
    for registers in machine::watchdogs(tree) {
        let control = early::map_watchdog(registers.start().0);
        let control = core::ptr::with_exposed_provenance_mut::<ReadPureWrite<u32>>(control as usize);
        let Some(control) = NonNull::new(control) else { unreachable!("nothing is mapped at address 0") };
        // SAFETY: WTCON is the first register of these watchdogs, mapped as device memory, and nothing else uses it.
        let mut control = unsafe { UniqueMmioPointer::new(control) };
        control.write(0);
    }
}
