//! What operations cost beside the best of the others, run after run.

use super::super::story::Story;
use super::charts::{Series, chart};
use crate::trend::Trend;
use maud::{Markup, html};

/// The drawings; none where no run was before.
pub(super) fn section(story: &Story, before: &Trend) -> Markup {
    let now = story.entry();
    let regressions = before.regressions(&now);
    html! {
        @if now.operations.keys().any(|operation| !before.ratios(&now.board, operation).is_empty()) {
            section #trends {
                h2 { "Run after run" }
                p.note { "Thousandths of what the same costs the best of the others in the same image; the last one is this run." }
                @for regression in &regressions { p { b { "Slower: " } (regression) } }
                div.charts {
                    @for (operation, pair) in &now.operations {
                        @let ratios = before.ratios(&now.board, operation).into_iter().chain([pair.ratio()]);
                        @let points = (1..).zip(ratios.map(|ratio| (ratio * 1000.0) as u64)).collect();
                        (chart(&Series { test: &pair.peer, name: operation, points }))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::golden::{spread, story};
    use crate::trend::Entry;

    /// A run in which one operation costs this, and the other's 100.
    fn story_of(ours: u64) -> Story {
        let mut story = story();
        let measured = [("framekeeper", ours), ("bitmap", 100)];
        story.tests[0].numbers =
            measured.map(|(peer, p50)| spread("swap", peer, 1, [p50, p50, p50, p50])).to_vec();
        story
    }

    fn trend(runs: &[u64]) -> Trend {
        Trend { entries: runs.iter().map(|&ours| story_of(ours).entry()).collect() }
    }

    fn page(now: u64, before: &Trend) -> String {
        section(&story_of(now), before).into_string()
    }

    #[test]
    fn a_run_without_one_before_has_no_trend() {
        assert_eq!(page(50, &Trend::default()), "");
        let elsewhere = Entry { board: "another".to_owned(), ..story_of(50).entry() };
        assert_eq!(
            page(50, &Trend { entries: vec![elsewhere] }),
            "",
            "another board's is no trend of this one"
        );
    }

    #[test]
    fn every_run_before_and_this_one_are_drawn() {
        let one = page(70, &trend(&[50]));
        assert!(one.contains("swap, 1 core") && one.contains("bitmap"), "{one}");
        let drawn = chart(&Series {
            test: "bitmap",
            name: "swap, 1 core",
            points: vec![(1, 500), (2, 520), (3, 700)],
        });
        let three = page(70, &trend(&[50, 52]));
        assert!(three.contains(&drawn.into_string()), "{three}");
        assert!(!three.contains("Slower"), "too few runs to judge: {three}");
    }

    #[test]
    fn what_became_slower_is_said_with_both_figures() {
        let before = trend(&[50, 50, 51, 50, 49]);
        let slower = page(60, &before);
        let words = "swap, 1 core: 0.60 × bitmap (60 to 100); the median of 5 runs before is 0.50 ×";
        assert!(slower.contains("Slower: ") && slower.contains(words), "{slower}");
        assert!(!page(52, &before).contains("Slower"));
    }
}
