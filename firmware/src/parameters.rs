//! How the test under way is to run, as the host ordered it.

use framekeeper::devicetree::Tree;
use spin::Once;
use wire::Parameters;

use crate::alone;

/// Filled before the test's entry is called, and empty again for the next one: a restart gives statics their first values.
static PARAMETERS: Once<Parameters> = Once::new();

/// What the kernel command line says.
static DEFAULTS: Once<Parameters> = Once::new();

/// How the test under way is to run.
///
/// Where nobody has ordered a test, what the kernel command line says, and the defaults for the rest: a debugger that
/// answers semihosting itself gives no parameters.
#[must_use]
pub fn parameters() -> Parameters {
    PARAMETERS.get().or(DEFAULTS.get()).copied().unwrap_or_default()
}

/// Reads the kernel command line. What is wrong there is logged, and then none of it is believed.
pub(crate) fn read(tree: &Tree<'_>) {
    alone::read(machine::arguments(tree));
    match Parameters::from_arguments(machine::arguments(tree)) {
        Ok(parameters) => {
            DEFAULTS.call_once(|| parameters);
        }
        Err(wrong) => defmt::error!("the kernel command line says {=str}, which is no parameter", wrong.word),
    }
}

/// Notes what came with the order.
pub(crate) fn set(parameters: Parameters) {
    PARAMETERS.call_once(|| parameters);
}
