//! Colours. They are always written; the stream drops them where they are not wanted.

use owo_colors::{OwoColorize, Style};
use std::fmt;

pub(super) fn good(text: &str) -> String {
    text.style(Style::new().green()).to_string()
}

pub(super) fn bad(text: &str) -> String {
    text.style(Style::new().red().bold()).to_string()
}

pub(super) fn doubtful(text: &str) -> String {
    text.style(Style::new().yellow()).to_string()
}

pub(super) fn dim(text: &str) -> String {
    dimmed(&text).to_string()
}

/// The same, where it is written into something else.
pub(super) fn dimmed(text: &impl fmt::Display) -> impl fmt::Display {
    text.style(Style::new().dimmed())
}
