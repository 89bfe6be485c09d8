//! This board as the machine that suites are written against.

use core::fmt;

use firmware::{
    boot, clock,
    cores::{self, CoreId},
    frames::{self, Frames, ThisMachine},
    heap::{self, Ram},
    interrupts, layout, numbers,
};
use framekeeper::{Core, Owner, PhysRange, heap::Heap};
use suites::{Machine, Number, Parameters, Regions};

/// How long a core may take to go off while all others work.
const PATIENCE_MS: u64 = 10_000;

/// This board.
pub(crate) struct Board;

impl Board {
    /// The board, for a scenario that begins.
    pub(crate) fn begin() -> &'static Self {
        // What an earlier test left in memory is none of this one's.
        suites::begin_tags(clock::now());
        defmt::debug!(
            "seed {=u64}, budget {=u64} ms",
            firmware::parameters().seed,
            firmware::parameters().budget_ms
        );
        &Self
    }
}

/// The core of this number, as the firmware knows it.
fn core_id(core: Core) -> CoreId {
    match CoreId::all().nth(core.index()) {
        Some(core) => core,
        None => panic!("there is no core {}", core.number()),
    }
}

impl Machine for Board {
    type Cpu = ThisMachine;
    type Map = Ram;

    fn here() -> &'static Self {
        &Self
    }

    fn cpu(&self) -> ThisMachine {
        ThisMachine
    }

    fn frames(&self) -> &'static Frames {
        frames::frames()
    }

    fn heap(&self) -> &'static Heap<'static, ThisMachine, Ram> {
        heap::heap()
    }

    fn map(&self) -> Ram {
        Ram
    }

    fn ram(&self) -> &Regions {
        &boot::ram().ram
    }

    fn free_ram(&self) -> &Regions {
        boot::free_ram()
    }

    fn occupied(&self) -> impl Iterator<Item = PhysRange> {
        let machine = boot::machine();
        let program = [layout::image_range(boot::load_address()), boot::device_tree()];
        let devices = [machine.gic.distributor, machine.gic.redistributors];
        let serial = machine.serial.map(|serial| serial.registers);
        program.into_iter().chain(devices).chain(serial).chain(boot::ram().reserved.iter())
    }

    fn own(&self) -> &[Owner] {
        &[frames::TABLES, frames::STACKS]
    }

    fn cores(&self) -> u8 {
        cores::online() as u8
    }

    fn on_each(&self, task: &(dyn Fn(Core) + Sync)) {
        cores::on_each(&|core| task(Core::new(core.index() as u8)));
    }

    fn switch_off(&self, core: Core) {
        if let Err(error) = cores::park_within(core_id(core), PATIENCE_MS) {
            panic!("core {} is not off: {error:?}", core.number());
        }
    }

    fn switch_on(&self, core: Core) {
        if let Err(error) = cores::bring_up(core_id(core)) {
            panic!("core {} is not up: {error:?}", core.number());
        }
    }

    fn interrupt(&self, hz: u64, handler: &'static fn()) {
        interrupts::on_tick(Some(handler));
        clock::set_tick_rate(hz);
    }

    fn interrupt_no_more(&self) {
        interrupts::on_tick(None);
        clock::set_tick_rate(clock::TICK_HZ);
    }

    fn nanoseconds(&self) -> u64 {
        clock::microseconds() * 1000
    }

    fn parameters(&self) -> Parameters {
        firmware::parameters()
    }

    fn log(&self, text: fmt::Arguments<'_>) {
        defmt::info!("{}", defmt::Display2Format(&text));
    }

    fn report(&self, number: &Number<'_>) {
        numbers::send(number);
    }
}
