//! Figures over time, as tests have sent them.

use super::super::story::Story;
use super::timeline::figure;
use crate::session::Measured;
use maud::{Markup, html};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 120.0;
/// More points than the drawing has places are thinned out, the lowest and the highest of a place kept.
const PLACES: usize = 240;

/// One figure over time.
pub(super) struct Series<'a> {
    pub(super) test: &'a str,
    pub(super) name: &'a str,
    pub(super) points: Vec<(u64, u64)>,
}

/// Whether a test has sent any.
pub(super) fn has_any(story: &Story) -> bool {
    story.tests.iter().flat_map(|told| &told.numbers).any(|number| matches!(number, Measured::Point { .. }))
}

/// The drawings.
pub(super) fn section(story: &Story) -> Markup {
    html! {
        @if has_any(story) {
            section #series {
                h2 { "Over time" }
                div.charts { @for series in all(story) { (chart(&series)) } }
            }
        }
    }
}

fn all(story: &Story) -> Vec<Series<'_>> {
    let mut all: Vec<Series<'_>> = Vec::new();
    for told in &story.tests {
        let test = story.name(told);
        for number in &told.numbers {
            let Measured::Point { series, at, value } = number else { continue };
            match all.iter_mut().find(|known| known.test == test && known.name == series) {
                Some(known) => known.points.push((*at, *value)),
                None => all.push(Series { test, name: series, points: vec![(*at, *value)] }),
            }
        }
    }
    all
}

/// Its drawing.
pub(super) fn chart(series: &Series<'_>) -> Markup {
    let values = || series.points.iter().map(|point| point.1);
    let (least, most) = (values().min().unwrap_or(0), values().max().unwrap_or(0));
    let times = || series.points.iter().map(|point| point.0);
    let (from, to) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    html! {
        figure {
            figcaption { b { (series.name) } " " small { code { (series.test) } } }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(series.name) {
                polyline.series points=(line(&thinned(&series.points), (from, to), (least, most))) {}
                text.axis x="2" y="10" { (most) }
                text.axis x="2" y=(HEIGHT - 14.0) { (least) }
                text.axis x="2" y=(HEIGHT - 2.0) { (from) }
                text.axis x=(WIDTH - 2.0) y=(HEIGHT - 2.0) text-anchor="end" { (to) }
            }
        }
    }
}

fn line(points: &[(u64, u64)], (from, to): (u64, u64), (least, most): (u64, u64)) -> String {
    let part = |value: u64, low: u64, high: u64| {
        if high == low { 0.5 } else { value.saturating_sub(low) as f64 / (high - low) as f64 }
    };
    let place = |&(at, value): &(u64, u64)| {
        let (x, y) = (part(at, from, to), part(value, least, most));
        format!("{},{} ", figure(4.0 + x * (WIDTH - 8.0)), figure(HEIGHT - 26.0 - y * (HEIGHT - 40.0)))
    };
    points.iter().map(place).collect()
}

fn thinned(points: &[(u64, u64)]) -> Vec<(u64, u64)> {
    if points.len() <= 2 * PLACES {
        return points.to_vec();
    }
    let extremes = |chunk: &[(u64, u64)]| {
        let mut two: Vec<_> = [
            chunk.iter().enumerate().min_by_key(|(_, point)| point.1),
            chunk.iter().enumerate().max_by_key(|(_, point)| point.1),
        ]
        .into_iter()
        .flatten()
        .map(|(place, point)| (place, *point))
        .collect();
        two.sort_unstable_by_key(|(place, _)| *place);
        two.into_iter().map(|(_, point)| point).collect::<Vec<_>>()
    };
    points.chunks(points.len().div_ceil(PLACES)).flat_map(extremes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_what_sticks_out() {
        let mut points: Vec<_> = (0..100_000).map(|at| (at, 50)).collect();
        (points[33_333].1, points[77_777].1) = (1, 99);
        let thinned = thinned(&points);
        assert!(thinned.len() <= 2 * PLACES + 2);
        assert!(thinned.contains(&(33_333, 1)) && thinned.contains(&(77_777, 99)));
        assert!(thinned.is_sorted_by_key(|point| point.0));
    }

    #[test]
    fn a_figure_that_stays_is_a_line_in_the_middle() {
        assert_eq!(line(&[(0, 7), (10, 7)], (0, 10), (7, 7)), "4.0,54.0 476.0,54.0 ");
    }
}
