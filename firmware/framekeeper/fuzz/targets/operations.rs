//! Traces of operations, done to an allocator and to the model:
//!
//! ```text
//! cargo +nightly fuzz run -s none --fuzz-dir firmware/framekeeper/fuzz operations
//! ```
//!
//! The first byte says on which RAM, and with how many caches. A trace that fails is printed as the test prints it.

#![no_main]
#![expect(dead_code, reason = "the test's own modules, not all of which is used here")]

#[path = "../../tests/frames/ground.rs"]
mod ground;
#[path = "../../tests/frames/model.rs"]
mod model;
#[path = "../../tests/frames/setting.rs"]
mod setting;
#[path = "../../tests/frames/trace.rs"]
mod trace;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let Some(setting) = setting::all().nth(usize::from(*first) % setting::all().count()) else { return };
    let trace = trace::decode(rest);
    if let Some(said) = setting.disagreement(&trace) {
        panic!("{}", setting.explain(&trace, &said));
    }
});
