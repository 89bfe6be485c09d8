//! What a tree of QEMU's shape says, and what a tree must not lack.

use framekeeper::{PhysAddr, PhysRange};
use machine::{Machine, MachineError, Power, Timer, arguments};

use crate::sample::{Options, virt, with};

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
