//! Hands the linker its scripts.

fn main() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../linker/firmware.ld");
    println!("cargo::rerun-if-changed={script}");
    // defmt's and embedded-test's scripts are found through the search paths that those crates give.
    for script in [script, "defmt.x", "embedded-test.x"] {
        println!("cargo::rustc-link-arg-tests=-T{script}");
    }
}
