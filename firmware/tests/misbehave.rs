//! Tests that misbehave.

#![no_std]
#![no_main]

use firmware as _;

#[embedded_test::tests]
mod misbehave {
    #[test]
    fn panics() {
        panic!("on purpose");
    }
}
