//! What operations cost, beside what they cost others.

use super::super::numbers::symbol;
use super::super::story::Story;
use crate::session::Spread;
use maud::{Markup, html};

/// Whether a test has measured any.
pub(super) fn has_any(story: &Story) -> bool {
    story.spreads().next().is_some()
}

/// A table for each operation.
pub(super) fn section(story: &Story) -> Markup {
    html! {
        @if has_any(story) {
            section #compared {
                h2 { "What operations cost" }
                p.note { "Half of all calls cost no more than the bar; 99 % no more than its thin part. All of one operation ran in the same image, one after the other." }
                @for group in grouped(story) { (operation(&group)) }
            }
        }
    }
}

/// Those of one operation on so many cores, in the order in which they came.
fn grouped(story: &Story) -> Vec<Vec<&Spread>> {
    let mut groups: Vec<Vec<&Spread>> = Vec::new();
    for spread in story.spreads() {
        let is_of = |group: &&mut Vec<&Spread>| {
            group.first().is_some_and(|first| first.name == spread.name && first.cores == spread.cores)
        };
        match groups.iter_mut().find(is_of) {
            Some(group) => group.push(spread),
            None => groups.push(vec![spread]),
        }
    }
    groups
}

fn operation(group: &[&Spread]) -> Markup {
    let longest = group.iter().map(|spread| spread.p99).max().unwrap_or(1).max(1);
    html! {
        @if let Some(first) = group.first() {
            h3 { (first.name) @if first.cores > 1 { ", " (first.cores) " cores" } }
            div.wide {
                table.spreads {
                    thead { tr {
                        th { "by" } th { "half, 99 %" }
                        @for heading in ["p50", "p99", "p99.9", "max", "samples"] { th.figure { (heading) } }
                        th { "unit" }
                    } }
                    tbody { @for spread in group { (row(spread, longest)) } }
                }
            }
        }
    }
}

fn row(spread: &Spread, longest: u64) -> Markup {
    let width = |value: u64| 200.0 * value as f64 / longest as f64;
    html! {
        tr {
            td { (spread.peer) }
            td {
                svg.bar viewBox="0 0 200 12" role="img" aria-label={ "p50 " (spread.p50) ", p99 " (spread.p99) } {
                    rect.thin x="0" y="4" height="4" width=(format!("{:.1}", width(spread.p99))) {}
                    rect.thick x="0" y="1" height="10" width=(format!("{:.1}", width(spread.p50))) {}
                }
            }
            @for value in [spread.p50, spread.p99, spread.p999, spread.max, spread.samples] {
                td.figure { (value) }
            }
            td { (symbol(spread.unit)) }
        }
    }
}
