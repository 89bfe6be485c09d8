//! Sequences of operations, with misuse among them, done to slabs and to the model:
//!
//! ```text
//! cargo +nightly fuzz run -s none --fuzz-dir firmware/framekeeper/fuzz objects -- -max_len=16385
//! ```
//!
//! A sequence that fails is printed as the test prints it.

#![no_main]
#![expect(dead_code, reason = "the test's own modules, not all of which is used here")]

#[path = "../../tests/slabs/bytes.rs"]
mod bytes;
#[path = "../../tests/frames/ground.rs"]
mod ground;
#[path = "../../tests/slabs/machine.rs"]
mod machine;
#[path = "../../tests/slabs/model.rs"]
mod model;
#[path = "../../tests/slabs/random.rs"]
mod random;

use std::{sync::Mutex, thread_local};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(said) = bytes::run(bytes) {
        panic!("{said}");
    }
});
