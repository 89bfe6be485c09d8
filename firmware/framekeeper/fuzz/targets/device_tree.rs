//! Blobs that may be device trees, read by us, by `dtoolkit`, and by a reader that is too simple to be wrong:
//!
//! ```text
//! DEVICETREE_SEEDS=$PWD/firmware/framekeeper/fuzz/corpus/device_tree \
//!     cargo test -p framekeeper --test devicetree seeds_are_written -- --ignored
//! cargo +nightly fuzz run -s none --fuzz-dir firmware/framekeeper/fuzz device_tree -- -max_len=4096
//! ```
//!
//! Without seeds it stays in the header. No sanitizer: there is nothing unsafe here, and it takes most of the time.

#![no_main]
#![expect(dead_code, reason = "the test's own modules, not all of which is used here")]

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
