//! The report for GitHub: an annotation at the line of each failure, and the summary of the step.

use super::story::{Story, Told};
use super::{Tally, closing, words};
use crate::units::counted;
use anstream::adapter::strip_str;
use std::fmt::Write;

/// GitHub drops a summary of more than a mebibyte.
const MOST_BYTES: usize = 900 << 10;

/// Workflow commands, one a line: GitHub shows each beside the line that it names.
pub(super) fn annotations(story: &Story) -> String {
    let failed = story.tests.iter().filter(|told| Tally::of(&told.status) == Tally::Failed);
    let troubles = story.troubles();
    let troubles = troubles.iter().map(|(word, text)| {
        let title = format!("{}: {word}", story.context.board);
        format!("::error title={}::{}\n", parameter(&title), message(text))
    });
    failed.map(|told| annotation(story, told)).chain(troubles).collect()
}

fn annotation(story: &Story, told: &Told) -> String {
    let mut parameters = String::new();
    if let Some((file, line)) = &told.place {
        // Writing into a string does not fail.
        let _ = write!(parameters, "file={},line={line},", parameter(file));
    }
    let title = format!("{} on {}: {}", story.name(told), story.context.board, words::word(&told.status));
    let reason = words::reason(&told.status).into_iter();
    let lines: Vec<_> = reason.chain(told.explanation.iter().cloned()).chain(story.repeat(told)).collect();
    format!("::error {parameters}title={}::{}\n", parameter(&title), message(&lines.join("\n")))
}

/// What may stand behind `::`.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What may stand between `::` and `::`.
fn parameter(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

/// The summary of a step, in Markdown: the verdict, the failures with what explains them, and where to look.
pub(super) fn summary(story: &Story) -> String {
    let verdict = strip_str(&closing::verdict(&story.context, &story.summary)).to_string();
    let mut text = format!("### {}\n\n", cell(&verdict));
    for (word, trouble) in story.troubles() {
        // Writing into a string does not fail.
        let _ = writeln!(text, "**{word}**: {}\n", cell(&trouble));
    }
    let failed = story.tests.iter().filter(|told| Tally::of(&told.status) == Tally::Failed);
    let mut left_out = 0;
    for told in failed {
        let failure = failure(story, told);
        if text.len() + failure.len() > MOST_BYTES {
            left_out += 1;
        } else {
            text += &failure;
        }
    }
    if left_out > 0 {
        let _ = writeln!(text, "{} more failed\n", counted(left_out, "test"));
    }
    text += "| | |\n|---|---|\n";
    for (name, value) in story.properties() {
        let _ = writeln!(text, "| {name} | <code>{}</code> |", cell(&value));
    }
    text
}

/// `text` where a line end would end it, and some characters mean something.
fn cell(text: &str) -> String {
    let escaped = markup(text).replace(['\r', '\n'], " ");
    escaped.chars().flat_map(|c| "|`*_[]\\".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

fn failure(story: &Story, told: &Told) -> String {
    let reason = words::reason(&told.status).unwrap_or_default();
    let mut lines = told.explanation.clone();
    lines.extend(story.repeat(told).map(|repeat| format!("to repeat it: {repeat}")));
    let fence = fence(&lines);
    format!(
        "<details><summary><b>{}</b> <code>{}</code> {}</summary>\n\n{fence}text\n{}\n{fence}\n</details>\n\n",
        words::word(&told.status),
        markup(story.name(told)),
        markup(&reason),
        lines.join("\n")
    )
}

/// Longer than any run of backticks in what it fences.
fn fence(lines: &[String]) -> String {
    let longest = |line: &String| line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(lines.iter().map(longest).max().unwrap_or(0).max(2) + 1)
}

fn markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_github_would_read_as_its_own_is_written_otherwise() {
        assert_eq!(message("50 %\r\nof ::x"), "50 %25%0D%0Aof ::x");
        assert_eq!(parameter("a::b, c"), "a%3A%3Ab%2C c");
        assert_eq!(fence(&["a ```` b".to_owned()]), "`````");
        assert_eq!(markup("<b> & c"), "&lt;b&gt; &amp; c");
        assert_eq!(cell("`a`|\n<b>"), "\\`a\\`\\| &lt;b&gt;");
    }
}
