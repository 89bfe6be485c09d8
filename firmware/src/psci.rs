//! PSCI, through the conduit that the device tree names.

use framekeeper::PhysAddr;
use smccc::{
    Hvc, Smc,
    psci::{self, AffinityState, LowestAffinityLevel},
};

use machine::Conduit;

use crate::boot;

/// Calls a function of the `psci` module by the machine's conduit.
macro_rules! call {
    ($function:ident($($argument:expr),*)) => {
        match boot::machine().psci {
            Conduit::Hvc => psci::$function::<Hvc>($($argument),*),
            Conduit::Smc => psci::$function::<Smc>($($argument),*),
        }
    };
}

/// Starts a core at a physical address with a value in its x0; the error is PSCI's code.
pub(crate) fn cpu_on(affinity: u64, entry: PhysAddr, argument: u64) -> Result<(), i64> {
    call!(cpu_on(affinity, entry.0, argument)).map_err(i64::from)
}

/// Switches this core off. Returns only if PSCI refuses.
pub(crate) fn cpu_off() {
    // Nothing is left to be done about an error: the caller halts.
    let _ = call!(cpu_off());
}

/// Whether a core is off.
pub(crate) fn is_off(affinity: u64) -> bool {
    call!(affinity_info(affinity, LowestAffinityLevel::All)) == Ok(AffinityState::Off)
}

/// Switches the machine off. Returns only if PSCI refuses.
pub fn system_off() {
    let _ = call!(system_off());
}

/// Resets the machine. Returns only if PSCI refuses.
pub fn system_reset() {
    let _ = call!(system_reset());
}
