//! The loader with a real QEMU and a program of a few instructions: what it prints arrives, its end is told for
//! what it was, what it hangs in is seen, and nothing stays behind.

use host_runner::board::Board;
use host_runner::image::Symbols;
use host_runner::loader::{BootCount, Incoming, Loader, Machine, Task};
use host_runner::session::Closed;
use host_runner::workspace::Workspace;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BOOT: BootCount = BootCount(1);

/// `movz x1, #0x900, lsl #16`: the PL011 of QEMU's `virt`.
const UART_INTO_X1: u32 = 0xd2a1_2001;
/// `movz w2, #character; strb w2, [x1]`.
const fn print(character: u8) -> [u32; 2] {
    [0x5280_0002 | (character as u32) << 5, 0x3900_0022]
}
/// `movz x0, #0x8400, lsl #16; movk x0, #8; hvc #0`: PSCI SYSTEM_OFF.
const SWITCH_OFF: [u32; 3] = [0xd2b0_8000, 0xf280_0100, 0xd400_0002];
/// `b .`
const HANG: u32 = 0x1400_0000;
/// `ldrb w2, [x1, #0x18]; tbnz w2, #4, .-4; ldrb w2, [x1]; strb w2, [x1]`: waits for a byte and sends it back.
const ECHO: [u32; 4] = [0x3940_6022, 0x3727_ffe2, 0x3940_0022, 0x3900_0022];

/// An arm64 `Image` of these instructions. Its first one jumps over the header.
fn image(code: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    // `b .+64`
    bytes[..4].copy_from_slice(&0x1400_0010_u32.to_le_bytes());
    bytes[16..24].copy_from_slice(&0x1000_u64.to_le_bytes());
    bytes[56..60].copy_from_slice(b"ARM\x64");
    bytes.extend(code.iter().flat_map(|instruction| instruction.to_le_bytes()));
    bytes
}

/// A board that runs `code`; the folder keeps the image.
fn boot(code: &[u32]) -> (Machine, Receiver<Incoming>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let kernel: PathBuf = folder.path().join("Image");
    std::fs::write(&kernel, image(code)).unwrap();
    let workspace = Workspace::find().unwrap();
    let board = Board::find(&workspace, "qemu-virt").unwrap();
    let (outside, inbox) = channel();
    let symbols = Rc::new(Symbols::none());
    let loader = Loader::new(&workspace, &board, kernel, symbols, &Task::default()).unwrap();
    (loader.boot(BOOT, outside).unwrap(), inbox, folder)
}

/// What arrives until `enough`, or until the line ends.
fn listen(inbox: &Receiver<Incoming>, enough: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    while heard != enough {
        match inbox.recv_timeout(Duration::from_secs(20)).expect("the board says nothing") {
            Incoming::Bytes { boot, bytes, .. } => {
                assert_eq!(boot, BOOT);
                heard.extend(bytes);
            }
            Incoming::Ended(_) | Incoming::Interrupted => break,
        }
    }
    heard
}

#[test]
fn a_board_that_switches_itself_off_is_told_from_one_that_is_lost() {
    let code = [[UART_INTO_X1].as_slice(), &print(b'O'), &print(b'K'), &SWITCH_OFF].concat();
    let (mut machine, inbox, _folder) = boot(&code);
    assert_eq!(listen(&inbox, b"(never)"), b"OK");
    assert_eq!(machine.why_ended(), Closed::PoweredOff);
}

#[test]
fn what_is_sent_arrives() {
    let code = [[UART_INTO_X1].as_slice(), &print(b'>'), &ECHO, &[HANG]].concat();
    let (machine, inbox, _folder) = boot(&code);
    assert_eq!(listen(&inbox, b">"), b">");
    machine.send(b"x".to_vec());
    assert_eq!(listen(&inbox, b"x"), b"x");
}

#[test]
fn a_hanging_board_can_be_looked_into_and_leaves_nothing_behind() {
    let code = [[UART_INTO_X1].as_slice(), &print(b'!'), &[HANG]].concat();
    let (machine, inbox, _folder) = boot(&code);
    assert_eq!(listen(&inbox, b"!"), b"!");
    let seen = machine.inspect().expect("QEMU answers");
    // QEMU loads an Image without an offset of its own 2 MiB into RAM; four instructions come before the jump.
    assert!(seen.starts_with("core 0: pc 0x4020004c "), "{seen}");
    assert_eq!(seen.matches("core ").count(), 8, "{seen}");
    let before = Instant::now();
    drop(machine);
    assert!(before.elapsed() < Duration::from_secs(5), "killing takes no time");
    assert_eq!(listen(&inbox, b"(never)"), b"", "the line ends with the board");
}
