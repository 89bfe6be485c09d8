//! Source paths as people know them: the compiler writes them whole, with the machine they were built on.

use std::path::Path;

/// Where the standard library's and other crates' sources lie. What comes after it, without the next folder, is
/// what people know.
const FOREIGN: [&str; 3] = ["/registry/src/", "/rustc/", "/rustlib/src/rust/"];

/// Whether `path` is a source of the standard library or of another crate from a registry.
pub(super) fn is_foreign(path: &str) -> bool {
    FOREIGN.iter().any(|place| path.contains(place))
}

/// `path` relative to `root`; of the standard library and of other crates only their own part.
pub(super) fn shown_path(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
    let foreign = FOREIGN.iter().find_map(|place| inside.split_once(place));
    let shown = match foreign.and_then(|(_, rest)| rest.split_once('/')) {
        Some((_, own)) => own.strip_prefix("library/").unwrap_or(own).to_owned(),
        None => inside.into_owned(),
    };
    // The standard library reaches its vector part by way of a parent folder.
    shown.rsplit_once("/../").map_or(shown.as_str(), |(_, rest)| rest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_peoples_sources_are_known() {
        assert!(is_foreign("/rustc/1/library/core/src/hint.rs"));
        assert!(is_foreign("/u/.cargo/registry/src/index-1/spin-0.9.9/src/lib.rs"));
        assert!(!is_foreign("/src/firmware/src/cores.rs"));
    }

    #[test]
    fn paths_are_short() {
        let shown = |path| shown_path(Path::new("/src"), Path::new(path));
        assert_eq!(shown("/src/firmware/src/boot.rs"), "firmware/src/boot.rs");
        assert_eq!(shown("/u/.cargo/registry/src/index-1/spin-0.9.9/src/lib.rs"), "spin-0.9.9/src/lib.rs");
        assert_eq!(shown("/rustc/1/library/core/src/panicking.rs"), "core/src/panicking.rs");
        assert_eq!(
            shown("/rustc/1/library/core/src/../../stdarch/crates/core_arch/src/a.rs"),
            "stdarch/crates/core_arch/src/a.rs"
        );
        assert_eq!(shown("/t/lib/rustlib/src/rust/library/alloc/src/vec.rs"), "alloc/src/vec.rs");
        assert_eq!(shown("/elsewhere/a.rs"), "/elsewhere/a.rs");
    }
}
