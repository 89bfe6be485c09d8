//! The `report` command: reports as files, made from the recording of a run.

use crate::cli::Global;
use crate::image::Image;
use crate::record::Recording;
use crate::report::{Context, Files, Story, diff};
use crate::runs::RunFolder;
use crate::session::{EXIT_FAILED, EXIT_PASSED};
use crate::workspace::Workspace;
use miette::{IntoDiagnostic, Result, WrapErr};

/// Writes the reports that are wanted of the run called `wanted`; a page in its folder if none is named.
///
/// # Errors
///
/// When there is no such recording, it is damaged, or a file cannot be written.
pub(super) fn report(workspace: &Workspace, global: &Global, wanted: &str) -> Result<u8> {
    let folder = RunFolder::find(workspace, wanted)?;
    let mut files = global.files.clone();
    if files.html.is_none() && files.junit.is_none() {
        files.html = Some(folder.path().join("report.html"));
    }
    let code = write(&mut story(workspace, &folder)?, &files)?;
    for file in [&files.html, &files.junit].into_iter().flatten() {
        anstream::println!("{}", workspace.relative(file).display());
    }
    Ok(code)
}

/// Writes the reports that are wanted of a run that has just ended in `folder`, and adds it to the trend; the exit code says
/// whether something became slower.
///
/// # Errors
///
/// As [`report`].
pub(super) fn write_new(workspace: &Workspace, folder: &RunFolder, files: &Files) -> Result<u8> {
    let mut story = story(workspace, folder)?;
    let code = write(&mut story, files)?;
    files.remember(&story)?;
    Ok(code)
}

fn write(story: &mut Story, files: &Files) -> Result<u8> {
    files.write(story)?;
    for regression in story.slower() {
        anstream::eprintln!("SLOWER: {regression}");
    }
    Ok(if story.slower().is_empty() { EXIT_PASSED } else { EXIT_FAILED })
}

/// The `diff` command: what is other in the run called `after` than in the one called `before`.
///
/// # Errors
///
/// When one of the recordings is not there, or damaged.
pub(super) fn diff(workspace: &Workspace, before: &str, after: &str) -> Result<u8> {
    let find = |wanted| story(workspace, &RunFolder::find(workspace, wanted)?);
    let (before, after) = (find(before)?, find(after)?);
    for line in diff::lines(&before, &after) {
        anstream::println!("{line}");
    }
    Ok(diff::exit_code(&before, &after))
}

fn story(workspace: &Workspace, folder: &RunFolder) -> Result<Story> {
    let unreadable = "the recording cannot be read";
    let recording = Recording::open(folder.path()).into_diagnostic().wrap_err(unreadable)?;
    let notes = folder.read_notes().into_diagnostic().wrap_err("the run's notes cannot be read")?;
    let image = Image::open(&folder.elf(), &notes.root)?;
    let context = Context::new(workspace, folder, notes, &recording.header, image);
    Story::of(&recording, context).into_diagnostic().wrap_err(unreadable)
}
