//! Figures: what one round reads, and what many rounds say together.

use super::table::{Nature, Unit};

/// What stands where nothing was asked, or nobody could answer.
pub(crate) const NOTHING: &str = "-";

/// A figure of one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Not a number: there is none.
    pub(crate) value: f64,
    /// What stands before the number, as `>` does where work was cut off; or in its place, where there is none.
    pub(crate) mark: &'static str,
}

impl From<f64> for Reading {
    fn from(value: f64) -> Self {
        Self { value, mark: "" }
    }
}

/// The middle of a figure over the rounds, and half the distance of its quartiles as a share of that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    middle: Reading,
    spread: Option<f64>,
}

impl Figure {
    /// Not measured.
    pub(crate) const NOTHING: Self = Self::exact(Reading { value: f64::NAN, mark: NOTHING });

    /// One that was not measured in rounds.
    pub(crate) const fn exact(middle: Reading) -> Self {
        Self { middle, spread: None }
    }

    /// Rounds that did not get to it do not count. One that failed in any round has no number.
    pub(crate) fn over(mut readings: Vec<Reading>) -> Self {
        readings.retain(|reading| reading.mark != NOTHING);
        readings.sort_by(|a, b| a.value.total_cmp(&b.value));
        let Some(&highest) = readings.last() else { return Self::NOTHING };
        if highest.value.is_nan() {
            return Self::exact(highest);
        }
        let at = |share: f64| readings[((readings.len() - 1) as f64 * share).round() as usize];
        let middle = at(0.5);
        let has_spread = readings.len() > 1 && middle.value > 0.0;
        let spread = has_spread.then(|| (at(0.75).value - at(0.25).value) / 2.0 / middle.value);
        Self { middle, spread }
    }

    /// Not a number where there should be one.
    pub(crate) fn number(self) -> Option<f64> {
        (self.middle.mark != NOTHING).then_some(self.middle.value)
    }

    pub(crate) fn text(self, unit: Unit) -> String {
        let Reading { value, mark } = self.middle;
        if value.is_nan() {
            return mark.to_owned();
        }
        let value = format!("{mark}{}", unit.format(value));
        match self.spread {
            Some(spread) if unit.nature != Nature::Amount => {
                format!("{value} ±{:>2.0}%", 100.0 * spread)
            }
            _ => value,
        }
    }
}
