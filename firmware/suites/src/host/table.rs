//! All scenarios, by their names.

use std::sync::{Mutex, PoisonError};

use wire::Parameters;

use super::{HostMachine, start};

/// A scenario, for a host's machine.
pub type Scenario = fn(&HostMachine);

macro_rules! table {
    ($($suite:ident { $($scenario:ident,)* })*) => {
        &[$($((concat!(stringify!($suite), "::", stringify!($scenario)), crate::$suite::$scenario),)*)*]
    };
}

/// Every scenario with its name, as `suite::scenario`.
pub const SCENARIOS: &[(&str, Scenario)] = crate::scenarios!(table);

/// The digest that a scenario ends with, found by running it here; none for a name that no scenario has, and for one that
/// ends without a digest.
#[must_use]
pub fn digest(name: &str, parameters: Parameters) -> Option<u64> {
    /// There is one machine: who asks next waits.
    static TURN: Mutex<()> = Mutex::new(());
    let (_, scenario) = SCENARIOS.iter().find(|(known, _)| *known == name)?;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let machine = start(|_| ());
    machine.try_as_a_board();
    machine.run(parameters, name, scenario);
    machine.digest(name)
}
