//! A board without a serial port: a debug server is all there is to hear it by, and to look into it when it hangs.

use crate::{
    qemu_tree::QemuTree,
    runner::{FakeQemu, Run, Running, finish, misbehave, runner, which, workspace_with},
};
use std::path::{Path, PathBuf};

const BOARD: [&str; 2] = ["--board", "qemu-virt-gdb"];

/// In its tree is no port that the firmware knows, and nothing listens to the one that QEMU has all the same.
#[test]
fn a_board_without_a_serial_port_is_heard() {
    let mut tree = QemuTree::dump();
    tree.replace(b"arm,pl011", b"arm,pl999");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("patched.dtb");
    std::fs::write(&path, tree.blob()).unwrap();
    let qemu = which("qemu-system-aarch64");
    let fake = FakeQemu::new(&format!("exec '{}' \"$@\" -dtb '{}'", qemu.display(), path.display()));
    let mut command = runner(&[&BOARD[..], &["run", "boot"]].concat());
    command.env("PATH", fake.path());
    let run = finish(command);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.contains("boot::restart::statics_are_fresh_for_the_next_test"), "{}", run.stdout);
}

/// With interrupts off no core says anything by itself.
#[test]
fn a_board_that_hangs_is_told_with_the_registers_and_calls_of_its_cores() {
    let test = "hangs::with_interrupts_off";
    let run = finish(runner(&[&BOARD[..], &["--image", "misbehave", "run", "--exact", test]].concat()));
    assert_eq!(run.code, Some(1), "{run:?}");
    let mut lines = run.stdout.lines().map(str::trim).skip_while(|line| !line.starts_with("core 0: pc 0xc0"));
    let (registers, call) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    assert!(registers.ends_with("interrupts masked"), "{}", run.stdout);
    assert!(call.starts_with("0: 0x") && call.contains("misbehave::wild::hang"), "{}", run.stdout);
    assert!(lines.any(|line| line.contains("with_interrupts_off_entrypoint")), "{}", run.stdout);
    assert!(run.stdout.contains("cores 1–7: waiting for work"), "{}", run.stdout);
}

/// It has no boot loader either, and its tree no port.
#[test]
fn a_board_with_nothing_but_a_debug_server_is_loaded_by_it() {
    let run = finish(runner(&["--board", "qemu-virt-bare", "run", "boot"]));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.contains("loaded at 0x40200000"), "{}", run.stdout);
}

/// The image's first bytes are where it is linked, and nothing is at the second address.
const DUMPS: [&str; 4] = ["--dump", "0xc0000000+0x40", "--dump", "0x10+0x10"];

/// The folder of a run.
fn folder(run: &Run) -> PathBuf {
    let recorded = run.stdout.lines().find_map(|line| line.strip_prefix("recorded in ")).unwrap();
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(recorded)
}

fn dumped(board: &str, test: &str) {
    let run = finish(runner(
        &[&DUMPS[..], &["--board", board, "--image", "misbehave", "run", "--exact", test]].concat(),
    ));
    assert_eq!(run.code, Some(1), "{run:?}");
    let folder = folder(&run);
    let image = std::fs::read(folder.join("Image")).unwrap();
    assert_eq!(std::fs::read(folder.join("memory-1-0xc0000000.bin")).unwrap(), &image[..0x40]);
    assert!(run.stdout.contains("memory 0xc0000000+0x40 is in memory-1-0xc0000000.bin"), "{}", run.stdout);
    let nothing = "memory 0x10+0x10 cannot be read: the debug server refuses";
    assert!(run.stdout.contains(nothing), "{}", run.stdout);
    let files =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.filter(|name| name.starts_with("memory-")).count(), 1);
    let again = finish(runner(&["replay", folder.to_str().unwrap()]));
    assert!(again.stdout.contains("is in memory-1-0xc0000000.bin"), "{}", again.stdout);
}

#[test]
fn memory_of_a_board_that_hangs_is_kept_on_demand() {
    dumped("qemu-virt-gdb", "hangs::with_interrupts_off");
    dumped("qemu-virt-bare", "hangs::with_interrupts_off");
}

#[test]
fn memory_of_a_board_that_has_crashed_is_kept_on_demand() {
    dumped("qemu-virt-gdb", "exceptions::reads_unmapped_memory");
}

#[test]
fn memory_of_a_board_without_a_debug_link_cannot_be_kept() {
    let run = finish(runner(&["--dump", "0xc0000000+0x40", "--board", "qemu-virt", "run", "boot"]));
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("--dump reads memory by a debug link"), "{}", run.stderr);
}

/// OpenOCD as it is, through a model of a debug port: four wires, the port, the cores' debug registers.
#[test]
fn a_board_behind_openocd_is_loaded_and_heard_by_it() {
    let run = finish(runner(&["--board", "qemu-virt-openocd", "run", "boot"]));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.contains("4 cores, 10"), "{}", run.stdout);
    assert!(run.stdout.lines().last().unwrap().starts_with("passed: "), "{}", run.stdout);
}

#[test]
fn a_board_behind_openocd_that_hangs_is_told_with_registers_calls_and_memory() {
    let test = "hangs::with_interrupts_off";
    let arguments = ["--board", "qemu-virt-openocd", "--image", "misbehave", "run", "--exact", test];
    let run = finish(runner(&[&DUMPS[..], &arguments].concat()));
    assert_eq!(run.code, Some(1), "{run:?}");
    let mut lines = run.stdout.lines().map(str::trim).skip_while(|line| !line.starts_with("core 0: pc 0xc0"));
    assert!(lines.next().unwrap_or_default().ends_with("interrupts masked"), "{}", run.stdout);
    assert!(lines.any(|line| line.contains("with_interrupts_off_entrypoint")), "{}", run.stdout);
    assert!(run.stdout.contains("cores 1–3: waiting for work"), "{}", run.stdout);
    let folder = folder(&run);
    let image = std::fs::read(folder.join("Image")).unwrap();
    assert_eq!(std::fs::read(folder.join("memory-1-0xc0000000.bin")).unwrap(), &image[..0x40]);
}

/// Of an emulator each run has one; the file that does not say that its server is one is that of an adapter.
#[test]
fn a_board_at_an_adapter_is_one_runs_at_a_time() {
    let name = format!("pins-{}", std::process::id());
    let root = workspace_with("qemu-virt-bare", &name, |text| text.replace("tools = [\"qemu\"]\n", ""));
    let elf = misbehave("qemu-virt-bare");
    let run = |test: &str| {
        let arguments = ["--elf", elf.to_str().unwrap(), "--budget", "1h", "run", "--exact", test];
        let mut command = runner(&[&["--board", &name], &arguments[..]].concat());
        command.current_dir(root.path());
        command
    };
    let mut first = Running::start(run("hangs::with_interrupts_on"));
    first.wait_for("usable RAM");
    let second = finish(run("verdicts::passes"));
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(second.stdout.contains(&format!("{name} is in use by")), "{}", second.stdout);
    first.interrupt();
    assert_eq!(first.finish().code, Some(130));
    let third = finish(run("verdicts::passes"));
    assert_eq!(third.code, Some(0), "{third:?}");
}

#[test]
fn a_debug_server_that_does_not_start_says_why() {
    let fake = FakeQemu::new("echo no such machine >&2; exit 1");
    let mut command = runner(&["--board", "qemu-virt-bare", "run", "boot"]);
    command.env("PATH", fake.path());
    let run = finish(command);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stdout.contains("the debug server said: no such machine"), "{}", run.stdout);
}
