//! What came from the board, line by line: log records, panics, crash records, boot loader text.

use super::{Context, paint};
use crate::image::{Place, Record};
use crate::session::PanicNote;
use std::fmt::Write;
use wire::syndrome::Syndrome;
use wire::{Cause, CoreReport};

/// The longest line of foreign text that is shown; noise has no line ends.
const LONGEST: usize = 240;

/// One log record.
pub(super) fn log(context: &Context, core: u32, bytes: &[u8], verified: bool) -> String {
    let doubt = if verified { "" } else { "  (unverified: before this run's first message)" };
    match context.records.decode(bytes) {
        Some(record) => format!("{}{}", log_record(core, &record), paint::dim(doubt)),
        None => format!("{}{}", damaged_record(core, bytes), paint::dim(doubt)),
    }
}

fn log_record(core: u32, record: &Record) -> String {
    let level = record.level.as_deref().unwrap_or("print");
    let padded = format!("{level:<5}");
    let level = match level {
        "error" => paint::bad(&padded),
        "warn" => paint::doubtful(&padded),
        _ => padded,
    };
    let time = record.time.as_deref().map(|time| format!("{time}  ")).unwrap_or_default();
    let place = record.line.as_ref().map(|(file, line)| format!("  {file}:{line}")).unwrap_or_default();
    format!("{level} core {core}  {time}{}{}", record.message, paint::dim(&place))
}

fn damaged_record(core: u32, bytes: &[u8]) -> String {
    let label = paint::doubtful("log? ");
    format!("{label} core {core}  damaged record of {} bytes: {}", bytes.len(), hex(bytes))
}

fn hex(bytes: &[u8]) -> String {
    let shown: Vec<_> = bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > 32 { " …" } else { "" };
    format!("{}{more}", shown.join(" "))
}

/// One panic, with how it came to it.
pub(super) fn panic(context: &Context, note: &PanicNote) -> Vec<String> {
    let title = format!("panic on core {}: {}", note.core, note.message);
    let mut lines: Vec<_> = title.lines().map(paint::bad).collect();
    lines.push(format!("  at {}:{}", context.symbols.shown_path(&note.file), note.line));
    lines.extend(backtrace(context, note.backtrace.iter().copied()));
    lines
}

/// What one core was doing. Registers only where they are evidence of a crash.
pub(super) fn core(context: &Context, report: &CoreReport) -> Vec<String> {
    let title = format!("core {}: {}", report.core, cause(report));
    let mut lines = match report.cause {
        Cause::Asked => vec![title],
        Cause::Exception | Cause::StackOverflow | Cause::Nested => {
            [vec![paint::bad(&title)], registers(report)].concat()
        }
    };
    lines.extend(named("pc", report.elr, &context.symbols.at(report.elr)));
    lines.extend(backtrace(context, report.backtrace.iter()));
    lines
}

fn cause(report: &CoreReport) -> String {
    let syndrome = Syndrome(report.esr);
    let touched = match syndrome.has_address() {
        true => format!(", address {:#x}", report.far),
        false => String::new(),
    };
    match report.cause {
        Cause::Exception => format!("{syndrome}{touched}"),
        Cause::StackOverflow => format!("stack overflow: {syndrome}{touched}"),
        Cause::Nested => format!("an exception while handling one: {syndrome}{touched}"),
        Cause::Asked => "asked what it does".to_owned(),
    }
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

fn backtrace(context: &Context, addresses: impl Iterator<Item = u64>) -> Vec<String> {
    addresses
        .enumerate()
        .flat_map(|(depth, address)| named(&format!("{depth:>2}"), address, &context.symbols.caller(address)))
        .collect()
}

/// `label: address  function at file:line`, and a line for every function that it was inlined into.
fn named(label: &str, address: u64, places: &[Place]) -> Vec<String> {
    let Some((innermost, outer)) = places.split_first() else {
        return vec![format!("  {label}: {address:#018x}")];
    };
    let mut lines = vec![format!("  {label}: {address:#018x}  {innermost}")];
    lines.extend(
        outer.iter().map(|place| format!("  {:width$}  inlined into {place}", "", width = label.len() + 19)),
    );
    lines
}

/// Whether `line` is mostly no text.
pub(super) fn is_noise(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let strange = |c: &char| *c == char::REPLACEMENT_CHARACTER || c.is_control();
    text.trim_end_matches('\r').chars().filter(strange).count() * 8 > text.chars().count()
}

/// Noise as it can be shown.
pub(super) fn noise(bytes: &[u8]) -> String {
    format!("{} bytes of noise: {}", bytes.len(), hex(bytes))
}

/// Foreign text as it can be shown: no control characters, no endless lines.
pub(super) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::new();
    for character in text.trim_end_matches('\r').chars().take(LONGEST) {
        match character {
            '\t' => shown.push(' '),
            control if control.is_control() => shown.extend(control.escape_default()),
            other => shown.push(other),
        }
    }
    match text.chars().count().checked_sub(LONGEST) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} … {more} more characters"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_told_from_text() {
        assert!(is_noise(&[0x80, 1, 0xff]));
        assert!(
            !is_noise("U-Boot → Linux\r".as_bytes())
                && !is_noise(b"\x1b[0m[    0.1] booting")
                && !is_noise(b"")
        );
        assert_eq!(noise(&[0x80, 1, 0xff]), "3 bytes of noise: 80 01 ff");
    }

    #[test]
    fn foreign_text_cannot_harm_a_terminal() {
        assert_eq!(printable(b"U-Boot 2024\r"), "U-Boot 2024");
        assert_eq!(printable(b"\x1b[2Jgone"), "\\u{1b}[2Jgone");
        assert!(printable(&[b'x'; 1000]).ends_with("… 760 more characters"));
    }
}
