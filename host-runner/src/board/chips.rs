//! The chip descriptions beside board files, read and checked by probe-rs's own code, and compared with what else describes the
//! board.

use super::{Board, Load, names};
use crate::debug_port::registers_of;
use crate::workspace::Workspace;
use probe_rs_target::{ChipFamily, CoreAccessOptions, CoreType, MemoryRegion};

/// Every board's name, and its chip's description.
fn described(workspace: &Workspace) -> Vec<(String, String)> {
    let file = |name: String| {
        let text = std::fs::read_to_string(workspace.boards().join(&name).join("chip.yaml")).ok()?;
        Some((name, text))
    };
    names(workspace).into_iter().filter_map(file).collect()
}

/// The family, if probe-rs takes it.
fn family(text: &str) -> Result<ChipFamily, String> {
    let family: ChipFamily = yaml_serde::from_str(text).map_err(|error| error.to_string())?;
    family.validate().map(|()| family)
}

#[test]
fn probe_rs_takes_every_chip_description() {
    let described = described(&Workspace::find().unwrap());
    assert!(!described.is_empty());
    for (name, text) in described {
        let family = family(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(family.variants[0].cores.iter().all(|core| core.core_type == CoreType::Armv8a), "{name}");
    }
}

#[test]
fn probe_rs_does_not_take_anything() {
    let (_, good) = described(&Workspace::find().unwrap()).remove(0);
    for (from, to) in
        [("    - core3\n", "    - core9\n"), ("!Arm", "!Leg"), ("debug_base", "base"), ("armv8a", "armv9z")]
    {
        assert!(good.contains(from));
        family(&good.replace(from, to)).expect_err(to);
    }
}

/// A description whose addresses are not those of the board is taken as well.
#[test]
fn a_chip_is_described_as_its_board_is() {
    let workspace = Workspace::find().unwrap();
    for (name, text) in described(&workspace) {
        let chip = family(&text).unwrap().variants.remove(0);
        let Load::Gdb(load) = Board::find(&workspace, &name).unwrap().load else { panic!("{name}") };
        let tree = std::fs::read_to_string(workspace.boards().join(&name).join(&load.source)).unwrap();
        assert_eq!(chip.cores.len(), tree.matches("device_type = \"cpu\"").count(), "{name}");
        for (number, core) in chip.cores.iter().enumerate() {
            let CoreAccessOptions::Arm(access) = &core.core_access_options else { panic!("{core:?}") };
            let (debug, trigger) = registers_of(number);
            assert_eq!(
                (access.debug_base, access.cti_base),
                (Some(debug.into()), Some(trigger.into())),
                "{name}"
            );
        }
        let [MemoryRegion::Ram(ram)] = chip.memory_map.as_slice() else { panic!("{:?}", chip.memory_map) };
        assert!(ram.range.contains(&load.image) && ram.range.contains(&load.tree), "{name}");
        let size = ram.range.end - ram.range.start;
        assert!(tree.contains(&format!("reg = <0x0 {:#x} 0x0 {size:#x}>", ram.range.start)), "{name}");
    }
}
