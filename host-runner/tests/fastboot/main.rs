//! The real `fastboot` program against the stand-in for a phone: each way in which a phone can fail has its own error in
//! time, and none is taken for a start.

mod insides;
mod loading;
mod sessions;

use host_runner::boot_image::BootImage;
use host_runner::fastboot::{Fastboot, FastbootError};
use host_runner::stand_in::{Adapter, Button, Fault, Inside, Settings, StandIn};
use insides::{Echo, Starts};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Long enough for a machine that does much else.
const LONG: Duration = Duration::from_secs(60);

/// How long a test waits for what does not come.
const SHORT: Duration = Duration::from_secs(5);

fn kernel() -> Vec<u8> {
    let mut kernel = vec![0; 20_000];
    kernel[56..60].copy_from_slice(b"ARM\x64");
    kernel
}

fn boot_image() -> BootImage {
    BootImage { command_line: "framekeeper.seed=7".into(), kernel: kernel() }
}

/// A stand-in that fails so, and the images that were started on it.
fn stand_in(fault: Fault) -> (StandIn, Starts) {
    let (inside, starts) = Echo::new();
    (stand_in_with(inside, fault), starts)
}

fn stand_in_with(inside: impl Inside + 'static, fault: Fault) -> StandIn {
    let (product, inside) = ("oriole".into(), Box::new(inside));
    StandIn::begin(Settings { product, fault, port: 0, adapter: Adapter::Here, inside }).unwrap()
}

fn fastboot(stand_in: &StandIn, patience: Duration) -> Fastboot {
    Fastboot { device: Some(stand_in.device()), product: "oriole".into(), find: patience, send: patience }
}

/// Tries to boot an image.
fn boot(fastboot: &Fastboot) -> Result<(), FastbootError> {
    let (_folder, path, bytes) = file();
    let phone = fastboot.examine(&fastboot.discover()?.device, bytes)?;
    fastboot.boot(&phone, &path)
}

fn file() -> (TempDir, PathBuf, u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("boot.img");
    let bytes = boot_image().write().unwrap();
    std::fs::write(&path, &bytes).unwrap();
    (folder, path, bytes.len() as u64)
}

/// The error with a phone that fails so, after which nothing may run.
fn error(fault: Fault, patience: Duration) -> FastbootError {
    let (stand_in, starts) = stand_in(fault);
    let error = boot(&fastboot(&stand_in, patience)).unwrap_err();
    drop(stand_in);
    assert_eq!(starts.take(), [], "nothing was started");
    assert!(!error.advice().is_empty());
    error
}

#[test]
fn an_image_is_started_as_it_was_sent() {
    let (stand_in, starts) = stand_in(Fault::None);
    boot(&fastboot(&stand_in, LONG)).unwrap();
    drop(stand_in);
    assert_eq!(starts.take(), [boot_image()]);
}

#[test]
fn a_phone_that_runs_an_image_is_not_in_its_boot_loader() {
    let (stand_in, starts) = stand_in(Fault::None);
    boot(&fastboot(&stand_in, LONG)).unwrap();
    let again = boot(&fastboot(&stand_in, SHORT));
    assert!(matches!(again, Err(FastbootError::NoDevice { .. })), "{again:?}");
    stand_in.press(Button::BootLoader);
    boot(&fastboot(&stand_in, LONG)).unwrap();
    drop(stand_in);
    assert_eq!(starts.take().len(), 2);
}

#[test]
fn nobody_there() {
    let error = error(Fault::Refused, SHORT);
    assert!(
        matches!(&error, FastbootError::NoDevice { device: Some(device), .. } if device.starts_with("tcp:"))
    );
}

#[test]
fn another_service_at_the_address() {
    for fault in [Fault::Greeting, Fault::Version] {
        let error = error(fault, LONG);
        assert!(matches!(error, FastbootError::NoFastboot { .. }), "{fault:?}: {error}");
    }
}

#[test]
fn a_locked_phone() {
    for fault in [Fault::Locked, Fault::LockedAtBoot] {
        let error = error(fault, LONG);
        assert_eq!(error, FastbootError::Locked, "{fault:?}");
        assert!(error.advice().contains("README"));
    }
}

#[test]
fn another_phone_is_sent_nothing() {
    let (expected, found) = ("oriole".into(), "redfin".into());
    assert_eq!(error(Fault::Product, LONG), FastbootError::WrongProduct { expected, found });
}

#[test]
fn fastbootd_is_no_boot_loader() {
    assert_eq!(error(Fault::Userspace, LONG), FastbootError::Userspace);
}

#[test]
fn an_image_that_is_too_large_is_not_sent() {
    let (bytes, most) = (24_576, 4_096);
    assert_eq!(error(Fault::Tiny, LONG), FastbootError::TooLarge { bytes, most });
}

#[test]
fn a_download_that_is_refused() {
    let error = error(Fault::Download, LONG);
    let FastbootError::Refused { step, reason } = error else { panic!("{error}") };
    assert_eq!((step, reason.as_str()), ("taking the image", "data too large"));
}

#[test]
fn a_phone_that_goes_away_or_falls_silent() {
    for fault in [Fault::ClosedMidData, Fault::ClosedBeforeOkay, Fault::StallAtQuestion, Fault::StallAtBoot] {
        let error = error(fault, SHORT);
        assert!(matches!(error, FastbootError::Stalled { .. }), "{fault:?}: {error}");
    }
}

#[test]
fn what_is_no_boot_image_is_refused_by_the_phone() {
    let (stand_in, starts) = stand_in(Fault::None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("boot.img");
    let mut bytes = boot_image().write().unwrap();
    bytes[40] = 3;
    std::fs::write(&path, bytes).unwrap();
    let fastboot = fastboot(&stand_in, LONG);
    let phone = fastboot.examine(&fastboot.discover().unwrap().device, 0).unwrap();
    let error = fastboot.boot(&phone, &path).unwrap_err();
    assert!(
        matches!(&error, FastbootError::Refused { reason, .. } if reason.contains("version 3")),
        "{error}"
    );
    drop(stand_in);
    assert_eq!(starts.take(), []);
}

#[test]
fn a_phone_at_an_address_is_listed_as_what_it_calls_itself() {
    let (stand_in, _starts) = stand_in(Fault::Product);
    let mut runner = Command::new(env!("CARGO_BIN_EXE_host-runner"));
    let output =
        runner.args(["--board", "pixel6", "--device", &stand_in.device(), "boards"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let line = format!("phone: {} is in its boot loader, and calls itself `redfin`", stand_in.device());
    assert!(said.contains(&line), "{said}");
}
