//! Which serial port is used, and when none is.

use framekeeper::PhysAddr;
use machine::{SerialKind, find_serial};

use crate::sample::{Options, stock, upstream, virt, with};

/// Where the registers of the port that was found start.
fn port(blob: &[u8]) -> Option<(SerialKind, u64)> {
    let serial = with(blob, |tree| find_serial(tree).unwrap());
    serial.map(|serial| (serial.kind, serial.registers.start())).map(|(kind, PhysAddr(start))| (kind, start))
}

const DEBUG: Option<(SerialKind, u64)> = Some((SerialKind::Samsung, 0x10a0_0000));
const OTHER: Option<(SerialKind, u64)> = Some((SerialKind::Samsung, 0x1094_0000));
const PL011: Option<(SerialKind, u64)> = Some((SerialKind::Pl011, 0x900_0000));

#[test]
fn the_port_that_stdout_path_names_is_used() {
    let path = |path| port(&stock(Options { stdout: Some(path), ..Options::default() }));
    assert_eq!(path("/uart@10940000"), OTHER);
    assert_eq!(path("/uart@10A00000:115200n8"), DEBUG);
    assert_eq!(path("uart0:3000000"), DEBUG);
    assert_eq!(port(&virt(Options { stdout: Some("/pl011@9000000"), ..Options::default() })), PL011);
}

#[test]
fn a_path_to_nothing_and_a_path_to_something_else_leave_the_alias() {
    for path in ["/nowhere@1", "/timer", "", "no-alias"] {
        assert_eq!(port(&stock(Options { stdout: Some(path), ..Options::default() })), DEBUG, "{path}");
    }
}

#[test]
fn without_path_and_alias_the_first_port_that_is_enabled_is_used() {
    let unnamed = Options { alias: false, ..Options::default() };
    assert_eq!(port(&stock(unnamed)), OTHER);
    assert_eq!(port(&upstream(unnamed)), DEBUG);
    assert_eq!(port(&virt(unnamed)), PL011);
    assert_eq!(port(&upstream(Options { port: Some("disabled"), ..unnamed })), None);
}

#[test]
fn a_named_port_that_is_disabled_is_left_alone_and_no_other_one_is_taken() {
    for status in ["disabled", "fail", "reserved"] {
        let off = Options { port: Some(status), ..Options::default() };
        assert_eq!([port(&upstream(off)), port(&stock(off)), port(&virt(off))], [None; 3], "{status}");
        let named = Options { stdout: Some("/uart@10A00000"), ..off };
        assert_eq!(port(&stock(named)), None);
    }
    let on = Options { port: Some("okay"), ..Options::default() };
    assert_eq!([port(&upstream(on)), port(&stock(on))], [DEBUG; 2]);
}

#[test]
fn a_port_in_a_node_that_is_disabled_is_left_alone() {
    assert_eq!(port(&upstream(Options { wrapper: Some("disabled"), ..Options::default() })), None);
}

#[test]
fn no_port_is_touched_when_the_command_line_says_so() {
    let line = "earlycon=exynos4210,mmio32,0x10A00000 console=null tcpci_max77759.conf_sbu=0";
    let off = Options { arguments: line, stdout: Some("/uart@10A00000"), ..Options::default() };
    assert_eq!([port(&upstream(off)), port(&stock(off)), port(&virt(off))], [None; 3]);
    let other = Options { arguments: "console=nullmodem noconsole=null", ..Options::default() };
    assert_eq!(port(&stock(other)), DEBUG);
}
