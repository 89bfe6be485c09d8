//! Boots a board, runs every test of an image on it, and says what happened.
//!
//! # The data's way
//!
//! ```text
//! board.toml ─► board ─┐
//! cargo build ─► image ─┴► drive ─► loader (QEMU) ─► link ─► session ─► notices ─► report
//!                            │                                 ▲
//!                            └──────────► record ─► replay ────┘
//! ```
//!
//! [`session`] decides what every test's end is; it is a pure state machine, so every fault of a board or a line
//! is a unit test, and a recorded run gives the same report again. Processes, sockets and files are around it.

pub mod plan;
pub mod record;
pub mod session;
