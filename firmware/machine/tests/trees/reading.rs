//! What a tree of QEMU's shape says, and what a tree must not lack.

use framekeeper::{PhysAddr, PhysRange};
use machine::{Machine, MachineError, Power, Screen, Timer, arguments};

use crate::sample::{Frame, Options, virt, with};

#[test]
fn a_virtual_machine_is_read() {
    let machine = with(&virt(Options::default()), |tree| Machine::read(tree).unwrap());
    assert_eq!(machine.name.as_str(), "linux,dummy-virt");
    let gic = (machine.gic.distributor.start(), machine.gic.redistributors.size());
    assert_eq!(gic, (PhysAddr(0x800_0000), 0xf6_0000));
    assert_eq!(machine.timer, Timer { interrupt: 11, frequency: None });
    assert_eq!(machine.power, Power::Psci);
    assert!(machine.soc.is_none());
    assert_eq!(machine.notes, None);
    assert_eq!(machine.screen, None);
}

#[test]
fn a_machine_without_a_port_is_a_machine() {
    let off = Options { arguments: "console=null", ..Options::default() };
    assert_eq!(with(&virt(off), |tree| Machine::read(tree).unwrap().serial), None);
}

#[test]
fn what_a_tree_must_not_lack_is_named() {
    for name in ["arm,gic-v3", "arm,armv8-timer", "arm,psci-1.0"] {
        let mut blob = virt(Options::default());
        let at = blob.windows(name.len()).position(|bytes| bytes == name.as_bytes()).unwrap();
        blob[at] = b'x';
        let missing = with(&blob, |tree| match Machine::read(tree) {
            Err(MachineError::NoNode(missing)) => Some(missing),
            _ => None,
        });
        assert_eq!(missing, Some(name));
    }
}

#[test]
fn a_virtual_machine_has_no_watchdog_of_a_phone() {
    let found: Vec<PhysRange> = with(&virt(Options::default()), |tree| machine::watchdogs(tree).collect());
    assert_eq!(found, []);
}

#[test]
fn the_words_of_the_command_line_are_given_one_by_one() {
    let blob =
        virt(Options { arguments: "  quiet framekeeper.seed=7  root=/dev/ram0 ", ..Options::default() });
    let words: Vec<String> = with(&blob, |tree| arguments(tree).map(str::to_owned).collect());
    assert_eq!(words, ["quiet", "framekeeper.seed=7", "root=/dev/ram0"]);
}

#[test]
fn a_screen_is_what_a_tree_describes_if_its_rows_fit_and_its_pixels_are_words() {
    let frame =
        Frame { start: 0x7000_0000, size: 0x1_0000, width: 100, height: 80, stride: 512, format: "x8r8g8b8" };
    let screen = |frame| {
        with(&virt(Options { frame: Some(frame), ..Options::default() }), |tree| {
            Machine::read(tree).unwrap().screen
        })
    };
    let pixels = PhysRange::new(PhysAddr(0x7000_0000), PhysAddr(0x7001_0000));
    let found = Screen { pixels, width: 100, height: 80, stride: 512, begin: &[], refresh: &[] };
    assert_eq!(screen(frame), Some(found));
    for wrong in [
        Frame { format: "r5g6b5", ..frame },
        Frame { width: 129, ..frame },
        Frame { height: 129, ..frame },
        Frame { start: 0x8000_0000, ..frame },
        Frame { width: u32::MAX, height: u32::MAX, stride: u32::MAX, ..frame },
    ] {
        assert_eq!(screen(wrong), None, "{wrong:?}");
    }
}
