//! The report as one page of HTML that needs nothing beside itself: no script, no network, no second file.

mod charts;
mod compared;
mod maps;
mod timeline;
mod trends;

use super::story::{Story, Told};
use super::{Tally, closing, numbers, words};
use crate::session::{Measured, Status};
use crate::trend::Trend;
use crate::units::{Took, counted};
use anstream::adapter::strip_str;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

/// The page, with what was measured in runs before.
pub(super) fn written(story: &Story, before: &Trend) -> String {
    let verdict = strip_str(&closing::verdict(&story.context, &story.summary)).to_string();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (verdict) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header.(tone(story)) { h1 { (verdict) } (counts(story)) }
                main {
                    (contents(story))
                    (troubles(story))
                    (failures(story))
                    (timeline::section(story))
                    (maps::section(story))
                    (charts::section(story))
                    (compared::section(story))
                    (trends::section(story, before))
                    (tests(story))
                    (about(story))
                }
            }
        }
    };
    page.into_string()
}

fn tone(story: &Story) -> &'static str {
    match story.summary.exit_code() {
        0 if story.slower.is_empty() => "good",
        0 | 1 => "bad",
        _ => "doubtful",
    }
}

const fn status_tone(status: &Status) -> &'static str {
    match status {
        Status::Pass => "good",
        Status::Fail(_) | Status::Crash(_) | Status::Timeout(_) | Status::Flaky { passes: false, .. } => {
            "bad"
        }
        Status::Flaky { .. }
        | Status::Quarantined { .. }
        | Status::Ignored
        | Status::NotRun(_)
        | Status::Infra(_) => "doubtful",
    }
}

fn counts(story: &Story) -> Markup {
    const WORDS: [&str; 9] =
        ["pass", "FAIL", "CRASH", "TIMEOUT", "flaky", "known", "INFRA", "not run", "ignored"];
    let count = |word: &str| story.tests.iter().filter(|told| words::word(&told.status) == word).count();
    html! {
        ul.counts {
            @for (word, count) in WORDS.map(|word| (word, count(word))) {
                @if count > 0 { li { b { (count) } " " (word.to_lowercase()) } }
            }
        }
    }
}

/// Links to what the page has.
fn contents(story: &Story) -> Markup {
    let has_failures = failed(story).next().is_some();
    html! {
        nav {
            @if has_failures { a href="#failures" { "Failures" } }
            a href="#timeline" { "Timeline" }
            @if maps::has_any(story) { a href="#maps" { "Memory" } }
            @if charts::has_any(story) { a href="#series" { "Over time" } }
            @if compared::has_any(story) { a href="#compared" { "What operations cost" } }
            a href="#tests" { "Tests" }
            a href="#about" { "About this run" }
        }
    }
}

/// What is wrong with the run and with no test of it.
fn troubles(story: &Story) -> Markup {
    html! {
        @for (word, text) in story.troubles() {
            article.failure { h3 { span.badge.bad { (word) } } pre { (text) } }
        }
    }
}

fn failed(story: &Story) -> impl Iterator<Item = &Told> {
    story.tests.iter().filter(|told| Tally::of(&told.status) == Tally::Failed)
}

fn failures(story: &Story) -> Markup {
    html! {
        @if failed(story).next().is_some() {
            section #failures {
                h2 { "Failures" }
                @for told in failed(story) { (failure(story, told)) }
            }
        }
    }
}

fn failure(story: &Story, told: &Told) -> Markup {
    html! {
        article.failure id=(anchor(story, told)) {
            h3 {
                (badge(&told.status)) " " code { (story.name(told)) }
                small { " " (Took(told.took)) }
            }
            @if let Some(reason) = words::reason(&told.status) { p { (reason) } }
            @if let Some((file, line)) = &told.place { p { "at " code { (file) ":" (line) } } }
            @if !told.explanation.is_empty() { pre { (told.explanation.join("\n")) } }
            @if let Some(repeat) = story.repeat(told) { p { "To repeat it:" } pre.command { (repeat) } }
            (earlier(told))
            (log(told))
        }
    }
}

fn badge(status: &Status) -> Markup {
    html! { span.badge.(status_tone(status)) { (words::word(status).to_lowercase()) } }
}

fn earlier(told: &Told) -> Markup {
    html! {
        @if !told.earlier.is_empty() {
            details {
                summary { "tried " (told.earlier.len() + 1) " times" }
                ol {
                    @for attempt in &told.earlier {
                        li {
                            @if let Some(failure) = &attempt.failure { (badge(failure)) " " }
                            (attempt.reason) @if !attempt.told.is_empty() { pre { (attempt.told.join("\n")) } } }
                    }
                }
            }
        }
    }
}

fn log(told: &Told) -> Markup {
    html! {
        @if !told.log.is_empty() {
            details { summary { "log, " (counted(told.log.len(), "line")) } pre { (told.log_text()) } }
        }
    }
}

fn tests(story: &Story) -> Markup {
    html! {
        section #tests {
            h2 { "Tests" }
            table {
                thead { tr { th { "end" } th { "test" } th.figure { "took" } th { "what it has measured, and its log" } } }
                tbody { @for told in &story.tests { (row(story, told)) } }
            }
        }
    }
}

fn row(story: &Story, told: &Told) -> Markup {
    let is_failure = Tally::of(&told.status) == Tally::Failed;
    let measured = measured(&told.numbers);
    html! {
        tr {
            td { (badge(&told.status)) }
            td {
                @if is_failure { a href={ "#" (anchor(story, told)) } { code { (story.name(told)) } } }
                @else { code { (story.name(told)) } }
                @if let Some(reason) = words::reason(&told.status) { " " small { (reason) } }
            }
            td.figure { @if !told.took.is_zero() { (Took(told.took)) } }
            td {
                @if !measured.is_empty() {
                    details { summary { (counted(told.numbers.len(), "number")) } pre { (measured.join("\n")) } }
                }
                @if !is_failure { (earlier(told)) (log(told)) }
            }
        }
    }
}

fn measured(measured: &[Measured]) -> Vec<String> {
    numbers::lines(measured).iter().map(|line| strip_str(line).to_string()).collect()
}

fn about(story: &Story) -> Markup {
    let summary = &story.summary;
    html! {
        section #about {
            h2 { "About this run" }
            dl {
                @for (name, value) in story.properties() { dt { (name) } dd { code { (value) } } }
                @if let Some(first) = summary.first_verdict { dt { "first verdict" } dd { (Took(first)) " after power-on" } }
                @for figure in closing::line_figures(summary) { dt { "on the line" } dd { (figure) } }
            }
            @if !story.boots.is_empty() {
                h3 { "Started again" }
                ol { @for (at, reason) in &story.boots { li { "after " (Took(*at)) ": " (reason) } } }
            }
        }
    }
}

/// Names of tests are paths, which may stand in a link as they are.
fn anchor(story: &Story, told: &Told) -> String {
    format!("test-{}", story.name(told))
}
