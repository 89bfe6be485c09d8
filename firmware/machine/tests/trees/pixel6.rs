//! Both shapes of a Pixel 6's tree say the same machine.

use framekeeper::{PhysAddr, PhysRange};
use machine::{Conduit, Machine, Power, SerialKind, Soc};

use crate::sample::{Options, stock, upstream, with};

fn range(start: u64, size: u64) -> PhysRange {
    PhysRange::from_size(PhysAddr(start), size).unwrap()
}

fn both() -> [Vec<u8>; 2] {
    [upstream(Options::default()), stock(Options::default())]
}

#[test]
fn the_cores_have_their_number_in_the_second_affinity_field() {
    for blob in both() {
        let machine = with(&blob, |tree| Machine::read(tree).unwrap());
        let cores: Vec<u64> = machine.cores.into_iter().flatten().collect();
        assert_eq!(cores, [0, 0x100, 0x200, 0x300, 0x400, 0x500, 0x600, 0x700]);
        assert_eq!(machine.core_count(), 8);
        assert_eq!(machine.psci, Conduit::Smc);
    }
}

#[test]
fn the_interrupt_controller_and_the_timer_are_found_with_three_and_with_four_cells() {
    for blob in both() {
        let machine = with(&blob, |tree| Machine::read(tree).unwrap());
        assert_eq!(machine.gic.distributor, range(0x1040_0000, 0x1_0000));
        assert_eq!(machine.gic.redistributors, range(0x1044_0000, 0x10_0000));
        assert_eq!(machine.timer.interrupt, 11);
    }
}

#[test]
fn only_the_stock_tree_knows_how_fast_the_timer_counts() {
    let [upstream, stock] =
        both().map(|blob| with(&blob, |tree| Machine::read(tree).unwrap().timer.frequency));
    assert_eq!((upstream, stock), (None, Some(24_576_000)));
}

#[test]
fn the_port_is_the_one_for_debugging_although_nothing_names_a_path() {
    let found = both().map(|blob| with(&blob, |tree| Machine::read(tree).unwrap().serial.unwrap()));
    assert_eq!(found.map(|serial| serial.kind), [SerialKind::Samsung; 2]);
    assert_eq!(found[0].registers, range(0x10a0_0000, 0xc0));
    assert_eq!(found[1].registers, range(0x10a0_0000, 0x100));
}

#[test]
fn both_watchdogs_are_found_also_one_that_is_disabled() {
    for blob in both() {
        let watchdogs: Vec<PhysRange> = with(&blob, |tree| machine::watchdogs(tree).collect());
        assert_eq!(watchdogs, [range(0x1006_0000, 0x100), range(0x1007_0000, 0x100)]);
    }
}

#[test]
fn the_power_management_unit_resets_it_where_the_tree_knows_the_unit() {
    for blob in both() {
        let power = with(&blob, |tree| Machine::read(tree).unwrap().power);
        assert_eq!(power, Power::GooglePmu(PhysAddr(0x1746_0000)));
    }
    let without = upstream(Options { pmu: false, ..Options::default() });
    assert_eq!(with(&without, |tree| Machine::read(tree).unwrap().power), Power::Psci);
}

#[test]
fn the_system_on_chip_is_known_by_either_root() {
    for blob in both() {
        let soc = with(&blob, Soc::of).unwrap();
        let hidden = [(0xf880_0000, 0x200_0000), (0xfac0_0000, 0x9e_3400), (0xfd3f_f000, 0x1_0000)];
        assert_eq!(soc.hidden, hidden.map(|(start, size)| range(start, size)));
    }
}

#[test]
fn notes_are_kept_where_the_tree_has_a_region_for_them_or_where_the_phone_has_it() {
    for blob in both() {
        let notes = with(&blob, |tree| Machine::read(tree).unwrap().notes);
        assert_eq!(notes, Some(range(0xfd3f_f000, 0x1_0000)));
    }
    let named = |ramoops| {
        let options = Options { ramoops: Some(ramoops), ..Options::default() };
        [upstream(options), stock(options)].map(|blob| with(&blob, |tree| Machine::read(tree).unwrap().notes))
    };
    assert_eq!(named((0xfd40_0000, 0x40_0000)), [Some(range(0xfd40_0000, 0x1_0000)); 2]);
    assert_eq!(named((0x9800_0800, 0x3800)), [Some(range(0x9800_1000, 0x3000)); 2], "whole frames");
    assert_eq!(named((0x1000_0000, 0x40_0000)), [None; 2], "where there is no RAM");
}

#[test]
fn the_screen_is_where_the_boot_loader_left_it() {
    let off = Options { port: Some("disabled"), ..Options::default() };
    for blob in both().into_iter().chain([upstream(off), stock(off)]) {
        let machine = with(&blob, |tree| Machine::read(tree).unwrap());
        let screen = machine.screen.unwrap();
        assert_eq!((screen.width, screen.height, screen.pixels), (1080, 2400, range(0xfac0_0000, 0x9e_3400)));
    }
}
