//! The end of a report: the figures that are not zero, the counts for tools, and the verdict as the last line.

use super::{Context, Tally, paint};
use crate::session::{CutShort, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_PASSED, Status, Summary};
use crate::units::{Took, counted};

/// The closing lines. The last one is the verdict.
pub(super) fn lines(context: &Context, summary: &Summary) -> Vec<String> {
    let mut lines = figures(summary);
    lines.extend(summary.strays.map(strays));
    lines.push(paint::dim(&format!("recorded in {}", context.recording)));
    let count = |tally| summary.ends.iter().filter(|(_, status)| Tally::of(status) == tally).count();
    let (passed, failed, skipped) = (count(Tally::Passed), count(Tally::Failed), count(Tally::Skipped));
    lines.push(format!("{passed} passed, {failed} failed, {skipped} skipped"));
    lines.push(verdict(context, summary));
    lines
}

/// What the twin's monitor is there for.
fn strays(count: u64) -> String {
    let accesses = if count == 1 { "1 access".to_owned() } else { format!("{count} accesses") };
    let line = format!("the twin saw {accesses} outside RAM and known devices");
    if count == 0 { paint::dim(&line) } else { paint::bad(&line) }
}

fn figures(summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(first) = summary.first_verdict {
        lines.push(paint::dim(&format!("first verdict {} after power-on", Took(first))));
    }
    let nonzero = line_figures(summary);
    if !nonzero.is_empty() {
        lines.push(paint::dim(&format!("on the line: {}", nonzero.join(", "))));
    }
    lines
}

/// What went wrong on the line, and was put right: the figures that are not zero.
pub(super) fn line_figures(summary: &Summary) -> Vec<String> {
    let figures = [
        (u64::from(summary.boots.saturating_sub(1)), "further boot"),
        (summary.stale_frames, "stale frame"),
        (summary.noise_chunks, "stretch of text or noise between frames"),
        (summary.repeated_frames, "frame asked for again"),
        (summary.lost_frames, "frame lost for good"),
        (summary.unreadable_numbers, "number that cannot be read"),
    ];
    figures.iter().filter(|(n, _)| *n > 0).map(|(n, what)| figure(*n, what)).collect()
}

/// `3 frames lost for good`: the first word is the noun.
fn figure(count: u64, what: &str) -> String {
    if count == 1 {
        return format!("1 {what}");
    }
    let plural = |noun: &str| if noun.ends_with("ch") { format!("{noun}es") } else { format!("{noun}s") };
    match what.split_once(' ') {
        Some((adjective @ ("further" | "stale"), noun)) => format!("{count} {adjective} {}", plural(noun)),
        Some((noun, rest)) => format!("{count} {} {rest}", plural(noun)),
        None => format!("{count} {}", plural(what)),
    }
}

/// Whether all is well, in one line.
pub(super) fn verdict(context: &Context, summary: &Summary) -> String {
    let statuses = || summary.ends.iter().map(|(_, status)| status);
    let count = |wanted: fn(&Status) -> bool| statuses().filter(|status| wanted(status)).count();
    let failed = count(|status| Tally::of(status) == Tally::Failed);
    let ignored = count(|status| *status == Status::Ignored);
    let not_run = count(|status| matches!(status, Status::NotRun(_)));
    let ran = summary.ends.len() - ignored - not_run;
    let place = format!("on {} in {}", context.board, Took(summary.took));
    let ended = format!("{ran} of {} ended, {failed} of them failed", counted(ran + not_run, "test"));
    match summary.exit_code() {
        EXIT_PASSED => {
            paint::good(&format!("passed: {}, 0 failed, {ignored} ignored {place}", counted(ran, "test")))
        }
        EXIT_FAILED => {
            let all = counted(ran, "test");
            let strays = match summary.strays {
                None | Some(0) => String::new(),
                Some(count) => format!(", strays: {count}"),
            };
            paint::bad(&format!(
                "FAILED: {failed} of {all}, {ignored} ignored, {not_run} not run{strays} {place}"
            ))
        }
        EXIT_INTERRUPTED => paint::doubtful(&format!("INTERRUPTED: {ended} {place}")),
        _ => paint::bad(&format!("NO VERDICT: {}; {ended} {place}", why_none(summary))),
    }
}

/// Why there is no verdict: what cut the run short, else the first test of which nothing is known.
fn why_none(summary: &Summary) -> String {
    let first =
        |wanted: fn(&Status) -> Option<&String>| summary.ends.iter().find_map(|(_, status)| wanted(status));
    let unknown = first(|status| match status {
        Status::Infra(reason) | Status::NotRun(reason) => Some(reason),
        _ => None,
    });
    match (&summary.cut_short, unknown) {
        (Some(CutShort::Infra(reason)), _) | (_, Some(reason)) => reason.clone(),
        _ => "the run ended before its plan".to_owned(),
    }
}
