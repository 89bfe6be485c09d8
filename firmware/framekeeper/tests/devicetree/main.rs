//! Device trees: broken ones are refused with a reason, odd ones are read, and no blob does harm.

mod bad;
mod bad_header;
mod bad_meaning;
mod bad_structure;
mod sample;
mod writer;
