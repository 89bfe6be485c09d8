//! What the operations of allocators cost on this machine: the benchmarks of `suites`, a test each.
//!
//! Figures go to the host as numbers. What they count says [`counter`].

#![no_std]
#![no_main]

extern crate alloc;

use firmware as _;

mod counter;
#[path = "../shared/monitor.rs"]
mod monitor;
mod stand;

mod bench {
    macro_rules! tests {
        ($($group:ident { $($benchmark:ident,)* })*) => {
            $(#[embedded_test::tests]
            mod $group {
                $(#[test]
                fn $benchmark() {
                    suites::bench::$group::$benchmark(&crate::stand::Board::take());
                }
                )*
            })*
        };
    }

    suites::benchmarks!(tests);
}
