//! Finds what defmt truncates in the images themselves, where every argument's type is known.
//!
//! defmt keeps each format as a symbol of the ELF file, those of primitive types too, and the linker drops the ones
//! that nothing uses. So a `{=usize}` there means that some record carries one: by a plain `{}`, or by a derived
//! `Format`. What the source says is checked by `defmt_formats`.

use crate::board::Board;
use crate::cli::Global;
use crate::firmware;
use crate::units::counted;
use crate::workspace::Workspace;
use miette::{IntoDiagnostic, Result, WrapErr};
use object::{Object, ObjectSymbol};

/// The test images of the firmware package.
const IMAGES: [&str; 3] = ["suite", "misbehave", "counts"];

/// Whether no image logs a value that is cut; the formats of those that do get printed.
pub(super) fn all_fit(workspace: &Workspace, board: &Board, global: &Global) -> Result<bool> {
    let mut found = 0;
    for image in IMAGES {
        let path = firmware::build(workspace, board, image, &global.log)?;
        let elf = std::fs::read(&path).into_diagnostic().wrap_err("the image cannot be read")?;
        for format in truncated(&elf).into_diagnostic().wrap_err("the image is no ELF file")? {
            found += 1;
            anstream::println!("{image}: some record has the format `{format}`, which is cut to 32 bits");
        }
    }
    anstream::println!("{} read, {} cut", counted(IMAGES.len(), "image"), counted(found, "format"));
    Ok(found == 0)
}

/// The formats of the ELF file that defmt cuts.
fn truncated(elf: &[u8]) -> object::Result<Vec<String>> {
    let file = object::File::parse(elf)?;
    let names = file.symbols().filter_map(|symbol| symbol.name().ok().and_then(format_of));
    Ok(names.filter(|format| format.contains("=usize") || format.contains("=isize")).collect())
}

/// The format that a symbol stands for, if it is one of defmt's: its name is a JSON object.
fn format_of(symbol: &str) -> Option<String> {
    let object: serde_json::Value = serde_json::from_str(symbol).ok()?;
    let is_format = object.get("tag")?.as_str()?.starts_with("defmt_");
    object.get("data")?.as_str().filter(|_| is_format).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_of_defmt_is_a_format_and_another_is_none() {
        let symbol = r#"{"package":"defmt","tag":"defmt_prim","data":"{=usize}","disambiguator":"1"}"#;
        assert_eq!(format_of(symbol).as_deref(), Some("{=usize}"));
        assert_eq!(format_of(r#"{"disambiguator":1,"name":"hangs","ignored":false}"#), None);
        assert_eq!(format_of("main"), None);
    }
}
