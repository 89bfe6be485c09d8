//! What came from the board line by line: log records, boot loader text, noise.

use super::{Context, paint};
use crate::image::Record;
use std::fmt::Write;

/// The longest line of foreign text that is shown; noise has no line ends.
const LONGEST: usize = 240;

/// One log record; none if it says no more than the end of a test does.
pub(super) fn log(context: &Context, core: u32, bytes: &[u8], verified: bool) -> Option<String> {
    let mut line = match context.records.decode(bytes) {
        Some(record) if is_idle_talk(&record) => return None,
        Some(record) => log_record(core, &record),
        None => damaged_record(core, bytes),
    };
    if !verified {
        line += &paint::dim("  (unverified: before this run's first message)");
    }
    Some(line)
}

/// Whether embedded-test says that a test returned. When it returned an error, the record says which, and stays.
fn is_idle_talk(record: &Record<'_>) -> bool {
    let module = record.module.and_then(|module| module.split("::").next());
    module == Some("embedded_test") && record.message == "Test exited with () or Ok(..)"
}

fn log_record(core: u32, record: &Record<'_>) -> String {
    let mut line = match record.level.unwrap_or("print") {
        "error" => paint::bad("error"),
        "warn" => paint::doubtful("warn "),
        level => format!("{level:<5}"),
    };
    // Into one string, where writing cannot fail: a board may log millions of lines.
    let _ = write!(line, " core {core}  ");
    if let Some(time) = &record.time {
        let _ = write!(line, "{time}  ");
    }
    line += &record.message;
    if let Some((file, number)) = record.line {
        let _ = write!(line, "{}", paint::dimmed(&format_args!("  {file}:{number}")));
    }
    line
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
    fn only_embedded_tests_word_on_a_return_is_left_out() {
        let record = |module: &'static str, message: &str| Record {
            level: None,
            time: None,
            message: message.to_owned(),
            line: None,
            module: Some(module),
        };
        assert!(is_idle_talk(&record("embedded_test::export", "Test exited with () or Ok(..)")));
        assert!(!is_idle_talk(&record("suite::log", "Test exited with () or Ok(..)")));
        assert!(!is_idle_talk(&record("embedded_test::export", "Test exited with Err(..): 7")));
    }

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
