//! Boots a board, runs every test of an image on it, and says what happened.
//!
//! # The data's way
//!
//! ```text
//! board.toml ─► board ─┐
//! cargo build ─► image ─┴► drive ─► loader (QEMU, fastboot) ─► link ─► session ─► notices ─► report
//!                            │                                           ▲
//!                            └──────────────► record ─► replay ──────────┘
//! ```
//!
//! [`session`] decides what every test's end is; it is a pure state machine, so every fault of a board or a line
//! is a unit test, and a recorded run gives the same report again. Processes, sockets and files are around it.

mod bisect;
pub mod board;
pub mod boot_image;
pub mod check;
pub mod cli;
pub mod command_line;
pub mod commands;
pub mod debug_port;
pub mod digests;
pub mod drive;
pub mod dump;
mod environment;
pub mod fastboot;
pub mod firmware;
pub mod gdb;
mod hooks;
pub mod image;
mod interrupt;
pub mod labgrid;
pub mod lease;
pub mod link;
pub mod loader;
pub mod parameters;
pub mod plan;
pub mod processes;
pub mod quarantine;
pub mod record;
mod repeat;
pub mod report;
pub mod runs;
pub mod selection;
pub mod session;
pub mod setup;
pub mod stand_in;
pub mod trend;
pub mod twin;
pub mod units;
pub mod workspace;
