//! What one core has to say about the end of a test: its panic, its crash, or what it did when it was asked.

use super::{Backtrace, cores, paint};
use crate::image::Symbols;
use crate::session::{Notice, PanicNote};
use std::fmt::Write;
use wire::syndrome::Syndrome;
use wire::{Cause, CoreReport};

/// Everything about one core but its number, so that the same accounts of several cores can be told as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    kind: Kind,
    what: String,
    /// Where, for the short form.
    place: Option<String>,
    /// The source line that it comes down to, for tools that show it there.
    line: Option<(String, u32)>,
    /// Everything below the headline.
    details: Vec<String>,
}

/// In the order in which accounts are of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A panic or a crash.
    Grave,
    /// It did something when it was asked.
    Busy,
    /// It did nothing of interest.
    Idle,
    /// It did not answer.
    Silent,
}

impl Account {
    /// The account that `notice` gives, and of which core, if it is one.
    pub(super) fn of(symbols: &Symbols, notice: &Notice) -> Option<(u32, Self)> {
        match notice {
            Notice::Panic(note) => Some((note.core, Self::of_panic(symbols, note))),
            Notice::Core(report) => Some((report.core, Self::of_core(symbols, report))),
            _ => None,
        }
    }

    /// That of a core which did not answer.
    pub(super) fn none() -> Self {
        let what = "no answer (interrupts masked, or dead)".to_owned();
        Self { kind: Kind::Silent, what, place: None, line: None, details: Vec::new() }
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    fn of_panic(symbols: &Symbols, note: &PanicNote) -> Self {
        let backtrace = Backtrace::of_panic(symbols, note.backtrace.iter().copied());
        let place = panic_place(symbols, note, &backtrace);
        let line = panic_line(symbols, note, &backtrace);
        let details = [vec![place.clone()], backtrace.lines()].concat();
        let what = format!("panic: {}", note.message);
        Self { kind: Kind::Grave, what, place: Some(place), line: Some(line), details }
    }

    fn of_core(symbols: &Symbols, report: &CoreReport) -> Self {
        // An address of zero ends a backtrace, so it is empty after a jump to it.
        let pc = report.backtrace.iter().next().is_none().then_some(report.elr);
        let backtrace = Backtrace::of_core(symbols, pc.into_iter().chain(report.backtrace.iter()));
        match report.cause {
            Cause::Asked => Self::of_asked(&backtrace),
            Cause::Exception => Self::of_crash(report, "", &backtrace),
            Cause::StackOverflow => Self::of_crash(report, "stack overflow: ", &backtrace),
            Cause::Nested => Self::of_crash(report, "an exception while handling one: ", &backtrace),
        }
    }

    fn of_asked(backtrace: &Backtrace) -> Self {
        let (kind, what, details) = match backtrace.idleness() {
            Some(idleness) => (Kind::Idle, idleness, Vec::new()),
            None => (Kind::Busy, "busy", backtrace.lines()),
        };
        Self { kind, what: what.to_owned(), place: None, line: None, details }
    }

    fn of_crash(report: &CoreReport, before: &str, backtrace: &Backtrace) -> Self {
        let syndrome = Syndrome(report.esr);
        let touched = match syndrome.has_address() {
            true => format!(", address {:#x}", report.far),
            false => String::new(),
        };
        let what = format!("{before}{syndrome}{touched}");
        let own = backtrace.innermost_own();
        let place = own.map(|place| format!("  in {place}"));
        let line = own.and_then(|place| place.line.clone());
        let details = [registers(report), backtrace.lines()].concat();
        Self { kind: Kind::Grave, what, place, line, details }
    }

    /// The file and the line in it that a grave one comes down to, where that is known.
    pub(super) fn source_line(&self) -> Option<(String, u32)> {
        self.line.clone()
    }

    /// The headline and where it happened.
    pub(super) fn short(&self, core: u32) -> Vec<String> {
        let mut lines = self.headline(&[core]);
        lines.extend(self.place.clone());
        lines
    }

    /// Everything, as the account of all these cores.
    pub(super) fn whole(&self, cores: &[u32]) -> Vec<String> {
        [self.headline(cores), self.details.clone()].concat()
    }

    /// Several lines where a panic's message has several.
    fn headline(&self, cores: &[u32]) -> Vec<String> {
        let text = format!("{}: {}", cores::named(cores), self.what);
        let painted = |line: &str| match self.kind {
            Kind::Grave => paint::bad(line),
            Kind::Silent => paint::doubtful(line),
            Kind::Busy | Kind::Idle => line.to_owned(),
        };
        text.lines().map(painted).collect()
    }
}

/// Where a panic was raised. If that is in a library, what the workspace did there comes first: every failed
/// assertion of defmt is raised in defmt.
fn panic_place(symbols: &Symbols, note: &PanicNote, backtrace: &Backtrace) -> String {
    let raised = format!("{}:{}", symbols.shown_path(&note.file), note.line);
    let (file, line) = panic_line(symbols, note, backtrace);
    let place = format!("{file}:{line}");
    if place == raised { format!("  at {raised}") } else { format!("  at {place} (raised at {raised})") }
}

fn panic_line(symbols: &Symbols, note: &PanicNote, backtrace: &Backtrace) -> (String, u32) {
    let own = backtrace.innermost_own().and_then(|place| place.line.clone());
    let raised = || (symbols.shown_path(&note.file), note.line);
    own.filter(|_| symbols.is_foreign(&note.file)).unwrap_or_else(raised)
}

fn registers(report: &CoreReport) -> Vec<String> {
    let state = format!(
        "  elr {:#018x}  spsr {:#010x}  sp {:#018x}  esr {:#010x}  far {:#018x}  mpidr {:#x}",
        report.elr, report.spsr, report.sp, report.esr, report.far, report.affinity
    );
    let mut lines = vec![state];
    for (row, values) in report.x.chunks(4).enumerate() {
        let mut line = String::from(" ");
        for (column, value) in values.iter().enumerate() {
            // Writing into a string does not fail.
            let _ = write!(line, " {:>3} {value:#018x}", format!("x{}", row * 4 + column));
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Place;

    fn place(file: &str, frames: &[(&str, bool)]) -> String {
        let frame = |&(file, foreign): &(&str, bool)| Place {
            line: Some((file.to_owned(), 7)),
            foreign,
            ..Place::default()
        };
        let backtrace = Backtrace::at(frames.iter().map(frame).collect());
        let note = PanicNote {
            core: 0,
            message: "explicit panic".to_owned(),
            file: file.to_owned(),
            line: 4,
            backtrace: Vec::new(),
        };
        panic_place(&Symbols::none(), &note, &backtrace)
    }

    #[test]
    fn a_panic_in_the_workspace_is_where_it_says() {
        assert_eq!(place("firmware/src/a.rs", &[("firmware/src/b.rs", false)]), "  at firmware/src/a.rs:4");
    }

    #[test]
    fn a_panic_in_a_library_is_where_the_workspace_called_it() {
        let defmt = "/u/.cargo/registry/src/index-1/defmt-1.2.0/src/lib.rs";
        let frames = [("defmt-1.2.0/src/export.rs", true), ("firmware/src/b.rs", false)];
        let raised = "raised at defmt-1.2.0/src/lib.rs:4";
        assert_eq!(place(defmt, &frames), format!("  at firmware/src/b.rs:7 ({raised})"));
        assert_eq!(place(defmt, &frames[..1]), "  at defmt-1.2.0/src/lib.rs:4");
    }

    #[test]
    fn the_same_account_of_two_cores_is_equal() {
        let note = |core| PanicNote {
            core,
            message: "together".to_owned(),
            file: "a.rs".to_owned(),
            line: 1,
            backtrace: vec![0x1000],
        };
        let account = |core| Account::of(&Symbols::none(), &Notice::Panic(note(core))).unwrap().1;
        assert_eq!(account(1), account(2));
        assert!(account(1).whole(&[1, 2])[0].contains("cores 1, 2: panic: together"));
    }
}
