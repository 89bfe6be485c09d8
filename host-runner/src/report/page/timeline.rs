//! Which test ran when, and what each core had to say meanwhile.

use super::super::story::{MarkKind, Story, Told};
use super::super::words;
use super::status_tone;
use crate::units::Took;
use maud::{Markup, html};
use std::time::Duration;

/// In units of the drawing, which is scaled to the page.
const WIDTH: f64 = 1000.0;
const LABELS: f64 = 70.0;
const ROW: f64 = 18.0;
const TESTS: f64 = 26.0;
/// Marks closer than this are one: a core may log a million lines.
const GRAIN: f64 = 0.8;

/// The drawing.
pub(super) fn section(story: &Story) -> Markup {
    let cores = rows(story);
    let height = TESTS + ROW * cores.len() as f64 + 20.0;
    html! {
        section #timeline {
            h2 { "Timeline" }
            p.note { "Above, the tests in the colour of their end; below, when each core logged something, and where it went down." }
            div.wide {
                svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label="which test ran when, and what each core logged" {
                    text x="0" y="16" { "tests" }
                    @for told in &story.tests { (bar(story, told)) }
                    @for (row, core) in cores.iter().enumerate() { (core_row(story, *core, row)) }
                    (axis(story, height))
                }
            }
        }
    }
}

/// The cores that have a row, by number.
fn rows(story: &Story) -> Vec<u32> {
    let mut cores: Vec<_> = story.marks.iter().map(|mark| mark.core).collect();
    cores.extend(0..story.board.as_ref().map_or(0, |board| board.cores.min(64)));
    cores.sort_unstable();
    cores.dedup();
    cores
}

fn end(story: &Story) -> Duration {
    let last = story.tests.iter().map(|told| told.ended).max().unwrap_or_default();
    last.max(story.summary.took).max(Duration::from_millis(1))
}

fn x(story: &Story, at: Duration) -> f64 {
    LABELS + (WIDTH - LABELS) * at.as_secs_f64() / end(story).as_secs_f64()
}

fn bar(story: &Story, told: &Told) -> Markup {
    let (from, to) = (x(story, told.ended.saturating_sub(told.took)), x(story, told.ended));
    let title =
        format!("{}: {}, {}", story.name(told), words::word(&told.status).to_lowercase(), Took(told.took));
    html! {
        @if !told.took.is_zero() {
            rect.(status_tone(&told.status)) x=(figure(from)) y="4" width=(figure((to - from).max(0.6))) height="16" {
                title { (title) }
            }
        }
    }
}

fn core_row(story: &Story, core: u32, row: usize) -> Markup {
    let y = TESTS + ROW * row as f64;
    let marks = story.marks.iter().filter(|mark| mark.core == core);
    let (mut logs, mut grave, mut last) = (String::new(), Vec::new(), f64::MIN);
    for mark in marks {
        let at = x(story, mark.at);
        match mark.kind {
            MarkKind::Grave => grave.push(at),
            MarkKind::Log if at - last >= GRAIN => {
                logs += &format!("M{} {}v{}", figure(at), figure(y + 4.0), ROW - 8.0);
                last = at;
            }
            MarkKind::Log => {}
        }
    }
    html! {
        text x="0" y=(figure(y + 13.0)) { "core " (core) }
        line.rule x1=(LABELS) x2=(WIDTH) y1=(figure(y + ROW / 2.0)) y2=(figure(y + ROW / 2.0)) {}
        @if !logs.is_empty() { path.mark d=(logs) {} }
        @for at in grave {
            circle.bad cx=(figure(at)) cy=(figure(y + ROW / 2.0)) r="4" { title { "core " (core) " went down" } }
        }
    }
}

fn axis(story: &Story, height: f64) -> Markup {
    const TICKS: u32 = 5;
    html! {
        @for tick in 0..=TICKS {
            @let at = end(story) * tick / TICKS;
            @let anchor = if tick == 0 { "start" } else if tick == TICKS { "end" } else { "middle" };
            text.axis x=(figure(x(story, at))) y=(figure(height - 4.0)) text-anchor=(anchor) { (Took(at)) }
        }
    }
}

/// A coordinate, as exact as it can be seen.
pub(super) fn figure(value: f64) -> String {
    format!("{value:.1}")
}
