//! How the test under way is to run, as the host ordered it.

use spin::Once;
use wire::Parameters;

/// Filled before the test's entry is called, and empty again for the next one: a restart gives statics their first values.
static PARAMETERS: Once<Parameters> = Once::new();

/// How the test under way is to run.
///
/// The defaults if nobody has ordered a test: a debugger that answers semihosting itself gives no parameters.
#[must_use]
pub fn parameters() -> Parameters {
    PARAMETERS.get().copied().unwrap_or_default()
}

/// Notes what came with the order.
pub(crate) fn set(parameters: Parameters) {
    PARAMETERS.call_once(|| parameters);
}
