//! Each situation of a run, driven by hand-written events.

mod bench;
mod boots;
mod ends;
mod evidence;
mod limits;
mod link;
mod measured;
mod retries;
mod strays;
