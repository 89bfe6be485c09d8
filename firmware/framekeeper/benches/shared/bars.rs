//! What Framekeeper is to reach, and whether it did.

use super::table::Unit;

/// A bar with its measurement.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What was measured.
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) measured: f64,
    pub(crate) bar: f64,
    /// The bar in words, and where it comes from.
    pub(crate) meaning: String,
    pub(crate) is_met: bool,
}

/// Prints a line for each bar, and last how many were met.
pub(crate) fn print(outcomes: &[Outcome]) {
    println!("bars");
    let width = outcomes.iter().map(|outcome| outcome.name.len()).max().unwrap_or(0);
    outcomes.iter().for_each(|outcome| println!("  {:<width$} {}", outcome.name, outcome.line()));
    let met = outcomes.iter().filter(|outcome| outcome.is_met).count();
    println!("{met} of {} bars met", outcomes.len());
}

impl Outcome {
    /// Without the name.
    fn line(&self) -> String {
        let value = self.unit.with_name(self.measured);
        format!("{value:>9}   bar {:<46} {}", self.meaning, self.verdict())
    }

    fn verdict(&self) -> String {
        let word = if self.is_met { "met" } else { "MISSED" };
        if self.bar == 0.0 {
            word.to_owned()
        } else {
            format!("{word}: {:.2} x the bar", self.measured / self.bar)
        }
    }
}
