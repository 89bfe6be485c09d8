//! Reports that are written into files when a run is over.

use super::{Story, github, junit, page};
use crate::parameters::random;
use crate::trend::{Entry, Trend};
use miette::{IntoDiagnostic, Result, WrapErr};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where GitHub reads the summary of a step.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Which reports are wanted beside the one on the terminal.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Files {
    /// Write a page of HTML that needs no other file
    #[arg(long, global = true, env = "FRAMEKEEPER_HTML", value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write JUnit XML
    #[arg(long, global = true, env = "FRAMEKEEPER_JUNIT", value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Compare what operations cost beside others with the runs in this file, and add this run to it: a run in which one became
    /// slower than noise explains fails
    #[arg(long, global = true, env = "FRAMEKEEPER_TREND", value_name = "FILE")]
    pub trend: Option<PathBuf>,
    /// Show failures beside their lines on GitHub, and a summary of the step [default: where GITHUB_ACTIONS is set]
    #[arg(long, global = true, env = "FRAMEKEEPER_GITHUB", value_parser = clap::builder::BoolishValueParser::new())]
    pub github: bool,
}

impl Story {
    /// As JUnit XML.
    ///
    /// # Errors
    ///
    /// When it has what no XML can have.
    pub fn junit(&self) -> Result<String> {
        junit::written(self)
    }

    /// As a page of HTML, without trends.
    #[must_use]
    pub fn page(&self) -> String {
        page::written(self, &Trend::default())
    }
}

impl Files {
    /// Whether there is anything to write.
    #[must_use]
    pub fn are_wanted(&self) -> bool {
        self.html.is_some() || self.junit.is_some() || self.trend.is_some() || self.is_for_github()
    }

    fn is_for_github(&self) -> bool {
        self.github || std::env::var_os("GITHUB_ACTIONS").is_some()
    }

    /// Writes what is wanted, and notes in the story what became slower than in the runs of the trend.
    ///
    /// # Errors
    ///
    /// When a file cannot be written; the others are written all the same.
    pub(crate) fn write(&self, story: &mut Story) -> Result<()> {
        let read = self.trend.as_deref().map_or_else(|| Ok(Trend::default()), read_trend);
        let before = read.as_ref().map(Clone::clone).unwrap_or_default().before(story.context.run);
        story.slower = before.regressions(&story.entry());
        let html = self.html.as_deref().map(|file| write(file, &page::written(story, &before)));
        let junit = self.junit.as_deref().map(|file| write(file, &junit::written(story)?));
        let github = self.is_for_github().then(|| tell_github(story));
        [html, junit, github, Some(read.map(drop))].into_iter().flatten().collect()
    }

    /// From here on a line of the board's is no command to GitHub, whatever it says; until the word that is returned is said.
    pub(crate) fn keep_from_github(&self) -> Option<String> {
        self.is_for_github().then(|| {
            let word = format!("{:016x}", random());
            anstream::eprintln!("::stop-commands::{word}");
            word
        })
    }

    /// Adds the run to the trend, if that is asked for and it has measured anything.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn remember(&self, story: &Story) -> Result<()> {
        let entry = story.entry();
        let file = self.trend.as_deref().filter(|_| !entry.operations.is_empty());
        file.map_or(Ok(()), |file| add(file, &entry))
    }
}

fn read_trend(file: &Path) -> Result<Trend> {
    Trend::read(file)
        .into_diagnostic()
        .wrap_err_with(|| format!("the trend {} cannot be read", file.display()))
}

fn add(file: &Path, entry: &Entry) -> Result<()> {
    Trend::append(file, entry)
        .into_diagnostic()
        .wrap_err_with(|| format!("the trend {} cannot be written", file.display()))
}

fn write(file: &Path, text: &str) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(file, text))
        .into_diagnostic()
        .wrap_err_with(|| format!("the report {} cannot be written", file.display()))
}

/// Annotations go to standard error, which GitHub reads as well, and where they are in no program's way; the summary goes to the
/// file that GitHub names.
fn tell_github(story: &Story) -> Result<()> {
    anstream::eprint!("{}", github::annotations(story));
    let Some(file) = std::env::var_os(STEP_SUMMARY) else { return Ok(()) };
    let append = || {
        OpenOptions::new().append(true).create(true).open(&file)?.write_all(github::summary(story).as_bytes())
    };
    append()
        .into_diagnostic()
        .wrap_err_with(|| format!("{} cannot be written", PathBuf::from(file).display()))
}
