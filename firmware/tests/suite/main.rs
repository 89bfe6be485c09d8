//! All suites as one image: one load of a board serves them all.
//!
//! A file here is an area of the firmware, a module in it a topic, a function a behaviour. The suites that attack the
//! allocators are in the crate of that name; each of their scenarios is a test of this image.

#![no_std]
#![no_main]

extern crate alloc;

use firmware as _;

#[path = "../shared/board.rs"]
mod board;
mod boot;
mod cores;
mod log;
mod numbers;
#[path = "../shared/pixel6.rs"]
mod pixel6;
mod ram;
mod translation;

/// A module of tests for each suite.
macro_rules! tests {
    ($($suite:ident { $($scenario:ident,)* })*) => {
        $(#[embedded_test::tests]
        mod $suite {
            $(#[test]
            fn $scenario() {
                let name = concat!(stringify!($suite), "::", stringify!($scenario));
                suites::perform(crate::board::Board::begin(), name, suites::$suite::$scenario);
            })*
        })*
    };
}

suites::scenarios!(tests);
