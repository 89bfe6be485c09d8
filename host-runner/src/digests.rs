//! What the host computes for the scenarios that boards run.
//!
//! A board's digest of a scenario must be the host's; this is the only place that says what the host's is.

use wire::Parameters;

/// The state of the allocator on the host at the end of `scenario`, run with `parameters`; none if the host does not know
/// the scenario, whose digest is then shown as not compared.
///
/// It depends on nothing but its arguments: a replay asks again. It may take its time, for the board waits meanwhile.
#[must_use]
pub fn expected(scenario: &str, parameters: &Parameters) -> Option<u64> {
    suites::host::digest(scenario, *parameters)
}
