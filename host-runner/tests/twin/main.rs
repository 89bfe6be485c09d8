//! The twin with programs of a few instructions: what the phone answers is answered, and what nobody answers is seen.

mod trees;

use host_runner::twin::phone::{IMAGE, Shape, at_rest};
use host_runner::twin::{Twin, monitor};
use host_runner::workspace::Workspace;
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use twin::block::{End, Options, Record, StrayKind};

/// How long a machine may take that ends by itself. It takes less than a second; the rest is for a host that has a
/// lot to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// The UART's page, in x1.
const UART_INTO_X1: u32 = movz(1, 0x10a0, 16);

/// `movz xREGISTER, #value, lsl #shift`.
const fn movz(register: u32, value: u32, shift: u32) -> u32 {
    0xd280_0000 | (shift / 16) << 21 | value << 5 | register
}

/// `movk xREGISTER, #value, lsl #shift`.
const fn movk(register: u32, value: u32, shift: u32) -> u32 {
    movz(register, value, shift) | 0x2000_0000
}

/// Puts a number into a register.
fn set(register: u32, value: u64) -> Vec<u32> {
    let piece = |shift: u32| (value >> shift) as u32 & 0xffff;
    let mut code = vec![movz(register, piece(0), 0)];
    code.extend([16, 32, 48].map(|shift| movk(register, piece(shift), shift)));
    code
}

/// `str wVALUE, [xBASE, #offset]`, and the same with 8 bits, and the load.
const fn str_w(value: u32, base: u32, offset: u32) -> u32 {
    0xb900_0000 | (offset / 4) << 10 | base << 5 | value
}
const fn strb(value: u32, base: u32, offset: u32) -> u32 {
    0x3900_0000 | offset << 10 | base << 5 | value
}
const fn ldr_w(value: u32, base: u32, offset: u32) -> u32 {
    str_w(value, base, offset) | 0x0040_0000
}

/// Says one character.
fn say(character: u8) -> Vec<u32> {
    vec![UART_INTO_X1, movz(2, u32::from(character), 0), str_w(2, 1, 0x20)]
}

/// `smc #0`, with the function's number and up to four arguments.
fn smc(function: u64, arguments: &[u64]) -> Vec<u32> {
    let mut code = set(0, function);
    for (register, &argument) in (1..).zip(arguments) {
        code.extend(set(register, argument));
    }
    code.push(0xd400_0003);
    code
}

fn switch_off() -> Vec<u32> {
    smc(0x8400_0008, &[])
}

/// `b .`
const HANG: u32 = 0x1400_0000;

/// Sets VBAR_EL1 to a page in which every vector says `!` and switches off.
fn vectors(code: &mut Vec<u32>) {
    const VECTORS: u64 = IMAGE + 0x800;
    code.extend(set(3, VECTORS));
    // `msr vbar_el1, x3; msr daifclr, #4; isb`
    code.extend([0xd518_c003, 0xd503_44ff, 0xd503_3fdf]);
}

/// An image that begins with `code`, and has a page of vectors behind it.
fn image(code: &[u32]) -> Vec<u8> {
    let mut words = code.to_vec();
    assert!(words.len() <= 0x800 / 4);
    words.resize(0x800 / 4, HANG);
    for _ in 0..16 {
        let mut vector = [say(b'!'), switch_off()].concat();
        vector.resize(0x80 / 4, HANG);
        words.extend(vector);
    }
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// A twin that has run a program to its end.
struct Run {
    said: String,
    record: Record,
    twin: Twin,
}

fn built() -> &'static std::path::Path {
    static MONITOR: OnceLock<std::path::PathBuf> = OnceLock::new();
    MONITOR.get_or_init(|| monitor::build(&Workspace::find().unwrap()).unwrap())
}

fn options() -> Options {
    at_rest(Shape::Oriole).unwrap()
}

fn run(code: &[u32]) -> Run {
    run_with(code, &options(), "")
}

fn run_with(code: &[u32], options: &Options, heard: &str) -> Run {
    let twin = Twin::new(built().to_owned()).unwrap();
    start(twin, code, options, heard)
}

fn start(twin: Twin, code: &[u32], options: &Options, heard: &str) -> Run {
    twin.place(&image(code), b"tree", options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = twin.command(&folder.path().join("qmp"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(heard.as_bytes()).unwrap();
    end(&mut child);
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    let record = twin.record().expect("the monitor has started");
    Run { said, record, twin }
}

fn end(child: &mut Child) {
    let until = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("the machine does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_program_speaks_and_switches_off_and_nothing_is_stray() {
    let run = run(&[say(b'O'), say(b'K'), switch_off()].concat());
    assert_eq!(run.said, "OK");
    let record = &run.record;
    assert_eq!((record.end, record.strays, record.sent), (Some(End::PsciOff), 0, 2), "{record:?}");
}

#[test]
fn it_is_entered_at_el1_with_the_device_tree_in_x0_and_its_number_in_the_second_byte() {
    // Says the exception level, the first character of the device tree, and the number of its core.
    let mut code = vec![0x3940_0004]; // ldrb w4, [x0]
    // mrs x5, CurrentEL; lsr x5, x5, #2; add w5, w5, #'0'; mrs x6, mpidr_el1; ubfx x6, x6, #8, #8; add w6, w6, #'0'
    code.extend([0xd538_4245, 0xd342_fca5, 0x1100_c0a5, 0xd538_00a6, 0xd348_3cc6, 0x1100_c0c6]);
    code.push(UART_INTO_X1);
    code.extend([4, 5, 6].map(|register| str_w(register, 1, 0x20)));
    code.extend(switch_off());
    assert_eq!(run(&code).said, "t10");
}

#[test]
fn a_byte_store_to_the_serial_port_is_an_serror() {
    let mut code = Vec::new();
    vectors(&mut code);
    // The abort is asynchronous: it comes at the latest with the barrier.
    code.extend([UART_INTO_X1, movz(2, u32::from(b'x'), 0), strb(2, 1, 0x20), 0xd503_3fdf]);
    code.extend(say(b'n'));
    code.extend(switch_off());
    let run = run(&code);
    let stray = run.record.first[0].unwrap();
    assert_eq!((run.said.as_str(), run.record.strays), ("!", 1));
    assert_eq!((stray.kind, stray.bytes, stray.address), (StrayKind::Narrow, 1, 0x10a0_0020));
}

#[test]
fn a_touch_of_a_hole_or_a_carve_out_is_seen_and_aborts() {
    for (address, register, write) in
        [(0x1_0000_0000, 3, false), (0xb720_0ff8, 4, true), (0x0900_0000, 5, false)]
    {
        let mut code = Vec::new();
        vectors(&mut code);
        code.extend(set(register, address));
        let access = if write { str_w(register, register, 0) } else { ldr_w(register, register, 0) };
        let pc = IMAGE + 4 * code.len() as u64;
        code.push(access);
        code.extend(say(b'n'));
        let run = run(&code);
        assert_eq!(run.said, "!", "{address:#x}");
        let stray = run.record.first[0].unwrap();
        let kind = if write { StrayKind::Write } else { StrayKind::Read };
        assert_eq!((run.record.strays, stray.core, stray.bytes), (1, 0, 4));
        assert_eq!((stray.address, stray.pc, stray.kind), (address, pc, kind));
    }
}

#[test]
fn carve_outs_end_where_they_end() {
    let mut code = Vec::new();
    for address in [0x8aff_f000, 0x8b0c_4000, 0xfd3f_f000_u64, 0x8_8000_0000, 0x9_ffff_f000] {
        code.extend(set(3, address));
        code.push(str_w(3, 3, 0));
    }
    code.extend(say(b'k'));
    code.extend(switch_off());
    let run = run(&code);
    assert_eq!((run.said.as_str(), run.record.strays), ("k", 0));
    let mut bytes = [0; 4];
    run.twin.ram().read(0x9_ffff_f000, &mut bytes).unwrap();
    assert_eq!(u32::from_le_bytes(bytes), 0xffff_f000, "RAM can be looked at when the machine is gone");
}

#[test]
fn a_jump_into_a_hole_is_seen() {
    let mut code = Vec::new();
    vectors(&mut code);
    code.extend(set(3, 0x2_0000_0000));
    code.push(0xd61f_0060); // br x3
    let run = run(&code);
    let stray = run.record.first[0].unwrap();
    assert_eq!((run.said.as_str(), stray.kind, stray.address), ("!", StrayKind::Fetch, 0x2_0000_0000));
}

#[test]
fn a_watchdog_that_is_armed_bites_and_one_that_is_stopped_does_not() {
    let mut armed = options();
    armed.watchdog_ms = 300;
    assert_eq!(run_with(&[HANG], &armed, "").record.end, Some(End::Watchdog(0)));
    // Stops it, then waits for longer than it would have taken: mrs x4, cntpct_el0; 1: mrs x5, cntpct_el0; sub x5,
    // x5, x4; cmp x5, x6; b.lo 1b
    let mut code = set(3, 0x1006_0000);
    code.push(str_w(31, 3, 0));
    code.extend(set(6, twin::TIMER_HZ / 2));
    code.extend([0xd53b_e024, 0xd53b_e025, 0xcb04_00a5, 0xeb06_00bf, 0x54ff_ffa3]);
    code.extend(switch_off());
    assert_eq!(run_with(&code, &armed, "").record.end, Some(End::PsciOff));
}

#[test]
fn a_reset_to_the_boot_loader_keeps_its_reason_and_what_ram_holds() {
    const CALL: u64 = 0x8200_0504;
    let mut code = set(3, 0x9_0000_0000);
    code.extend([movz(5, 0xbeef, 0), str_w(5, 3, 4)]);
    code.extend(smc(CALL, &[0x1746_0810, 2, 0xff, 0xfc]));
    code.extend(smc(CALL, &[0x1746_3a00, 2, 2, 2]));
    let first = run(&code);
    assert_eq!((first.record.end, first.record.boot_mode), (Some(End::WarmReset), 0xfc));
    // The next start finds what the first one left.
    let mut code = set(3, 0x9_0000_0000);
    code.extend(set(4, 0x8800_0000));
    code.extend([ldr_w(5, 3, 4), str_w(5, 4, 0)]);
    code.extend(switch_off());
    let second = start(first.twin, &code, &options(), "");
    let mut bytes = [0; 4];
    second.twin.ram().read(0x8800_0000, &mut bytes).unwrap();
    assert_eq!((second.record.end, u32::from_le_bytes(bytes)), (Some(End::PsciOff), 0xbeef));
}

#[test]
fn a_core_that_is_started_runs_under_the_monitor_and_knows_its_number() {
    // Core 0 starts core 5 by the phone's affinity; core 5 says its number and its argument, and switches off.
    let started: Vec<u32> = {
        // mrs x6, mpidr_el1; ubfx x6, x6, #8, #8; add w6, w6, #'0'
        let mut code = vec![0xd538_00a6, 0xd348_3cc6, 0x1100_c0c6, UART_INTO_X1];
        code.extend([str_w(0, 1, 0x20), str_w(6, 1, 0x20)]);
        code.extend(switch_off());
        code
    };
    let mut code = smc(0xc400_0003, &[0x500, IMAGE + 0x400, u64::from(b'a')]);
    code.push(HANG);
    code.resize(0x400 / 4, HANG);
    code.extend(started);
    assert_eq!(run(&code).said, "a5");
}

#[test]
fn a_serial_port_that_dies_says_no_more() {
    let mut dying = options();
    dying.uart_dies_after = 2;
    let code = [say(b'a'), say(b'b'), say(b'c'), switch_off()].concat();
    assert_eq!(run_with(&code, &dying, "").said, "ab");
}

#[test]
fn what_is_sent_to_the_phone_arrives() {
    // 1: ldr w2, [x1, #0x18]; tst w2, #0x1ff; b.eq 1b; ldr w2, [x1, #0x24]; str w2, [x1, #0x20]
    let mut code =
        vec![UART_INTO_X1, ldr_w(2, 1, 0x18), 0x7200_205f, 0x54ff_ffc0, ldr_w(2, 1, 0x24), str_w(2, 1, 0x20)];
    code.extend(switch_off());
    let run = run_with(&code, &options(), "z");
    assert_eq!((run.said.as_str(), run.record.taken), ("z", 1));
}
