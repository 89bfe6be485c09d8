//! Misuse: what is given back twice, or never was handed out, or is written to when it should not be.
//!
//! [`ROWS`] says what is promised of each kind of misuse, for frames and for slabs at each level. A scenario tries one row:
//! in each column [many times](crate::Machine::trials), in [arenas](crate::arena) where others take and give back
//! meanwhile, on two cores. What is promised and does not show fails it, with the seed that repeats it. So does a report
//! that says something else than it should, one too many, or one too few; and a refused call after which anything is other
//! than before.
//!
//! How often it showed, and when, are numbers `misuse/ROW/COLUMN/EVENT`, beside `…/undetected`.

mod cell;
mod cpu;
mod m01_double_free_at_once;
mod m02_double_free_later;
mod m03_stale_free;
mod m04_never_handed_out;
mod m05_no_memory;
mod m06_inside;
mod m07_smaller;
mod m08_larger;
mod m09_other_owner;
mod m10_write_after_free;
mod m11_overflow_by_one;
mod m12_overflow_into_the_next;
mod m13_underflow;
mod m14_flipped_bit;
mod m15_race;
mod m16_interrupt;
mod m17_beginnings;
mod m18_odd_sizes;
mod m19_cache_in_use;
mod m20_leak;
mod m21_read_after_free;
mod m22_false_report;
mod memory;
mod other_size;
mod overflow;
mod promises;
mod scene;
mod texts;
mod told;
mod watched;

pub use cell::Cell;
pub use m01_double_free_at_once::m01_double_free_at_once;
pub use m02_double_free_later::m02_double_free_later;
pub use m03_stale_free::{m03_stale_free, m03b_stale_free_of_what_was_handed_out_again};
pub use m04_never_handed_out::m04_never_handed_out;
pub use m05_no_memory::m05_no_memory;
pub use m06_inside::m06_inside;
pub use m07_smaller::m07_smaller;
pub use m08_larger::m08_larger;
pub use m09_other_owner::m09_other_owner;
pub use m10_write_after_free::m10_write_after_free;
pub use m11_overflow_by_one::m11_overflow_by_one;
pub use m12_overflow_into_the_next::m12_overflow_into_the_next;
pub use m13_underflow::m13_underflow;
pub use m14_flipped_bit::m14_flipped_bit;
pub use m15_race::m15_race;
pub use m16_interrupt::m16_interrupt;
pub use m17_beginnings::m17_beginnings;
pub use m18_odd_sizes::m18_odd_sizes;
pub use m19_cache_in_use::m19_cache_in_use;
pub use m20_leak::m20_leak;
pub use m21_read_after_free::m21_read_after_free;
pub use m22_false_report::m22_false_report;
pub use promises::{Column, Event, Promise, ROWS, Row};
