//! What several cores do at once, over the real code.
//!
//! | command, before it `RUSTFLAGS="--cfg …"` | explores |
//! |---|---|
//! | `loom`: `cargo test -p framekeeper --release --lib interleavings` | every interleaving of two or three short threads, and every value that weak memory lets a load see |
//! | `shuttle`: `cargo test -p framekeeper --release --lib schedules` | random schedules of many threads with long work; each access sees the last write |
//!
//! The cells and locks are those of [`sync`](crate::sync); nothing else is different from what a kernel runs, but that
//! shuttle's maps have smaller sections.

#[cfg(loom)]
mod interleavings;
#[cfg(all(shuttle, not(loom)))]
mod schedules;
