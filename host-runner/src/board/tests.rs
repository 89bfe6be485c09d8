//! Board files as they are, and changed in one place.

use super::*;

const GOOD: &str = include_str!("../../../boards/qemu-virt/board.toml");

/// What is marked in the file, and what is said about it.
fn complaint(text: &str) -> (String, String) {
    match Board::parse("qemu-virt", "boards/qemu-virt/board.toml", text).unwrap_err() {
        BoardError::Invalid { place, reason, .. } => {
            (text[place.offset()..place.offset() + place.len()].to_owned(), reason)
        }
        other => panic!("{other}"),
    }
}

fn changed(from: &str, to: &str) -> (String, String) {
    assert!(GOOD.contains(from));
    complaint(&GOOD.replace(from, to))
}

#[test]
fn the_boards_of_the_workspace_are_understood() {
    let workspace = Workspace::find().unwrap();
    for name in names(&workspace) {
        let board = Board::find(&workspace, &name).unwrap();
        assert_eq!(board.name, name);
    }
}

#[test]
fn a_file_becomes_a_board() {
    let board = Board::parse("qemu-virt", "board.toml", GOOD).unwrap();
    let Load::Qemu(options) = board.load else { panic!("no QEMU") };
    assert_eq!((options.cores, options.memory, options.virtualization), (8, 8 << 30, false));
    assert_eq!(board.budgets.boot, Duration::from_secs(10));
    assert_eq!(board.check, Some(Check::All));
}

#[test]
fn a_command_that_presses_a_phones_buttons_reaches_no_twin() {
    let workspace = Workspace::find().unwrap();
    let reset = |name: &str| {
        let mut board = Board::find(&workspace, name).unwrap();
        board.reach(None, None, Some("press"));
        board.hooks.reset
    };
    assert_eq!(reset("pixel6").as_deref(), Some("press"));
    assert_eq!((reset("pixel6-twin"), reset("qemu-virt")), (None, None));
}

#[test]
fn a_board_of_a_farm_names_its_place_and_is_loaded_by_fastboot() {
    let workspace = Workspace::find().unwrap();
    let mut board = Board::find(&workspace, "pixel6-twin-farm").unwrap();
    let place = |board: &Board| board.labgrid.as_ref().map(|options| options.place.clone());
    assert_eq!(place(&board).as_deref(), Some("pixel6-twin"));
    board.settle(Some("shelf")).unwrap();
    assert_eq!(place(&board).as_deref(), Some("shelf"));
    let text = GOOD.replace("[load]", "[labgrid]\nplace = \"shelf\"\n\n[load]");
    let (place, reason) = complaint(&text);
    assert_eq!(place, "[labgrid]");
    assert!(reason.contains("loaded by fastboot"), "{reason}");
    let (place, reason) = complaint(&text.replace("place =", "palce ="));
    assert_eq!(place, "palce");
    assert!(reason.contains("unknown field `palce`"), "{reason}");
}

#[test]
fn a_board_of_a_farm_has_its_console_at_its_place() {
    let at_desk = include_str!("../../../boards/pixel6/board.toml");
    let text = at_desk.replace("[load]", "[labgrid]\nplace = \"shelf\"\n\n[load]");
    let error = Board::parse("pixel6", "board.toml", &text).unwrap_err();
    let BoardError::Invalid { reason, .. } = &error else { panic!("{error}") };
    assert!(reason.contains("no `usb` in [link]"), "{reason}");
}

#[test]
fn an_unknown_key_is_pointed_at() {
    let (place, reason) = changed("cpu = ", "cpus = ");
    assert_eq!(place, "cpus");
    assert!(reason.contains("unknown field `cpus`") && reason.contains("`cpu`"), "{reason}");
}

#[test]
fn a_wrong_value_is_pointed_at() {
    let (place, reason) = changed("\"8GiB\"", "\"8 GiB\"");
    assert_eq!(place, "\"8 GiB\"");
    assert!(reason.contains("write \"512MiB\" or \"8GiB\""), "{reason}");
    assert_eq!(changed("cores = 8", "cores = 0"), ("0".into(), "0 cores; a board has 1 to 64".into()));
    assert_eq!(changed("\"10s\"", "10").0, "10");
    assert_eq!(changed("\"qemu-serial\"", "\"telepathy\"").0, "\"telepathy\"");
    assert_eq!(changed("check = \"all\"", "check = true").0, "true");
    assert_eq!(changed("kind = \"qemu\"", "kind = \"magic\"").0, "\"magic\"");
}

#[test]
fn the_name_is_the_folders() {
    let (place, reason) = changed("name = \"qemu-virt\"", "name = \"qemu\"");
    assert_eq!((place.as_str(), reason.as_str()), ("\"qemu\"", "the folder is called `qemu-virt`"));
}

#[test]
fn a_near_name_is_suggested() {
    let names = ["pixel6".to_owned(), "qemu-virt".to_owned()];
    assert_eq!(suggest("qemu-vrit", &names), "did you mean `qemu-virt`? boards: pixel6, qemu-virt");
    assert!(!suggest("raspberry", &names).contains("did you mean"));
}
