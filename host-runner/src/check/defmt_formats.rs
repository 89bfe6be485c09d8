//! Finds log formats that defmt truncates without a word.
//!
//! defmt 1.2 sends `usize`, `isize` and pointers as 32 bits, on 64-bit targets too (`defmt-1.2.0`,
//! `src/export/integers.rs`). `0x8_8000_1234` prints as `0x80001234`, which on some boards is a valid address of
//! other memory: a log that lies. Addresses are logged as `{=u64:#x}`.
//!
//! This reads the source as text. It does not see the type of an argument to a plain `{}`.

use crate::units::counted;
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};

/// Types of arguments that are cut.
const TRUNCATED: [&str; 4] = ["=usize", "=isize", "=[usize", "=[isize"];
/// How a pointer is asked for, behind everything else.
const POINTER: &str = ":p";

/// Whether no log format of the firmware is cut; those that are get printed.
pub(super) fn all_fit(workspace: &Workspace) -> bool {
    let mut files = Vec::new();
    collect(&workspace.root().join("firmware"), &mut files);
    let mut found = 0;
    for path in &files {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        for (line, format) in truncated(&text) {
            found += 1;
            let path = workspace.relative(path).display();
            anstream::println!(
                "{path}:{line}: `{format}` in a log format is cut to 32 bits; log it as {{=u64:#x}}"
            );
        }
    }
    anstream::println!("{} read, {} cut", counted(files.len(), "file"), counted(found, "format"));
    found == 0
}

/// Every Rust source below `folder`, sorted.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The lines of `source`, from 1, with what is cut there. Comments may speak of it.
fn truncated(source: &str) -> Vec<(usize, &'static str)> {
    let code = source.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let in_braces = |line: &'_ str| {
        line.split('{')
            .skip(1)
            .map(|rest| rest.split('}').next().unwrap_or(rest).to_owned())
            .collect::<Vec<_>>()
    };
    let hits = |(number, line)| {
        let formats = in_braces(line).into_iter();
        let cut = formats.filter_map(|format| {
            let pointer = format.ends_with(POINTER).then_some(POINTER);
            TRUNCATED.into_iter().find(|&cut| format.contains(cut)).or(pointer)
        });
        cut.map(|cut| (number + 1, cut)).collect::<Vec<_>>()
    };
    code.flat_map(hits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_formats_are_found_with_their_lines() {
        let source =
            "info!(\"a {=u64:#x}\", a);\ninfo!(\"b {=usize:#x}\", b);\nwarn!(\"{:p} {=isize}\", p, i);";
        assert_eq!(truncated(source), [(2, "=usize"), (3, ":p"), (3, "=isize")]);
    }

    #[test]
    fn numbered_arguments_and_lists_are_found_too() {
        assert_eq!(truncated("info!(\"{0=usize} {=[usize; 2]}\", a, b);"), [(1, "=usize"), (1, "=[usize")]);
        assert_eq!(truncated("let map: Map<K, V=usize> = [a, b];"), []);
        assert_eq!(truncated("unsafe { core::ptr::read(address) }"), []);
    }

    #[test]
    fn comments_may_speak_of_them() {
        assert_eq!(truncated("    /// never `{=usize}`\n// nor {:p}"), []);
    }
}
