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
