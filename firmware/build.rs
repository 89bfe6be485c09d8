//! Hands the linker its scripts.

fn main() {
    // Read when this runs: a copied target folder must not lead back to where it came from.
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let script = format!("{folder}/../linker/firmware.ld");
    println!("cargo::rerun-if-changed={script}");
    // defmt's and embedded-test's scripts are found through the search paths that those crates give.
    for script in [script.as_str(), "defmt.x", "embedded-test.x"] {
        println!("cargo::rustc-link-arg-tests=-T{script}");
    }
}
