//! Blobs that may be device trees, read by us, by `dtoolkit`, and by a reader that is too simple to be wrong:
//!
//! ```text
//! cargo +nightly fuzz run --fuzz-dir firmware/framekeeper/fuzz device_tree
//! ```

#![no_main]
// Of the test's own modules not all is used here.
#![allow(dead_code, unreachable_pub)]

#[path = "../../tests/devicetree/examine.rs"]
mod examine;
#[path = "../../tests/devicetree/naive.rs"]
mod naive;
#[path = "../../tests/devicetree/oracle.rs"]
mod oracle;
#[path = "../../tests/devicetree/writer.rs"]
mod writer;

use examine::{Figures, examine};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| examine(bytes, &mut Figures::default()));
