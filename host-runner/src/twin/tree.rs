//! The device tree that the phone's boot loader hands over: a board's source, and what the boot loader adds.
//!
//! What is added is source, too, which `dtc` merges with the board's: a second writer of flattened trees would be one
//! more to be wrong.

use super::phone::{ADDED, BOOT_LOADER, DISABLED, MEMORY, Shape};
use crate::workspace::Workspace;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};
use std::ops::Range;
use std::process::{Command, Stdio};

/// What differs from boot to boot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The kernel's command line, in place of the tree's own.
    pub bootargs: Option<String>,
    /// What the boot loader draws at random.
    pub seed: u64,
    /// More source, which may change or delete anything.
    pub more: String,
}

/// Why there is no device tree.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TreeError {
    /// The board's source cannot be read.
    #[error("cannot read {path}: {source}")]
    Source {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The compiler does not start, or does not take its input.
    #[error("cannot run dtc: {0}")]
    #[diagnostic(help("`host-runner doctor` says how to install it"))]
    NoCompiler(io::Error),
    /// The compiler says no.
    #[error("dtc does not understand the device tree: {0}")]
    Refused(String),
}

/// The tree as the image finds it, flattened.
///
/// # Errors
///
/// When its source is not there, or does not compile.
pub fn compile(workspace: &Workspace, shape: Shape, patch: &Patch) -> Result<Vec<u8>, TreeError> {
    let path = workspace.boards().join("pixel6").join(shape.file());
    let base = std::fs::read_to_string(&path).map_err(|source| TreeError::Source {
        path: workspace.relative(&path).display().to_string(),
        source,
    })?;
    flatten(&(base + &added(shape, patch)))
}

/// What the boot loader adds, as source.
fn added(shape: Shape, patch: &Patch) -> String {
    let mut text = String::from("\n/ {\n");
    let memory: Vec<_> = MEMORY.iter().map(reg).collect();
    let mut line = |line: String| {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    line(format!("memory@80000000 {{ device_type = \"memory\"; reg = {}; }};", memory.join(", ")));
    line("reserved-memory {".to_owned());
    for (name, range) in &ADDED {
        line(format!("{name}@{:x} {{ reg = {}; no-map; }};", range.start, reg(range)));
    }
    line(format!("abl@f8800000 {{ reg = {}; }};", reg(&BOOT_LOADER)));
    if shape == Shape::OrioleStock {
        line("debug_snapshot {".to_owned());
        DISABLED.iter().for_each(|name| line(format!("{name} {{ status = \"disabled\"; }};")));
        line("};".to_owned());
    }
    line("};\nchosen {".to_owned());
    if let Some(bootargs) = &patch.bootargs {
        line(format!("bootargs = \"{}\";", escaped(bootargs)));
    }
    let (high, low) = (patch.seed >> 32, patch.seed & 0xffff_ffff);
    line(format!("kaslr-seed = <{high:#x} {low:#x}>;"));
    line("plat { };\nconfig { wlan-mac = [02 00 00 00 00 01]; };\n};\n};".to_owned());
    text + &patch.more
}

fn reg(range: &Range<u64>) -> String {
    let (start, size) = (range.start, range.end - range.start);
    format!("<{:#x} {:#x} {size:#x}>", start >> 32, start & 0xffff_ffff)
}

/// A string as a device tree's source quotes it.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\0'], " ")
}

/// The tree that this source says.
pub(crate) fn flatten(source: &str) -> Result<Vec<u8>, TreeError> {
    let mut dtc = Command::new("dtc")
        .args(["-q", "-I", "dts", "-O", "dtb", "-o", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(TreeError::NoCompiler)?;
    // It reads all of its input before it writes anything; one that refuses it early says why.
    match dtc.stdin.take().map(|mut stdin| stdin.write_all(source.as_bytes())) {
        Some(Err(error)) if error.kind() != ErrorKind::BrokenPipe => {
            return Err(TreeError::NoCompiler(error));
        }
        _ => {}
    }
    let output = dtc.wait_with_output().map_err(TreeError::NoCompiler)?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(TreeError::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}
