//! The smallest set of tests after which another one fails, by delta debugging: halves of what is suspected are tried, then
//! what is left without a part of it, then smaller parts (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
//! Input", 2002).
//!
//! Nothing is assumed about how tests act together, so the set is smallest in this sense: none of it can be left out. There
//! may be another one with fewer. Tests stay in their order, and no set is tried twice.

use std::collections::BTreeMap;

/// What makes a test fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing else: it fails by itself.
    Alone,
    /// Nothing that was tried: it passes by itself and after all others.
    Nothing,
    /// The others at these places, of which none can be left out.
    These(Vec<usize>),
}

/// Looks for what makes a test fail among `count` others, by their places. `fails` runs it after some of them and says whether
/// it fails.
///
/// # Errors
///
/// The first one of `fails`.
pub(crate) fn reduce<E>(count: usize, fails: impl FnMut(&[usize]) -> Result<bool, E>) -> Result<Found, E> {
    let mut trials = Trials { fails, known: BTreeMap::new() };
    if trials.fails(&[])? {
        return Ok(Found::Alone);
    }
    let all: Vec<_> = (0..count).collect();
    if !trials.fails(&all)? {
        return Ok(Found::Nothing);
    }
    trials.smallest(all).map(Found::These)
}

/// What was tried.
struct Trials<F> {
    fails: F,
    known: BTreeMap<Vec<usize>, bool>,
}

impl<E, F: FnMut(&[usize]) -> Result<bool, E>> Trials<F> {
    fn fails(&mut self, places: &[usize]) -> Result<bool, E> {
        if let Some(&known) = self.known.get(places) {
            return Ok(known);
        }
        let fails = (self.fails)(places)?;
        self.known.insert(places.to_vec(), fails);
        Ok(fails)
    }

    /// A part of `set`, after all of which the test fails, that can be made no smaller by one.
    fn smallest(&mut self, mut set: Vec<usize>) -> Result<Vec<usize>, E> {
        let mut pieces = 2;
        while set.len() > 1 {
            if let Some(piece) = self.first_that_fails(parts(&set, pieces))? {
                (set, pieces) = (piece, 2);
            } else if let Some(rest) = self.first_that_fails(rests(&set, pieces))? {
                (set, pieces) = (rest, (pieces - 1).max(2));
            } else if pieces < set.len() {
                pieces = (pieces * 2).min(set.len());
            } else {
                break;
            }
        }
        Ok(set)
    }

    fn first_that_fails(&mut self, sets: Vec<Vec<usize>>) -> Result<Option<Vec<usize>>, E> {
        for set in sets {
            if self.fails(&set)? {
                return Ok(Some(set));
            }
        }
        Ok(None)
    }
}

/// `set` in so many pieces of about the same size. What runs last is suspected first: most was still as it left it.
fn parts(set: &[usize], pieces: usize) -> Vec<Vec<usize>> {
    let bound = |piece: usize| piece * set.len() / pieces;
    (0..pieces).rev().map(|piece| set[bound(piece)..bound(piece + 1)].to_vec()).collect()
}

/// `set` without each of its pieces.
fn rests(set: &[usize], pieces: usize) -> Vec<Vec<usize>> {
    let without = |part: Vec<usize>| set.iter().copied().filter(|place| !part.contains(place)).collect();
    parts(set, pieces).into_iter().map(without).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// What is found where the test fails after such places, and what was tried for it.
    fn reduced(count: usize, fails: impl Fn(&[usize]) -> bool) -> (Found, Vec<Vec<usize>>) {
        let mut tried = Vec::new();
        let found = reduce(count, |places| {
            tried.push(places.to_vec());
            Ok::<_, Infallible>(fails(places))
        });
        let Ok(found) = found;
        (found, tried)
    }

    /// The places whose bits are set.
    fn places(bits: usize) -> Vec<usize> {
        (0..usize::BITS as usize).filter(|place| bits >> place & 1 == 1).collect()
    }

    #[test]
    fn every_set_of_culprits_is_found() {
        for count in 1..=8 {
            for culprits in (1..1 << count).map(places) {
                let (found, _) =
                    reduced(count, |after| culprits.iter().all(|culprit| after.contains(culprit)));
                assert_eq!(found, Found::These(culprits), "of {count}");
            }
        }
    }

    #[test]
    fn none_of_what_is_found_can_be_left_out_however_strangely_tests_act_together() {
        // Each bit of `rule` says whether the test fails after one of the sixteen sets of four others.
        for rule in (0..1 << 16).filter(|rule| rule & 1 == 0 && rule >> 15 == 1) {
            let fails =
                |after: &[usize]| rule >> after.iter().map(|place| 1 << place).sum::<usize>() & 1 == 1;
            let (Found::These(found), _) = reduced(4, fails) else { panic!("{rule:#x}") };
            assert!(fails(&found), "{rule:#x}: {found:?}");
            for left_out in &found {
                let rest: Vec<_> = found.iter().copied().filter(|place| place != left_out).collect();
                assert!(!fails(&rest), "{rule:#x}: {found:?} without {left_out}");
            }
        }
    }

    #[test]
    fn tests_stay_in_their_order_and_nothing_is_tried_twice() {
        let (_, tried) = reduced(40, |after| [3, 17, 18, 39].iter().all(|culprit| after.contains(culprit)));
        assert!(tried.iter().all(|set| set.is_sorted_by(|one, next| one < next)), "{tried:?}");
        let mut sets = tried.clone();
        sets.sort();
        sets.dedup();
        assert_eq!(sets.len(), tried.len());
    }

    #[test]
    fn one_culprit_among_many_takes_few_trials() {
        for culprit in 0..128 {
            let (found, tried) = reduced(128, |after| after.contains(&culprit));
            assert_eq!(found, Found::These(vec![culprit]));
            assert!(tried.len() <= 2 + 2 * 7, "{}", tried.len());
        }
    }

    #[test]
    fn a_test_that_fails_by_itself_is_run_once() {
        assert_eq!(reduced(9, |_| true), (Found::Alone, vec![vec![]]));
    }

    #[test]
    fn what_does_not_fail_after_all_others_is_not_looked_for() {
        let all = vec![0, 1, 2];
        assert_eq!(reduced(3, |_| false), (Found::Nothing, vec![vec![], all]));
        assert_eq!(reduced(0, |_| false), (Found::Nothing, vec![vec![]]));
    }

    #[test]
    fn a_trial_without_an_answer_ends_the_search() {
        let mut trials = 0;
        let found = reduce(8, |after| {
            trials += 1;
            if trials == 4 { Err("interrupted") } else { Ok(after.contains(&0)) }
        });
        assert_eq!((found, trials), (Err("interrupted"), 4));
    }
}
