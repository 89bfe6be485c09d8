//! Hands the linker its script.

fn main() {
    // Read when this runs: a copied target folder must not lead back to where it came from.
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let script = format!("{folder}/../../linker/twin.ld");
    println!("cargo::rerun-if-changed={script}");
    println!("cargo::rustc-link-arg-bin=monitor=-T{script}");
}
