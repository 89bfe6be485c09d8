//! The `replay` command: the report of a recorded run, made again from the recording.

use crate::cli::Global;
use crate::image::Image;
use crate::record::{self, Recording};
use crate::report::{Context, Report, Screen};
use crate::runs::RunFolder;
use crate::workspace::Workspace;
use miette::{IntoDiagnostic, Result, WrapErr};

/// Reports the run called `wanted` again; the exit code is the one that it had.
///
/// # Errors
///
/// When there is no such recording, or it is damaged.
pub(super) fn replay(workspace: &Workspace, global: &Global, wanted: &str) -> Result<u8> {
    let folder = RunFolder::find(workspace, wanted)?;
    let unreadable = "the recording cannot be read";
    let recording = Recording::open(folder.path()).into_diagnostic().wrap_err(unreadable)?;
    let notes = folder.read_notes().into_diagnostic().wrap_err("the run's notes cannot be read")?;
    let image = Image::open(&folder.elf(), &notes.root)?;
    let context = Context::new(workspace, &folder, notes, &recording.header, image);
    let screen = Screen::stdout();
    let mut report = Report::new(global.format, context, screen);
    report.begin().into_diagnostic()?;
    let mut shown = Ok(());
    let summary = record::replay(&recording, &mut |_, notice| {
        if shown.is_ok() {
            shown = report.notice(notice);
        }
    })
    .into_diagnostic()
    .wrap_err(unreadable)?;
    shown.and_then(|()| report.settle()).into_diagnostic()?;
    Ok(summary.exit_code())
}
