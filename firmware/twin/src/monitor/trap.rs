//! What the image did that it cannot do by itself.

use twin::block::{End, Stray, StrayKind};
use twin::devices::{Access, Answer};
use twin::syndrome::{Class, Syndrome, system_register};
use twin::{affinity, map, pmu};

use crate::frame::Frame;
use crate::memory::Registers;
use crate::registers::{self, read_register, write_register};
use crate::{cores, end, power, publish, with_devices};

core::arch::global_asm!(
    include_str!("vectors.s"),
    handle = sym handle,
);

/// Vectors of exceptions from the level below, of four kinds.
const SYNCHRONOUS: u64 = 8;
const FIQ: u64 = 10;

const NOT_SUPPORTED: u64 = (-1_i64).cast_unsigned();

extern "C" fn handle(frame: &mut Frame, kind: u64) {
    match kind {
        SYNCHRONOUS => handle_synchronous(frame),
        FIQ => cores::watch(),
        _ => give_up(frame),
    }
}

fn handle_synchronous(frame: &mut Frame) {
    let syndrome = Syndrome(frame.syndrome);
    match syndrome.class() {
        // Nobody is there whom it could call.
        Class::Hvc => frame.set_register(0, NOT_SUPPORTED),
        Class::Smc => {
            // A call that is trapped has not been executed: the program counter still stands there.
            frame.skip();
            handle_call(frame);
        }
        Class::SystemRegister => handle_system_register(frame, syndrome),
        Class::Data => handle_data(frame, syndrome),
        Class::Fetch => stray(frame, syndrome, StrayKind::Fetch),
        Class::Other => give_up(frame),
    }
}

/// The secure monitor's calls: PSCI, passed on with QEMU's numbers of cores, and the phone's own.
fn handle_call(frame: &mut Frame) {
    const SMCCC_VERSION: u64 = 0x8000_0000;
    const SMCCC_1_1: u64 = 0x1_0001;
    const CPU_ON: [u64; 2] = [0x8400_0003, 0xc400_0003];
    const AFFINITY_INFO: [u64; 2] = [0x8400_0004, 0xc400_0004];
    const SYSTEM_OFF: u64 = 0x8400_0008;
    const SYSTEM_RESET: u64 = 0x8400_0009;
    /// What else QEMU has: the version, suspending and switching off a core, migration, and features.
    const PASSED_ON: [u64; 7] =
        [0x8400_0000, 0x8400_0001, 0xc400_0001, 0x8400_0002, 0x8400_0006, 0x8400_0007, 0x8400_000a];
    let [function, first, second, third, fourth, ..] = frame.x;
    // The upper half of the register is nothing to a function's number.
    let function = function & 0xffff_ffff;
    let result = match function {
        SMCCC_VERSION => SMCCC_1_1,
        pmu::CALL => {
            let (result, ended) = with_devices(|devices| devices.call_pmu([first, second, third, fourth]));
            if let Some(ended) = ended {
                end(ended);
            }
            result
        }
        SYSTEM_OFF => end(End::PsciOff),
        SYSTEM_RESET => end(End::PsciReset),
        _ if CPU_ON.contains(&function) => cores::on(function, first, second, third),
        _ if AFFINITY_INFO.contains(&function) => match affinity::core(first) {
            Some(core) => power::call([function, core as u64, second, 0]),
            None => (-2_i64).cast_unsigned(),
        },
        _ if PASSED_ON.contains(&function) => power::call([function, first, second, third]),
        _ => NOT_SUPPORTED,
    };
    frame.set_register(0, result);
}

/// What both groups of interrupts share, and interrupts from core to core.
fn handle_system_register(frame: &mut Frame, syndrome: Syndrome) {
    const PMR: u64 = system_register(3, 0, 4, 6, 0);
    const DIR: u64 = system_register(3, 0, 12, 11, 1);
    const RPR: u64 = system_register(3, 0, 12, 11, 3);
    const SGI1R: u64 = system_register(3, 0, 12, 11, 5);
    const ASGI1R: u64 = system_register(3, 0, 12, 11, 6);
    const SGI0R: u64 = system_register(3, 0, 12, 11, 7);
    const CTLR: u64 = system_register(3, 0, 12, 12, 4);
    let register = syndrome.register();
    let value = frame.register(register);
    match (syndrome.system_register(), syndrome.is_system_read()) {
        (PMR, true) => frame.set_register(register, read_register!("S3_0_C4_C6_0")),
        // Whatever the image masks, the monitor hears its own timer.
        (PMR, false) => write_register!("S3_0_C4_C6_0", value.max(cores::LOWEST_MASK)),
        (CTLR, true) => frame.set_register(register, read_register!("S3_0_C12_C12_4")),
        (CTLR, false) => write_register!("S3_0_C12_C12_4", value),
        (RPR, true) => frame.set_register(register, read_register!("S3_0_C12_C11_3")),
        (DIR, false) => write_register!("S3_0_C12_C11_1", value),
        (SGI1R, false) => {
            if let Some(value) = affinity::interrupt(value) {
                write_register!("S3_0_C12_C11_5", value);
            }
        }
        // Those of the secure world, which the firmware cannot send.
        (SGI0R | ASGI1R, false) => {}
        _ => give_up(frame),
    }
    frame.skip();
}

fn handle_data(frame: &mut Frame, syndrome: Syndrome) {
    let kind = match (syndrome.is_walk(), syndrome.is_write()) {
        (true, _) => StrayKind::Walk,
        (false, true) => StrayKind::Write,
        (false, false) => StrayKind::Read,
    };
    let Some(transfer) = syndrome.transfer().filter(|_| !syndrome.is_walk()) else {
        let kind = if kind == StrayKind::Walk { kind } else { StrayKind::Other };
        return stray(frame, syndrome, kind);
    };
    let value = transfer.cut(frame.register(transfer.register));
    let stored = syndrome.is_write().then_some(value);
    let access = Access { address: address(), bytes: transfer.bytes, stored };
    let answer = with_devices(|devices| devices.access(access, registers::now(), &mut Registers));
    match answer {
        Answer::Stray => return stray(frame, syndrome, kind),
        Answer::SError => {
            note(frame, StrayKind::Narrow, access.address);
            cores::raise_serror();
        }
        Answer::Done(read) if stored.is_none() => {
            frame.set_register(transfer.register, transfer.extended(read));
        }
        Answer::Done(_) => {}
    }
    frame.skip();
}

/// The physical address that the image wanted: the page from HPFAR_EL2, the rest from FAR_EL2.
fn address() -> u64 {
    const PAGE: u64 = 0xfff;
    (read_register!("hpfar_el2") >> 4 << 12) | read_register!("far_el2") & PAGE
}

/// Notes a stray access, and has the image take an external abort for it.
fn stray(frame: &mut Frame, syndrome: Syndrome, kind: StrayKind) {
    note(frame, kind, address());
    let vector = match frame.pstate & 0b1111 {
        // EL1 on EL0's stack, EL1 on its own, EL0.
        0b0100 => 0x000,
        0b0101 => 0x200,
        _ => return give_up(frame),
    };
    write_register!("esr_el1", syndrome.as_external_abort());
    write_register!("far_el1", read_register!("far_el2"));
    write_register!("elr_el1", frame.pc);
    write_register!("spsr_el1", frame.pstate);
    frame.pc = read_register!("vbar_el1") + vector;
    // EL1h, everything masked; and the privileged access to what is EL0's, as SCTLR_EL1.SPAN says.
    const PAN: u64 = 1 << 22;
    let span = read_register!("sctlr_el1") >> 23 & 1;
    frame.pstate = 0x3c5 | if span == 0 { PAN } else { frame.pstate & PAN };
}

fn note(frame: &Frame, kind: StrayKind, address: u64) {
    let core = registers::core() as u8;
    let bytes = Syndrome(frame.syndrome).transfer().map_or(0, |transfer| transfer.bytes);
    let (pc, virtual_address, syndrome) = (frame.pc, read_register!("far_el2"), frame.syndrome);
    with_devices(|devices| {
        devices.record.note(Stray { core, kind, bytes, pc, address, virtual_address, syndrome });
        publish(&mut devices.record);
    });
}

/// The monitor does not know what to do, or has done something wrong itself. The host reads where.
fn give_up(frame: &Frame) {
    let own = map::MONITOR.contains(&frame.pc);
    note(frame, StrayKind::Other, if own { frame.pc } else { address() });
    end(End::Monitor);
}
