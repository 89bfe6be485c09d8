//! Device trees: broken ones are refused with a reason, odd ones are read, and no blob does harm.

mod agreement;
mod bad;
mod bad_header;
mod bad_meaning;
mod bad_structure;
mod examine;
mod fuzz;
mod mutate;
mod naive;
mod odd;
mod odd_memory;
mod odd_structure;
mod oracle;
mod pixel6;
mod reading;
mod sample;
mod writer;
