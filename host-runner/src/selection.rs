//! Which tests of an image run: the user's filters applied to its list.

use crate::cli::Selection;
use crate::plan::{Plan, Selected};
use suites::Dice;
use wire::Parameters;

/// The filters leave no test at all, which is more often a typing error than a wish.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("no test of {of} matches")]
#[diagnostic(help("`host-runner list` shows the names; `--include-ignored` counts ignored ones in"))]
pub struct NothingSelected {
    of: usize,
}

impl NothingSelected {
    /// Of an image with so many tests.
    pub(crate) const fn of(of: usize) -> Self {
        Self { of }
    }
}

/// Marks every test of `plan` as `selection` wants it.
///
/// # Errors
///
/// When none is left.
pub fn select(plan: &mut Plan, selection: &Selection) -> Result<(), NothingSelected> {
    for test in &mut plan.tests {
        test.selected = selected(selection, &test.name, test.selected == Selected::Ignored);
    }
    if plan.tests.iter().all(|test| test.selected == Selected::Filtered) {
        return Err(NothingSelected::of(plan.tests.len()));
    }
    Ok(())
}

/// Puts the tests into an order that is drawn from `seed`.
pub fn shuffle(plan: &mut Plan, seed: u64) {
    let mut dice = Dice::new(seed);
    for left in (1..plan.tests.len()).rev() {
        plan.tests.swap(left, dice.place(left + 1));
    }
}

impl Selection {
    /// What the order of the tests is to be drawn from, where it is.
    #[must_use]
    pub fn order(&self, parameters: &Parameters) -> Option<u64> {
        self.shuffle_seed.or_else(|| self.shuffle.then_some(parameters.seed))
    }
}

fn selected(selection: &Selection, name: &str, ignored: bool) -> Selected {
    let matches = |filter: &String| if selection.exact { name == filter } else { name.contains(filter) };
    let wanted = selection.filters.is_empty() || selection.filters.iter().any(matches);
    // An empty word leaves nothing out: a variable may be there and empty.
    let left_out = selection.skip.iter().filter(|filter| !filter.is_empty()).any(matches)
        || selection.smoke && is_long(name);
    if !wanted || left_out || selection.ignored && !ignored {
        Selected::Filtered
    } else if ignored && !selection.ignored && !selection.include_ignored {
        Selected::Ignored
    } else {
        Selected::Yes
    }
}

/// Whether a test takes too long, or tries too much, for a selection that every push must pass.
fn is_long(name: &str) -> bool {
    ["memory::", "soak::", "bench::", "misuse::"].iter().any(|area| name.starts_with(area))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Selected::{Filtered, Ignored, Yes};

    fn filters(filters: &[&str]) -> Selection {
        Selection { filters: filters.iter().map(ToString::to_string).collect(), ..Selection::default() }
    }

    #[test]
    fn filters_are_or_ed_substrings() {
        let selection = filters(&["boot", "smp"]);
        assert_eq!(selected(&selection, "boot::level", false), Yes);
        assert_eq!(selected(&selection, "a::smp_works", false), Yes);
        assert_eq!(selected(&selection, "buddy::merge", false), Filtered);
    }

    #[test]
    fn exact_names_are_whole() {
        let selection = Selection { exact: true, ..filters(&["boot::level"]) };
        assert_eq!(selected(&selection, "boot::level", false), Yes);
        assert_eq!(selected(&selection, "boot::level_two", false), Filtered);
    }

    #[test]
    fn skipping_wins() {
        let selection = Selection { skip: vec!["level".into()], ..filters(&["boot"]) };
        assert_eq!(selected(&selection, "boot::level", false), Filtered);
    }

    #[test]
    fn a_smoke_run_leaves_the_long_areas_out() {
        let smoke = Selection { smoke: true, ..Selection::default() };
        for long in ["memory::whole::is_good", "soak::a", "bench::b", "misuse::c"] {
            assert_eq!(
                (selected(&smoke, long, false), selected(&Selection::default(), long, false)),
                (Filtered, Yes)
            );
        }
        for short in ["boot::memory::tables", "heap::misuse::free_twice", "memory_is_there"] {
            assert_eq!(selected(&smoke, short, false), Yes);
        }
    }

    #[test]
    fn ignored_tests_run_only_when_asked_for() {
        let plain = Selection::default();
        assert_eq!(selected(&plain, "a", true), Ignored);
        let only = Selection { ignored: true, ..Selection::default() };
        assert_eq!((selected(&only, "a", true), selected(&only, "b", false)), (Yes, Filtered));
        let all = Selection { include_ignored: true, ..Selection::default() };
        assert_eq!((selected(&all, "a", true), selected(&all, "b", false)), (Yes, Yes));
    }

    #[test]
    fn an_order_is_another_one_with_each_seed_and_loses_no_test() {
        let test = |number: u64| crate::plan::Test {
            name: number.to_string(),
            entry: number,
            should_panic: false,
            timeout: None,
            selected: Yes,
        };
        let order = |seed| {
            let tests = (0..50).map(test).collect();
            let mut plan = Plan::new(wire::BuildId::default(), tests);
            shuffle(&mut plan, seed);
            plan.tests.iter().map(|test| test.entry).collect::<Vec<_>>()
        };
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
        let mut all = order(9);
        assert!(!all.is_sorted());
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn a_filter_without_match_is_an_error() {
        let mut plan = Plan::new(wire::BuildId::default(), Vec::new());
        assert!(select(&mut plan, &filters(&["typo"])).is_err());
    }
}
