//! The tools, how each is found, and what installs it.

use super::{System, ThisMachine};
use crate::board::{Load, ServerTool};
use crate::labgrid;
use crate::repeat::quoted;
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};

/// A tool that something here needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tool {
    /// The standard library of a Rust target.
    RustTarget(String),
    /// `cargo fmt`.
    Rustfmt,
    /// `cargo clippy`.
    Clippy,
    /// `qemu-system-aarch64`.
    Qemu,
    /// `make`.
    Make,
    /// `fastboot`, with which a phone's boot loader is spoken to.
    Fastboot,
    /// `dtc`.
    Dtc,
    /// `openocd`.
    OpenOcd,
    /// `probe-rs`. It is compiled for half an hour, so only a board that names it asks for it.
    ProbeRs,
    /// `labgrid-client`, and what belongs to it: in the search path, or in this folder.
    Labgrid(PathBuf),
}

/// What is installed of labgrid: what the words of its client were seen with.
const LABGRID: &str = "labgrid==26.0.1";

impl Tool {
    /// Every tool that anything here needs, for the Rust target `target`.
    #[must_use]
    pub fn all(target: &str) -> Vec<Self> {
        vec![
            Self::RustTarget(target.to_owned()),
            Self::Rustfmt,
            Self::Clippy,
            Self::Make,
            Self::Qemu,
            Self::Fastboot,
            Self::Dtc,
            Self::OpenOcd,
        ]
    }

    /// The tools that load a board in this way.
    #[must_use]
    pub fn of_loader(load: &Load) -> Vec<Self> {
        match load {
            Load::Qemu(_) => vec![Self::Qemu],
            Load::Fastboot(_) => vec![Self::Fastboot],
            Load::StandIn(_) => vec![Self::Fastboot, Self::Qemu, Self::Dtc],
            Load::Gdb(load) => {
                let named = load.tools.iter().map(|tool| match tool {
                    ServerTool::Qemu => Self::Qemu,
                    ServerTool::OpenOcd => Self::OpenOcd,
                    ServerTool::ProbeRs => Self::ProbeRs,
                });
                [Self::Dtc].into_iter().chain(named).collect()
            }
        }
    }

    /// labgrid, for boards of a farm.
    #[must_use]
    pub fn labgrid(workspace: &Workspace) -> Self {
        Self::Labgrid(labgrid::own_folder(workspace))
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::RustTarget(target) => format!("Rust target {target}"),
            Self::Rustfmt => "rustfmt".to_owned(),
            Self::Clippy => "clippy".to_owned(),
            Self::Qemu => "qemu-system-aarch64".to_owned(),
            Self::Make => "make".to_owned(),
            Self::Fastboot => "fastboot".to_owned(),
            Self::Dtc => "dtc".to_owned(),
            Self::OpenOcd => "openocd".to_owned(),
            Self::ProbeRs => "probe-rs".to_owned(),
            Self::Labgrid(_) => labgrid::PROGRAM.to_owned(),
        }
    }

    /// What it is needed for.
    #[must_use]
    pub fn purpose(&self) -> &'static str {
        match self {
            Self::RustTarget(_) => "building the firmware",
            Self::Rustfmt | Self::Clippy => "host-runner check",
            Self::Make => "host-runner check: it builds allocators to compare with",
            Self::Qemu => "running on the qemu boards",
            Self::Fastboot => "running on phones and their twins",
            Self::Dtc => "running on the pixel6-twin and gdb boards: it compiles their device trees",
            Self::OpenOcd | Self::ProbeRs => "boards whose debug server it is",
            Self::Labgrid(_) => "running on boards of a labgrid farm",
        }
    }

    /// Its version, if it is there.
    #[must_use]
    pub fn found(&self, system: &impl System) -> Option<String> {
        let version = |program: &str| {
            let output = system.output(program, &["--version"])?;
            Some(output.lines().next().unwrap_or_default().to_owned())
        };
        match self {
            Self::RustTarget(target) => {
                let folder = system.output("rustc", &["--print", "target-libdir", "--target", target])?;
                system.has_folder(Path::new(folder.trim())).then(|| version("rustc")).flatten()
            }
            Self::Rustfmt => version("rustfmt"),
            Self::Clippy => version("cargo-clippy"),
            Self::Qemu => version("qemu-system-aarch64"),
            Self::Make => version("make"),
            Self::Fastboot => version("fastboot"),
            Self::Dtc => version("dtc"),
            // It says it on the standard error.
            Self::OpenOcd => system
                .output("sh", &["-c", "openocd --version 2>&1"])
                .map(|said| said.lines().next().unwrap_or_default().to_owned()),
            Self::ProbeRs => version("probe-rs"),
            // It tells its version only where a coordinator listens.
            Self::Labgrid(folder) => {
                let own = folder.join("bin").join(labgrid::PROGRAM).display().to_string();
                let answers = |program: &&str| system.output(program, &["--help"]).is_some();
                [labgrid::PROGRAM, &own].into_iter().find(answers).map(str::to_owned)
            }
        }
    }

    /// The command that installs it on `system`; none if `system` has nothing that could.
    #[must_use]
    pub fn install(&self, system: &impl System) -> Option<String> {
        match self {
            Self::RustTarget(target) => with_rustup(system, &format!("rustup target add {target}")),
            Self::Rustfmt => with_rustup(system, "rustup component add rustfmt"),
            Self::Clippy => with_rustup(system, "rustup component add clippy"),
            Self::Qemu => {
                package(system, &["qemu-system-arm", "qemu-system-aarch64", "qemu-system-aarch64", "qemu"])
            }
            Self::Make => package(system, &["make"; 4]),
            Self::Fastboot => {
                package(system, &["fastboot", "android-tools", "android-tools", "android-platform-tools"])
            }
            Self::Dtc => package(system, &["device-tree-compiler", "dtc", "dtc", "dtc"]),
            Self::OpenOcd => package(system, &["openocd", "openocd", "openocd", "open-ocd"]),
            Self::ProbeRs => Some("cargo install probe-rs-tools --locked --version 0.32.0".to_owned()),
            Self::Labgrid(folder) => install_labgrid(system, folder),
        }
    }

    /// What to do when nothing can install it.
    #[must_use]
    pub fn fallback(&self) -> &'static str {
        match self {
            Self::RustTarget(_) | Self::Rustfmt | Self::Clippy => {
                "without rustup, or without its server: Debian's rustc-web, cargo-web, rust-web-src and lld build the \
                 firmware with RUSTC_BOOTSTRAP=1, -Zbuild-std=core,alloc,compiler_builtins and the linker ld.lld; \
                 see docs/closed-network.md"
            }
            Self::Qemu => "install QEMU for AArch64 (qemu-system-aarch64) by this machine's package manager",
            Self::Make => "install make by this machine's package manager",
            Self::Fastboot => "install fastboot (Android's platform tools) by this machine's package manager",
            Self::Dtc => "install the device tree compiler (dtc) by this machine's package manager",
            Self::OpenOcd => "install OpenOCD by this machine's package manager",
            Self::ProbeRs => "it needs the headers of libudev (Debian: libudev-dev) to be compiled",
            Self::Labgrid(_) => {
                "install Python 3 with its venv by this machine's package manager, and labgrid by `pip`"
            }
        }
    }
}

/// How QEMU gets onto this machine, for messages.
#[must_use]
pub fn how_to_install_qemu() -> String {
    how_to_install(&Tool::Qemu)
}

/// The same for `fastboot`.
#[must_use]
pub fn how_to_install_fastboot() -> String {
    how_to_install(&Tool::Fastboot)
}

/// The same for labgrid's client.
#[must_use]
pub fn how_to_install_labgrid() -> String {
    Workspace::find()
        .map_or_else(|error| error.to_string(), |workspace| how_to_install(&Tool::labgrid(&workspace)))
}

fn how_to_install(tool: &Tool) -> String {
    let machine = ThisMachine { folder: std::env::temp_dir() };
    match tool.install(&machine) {
        Some(command) => format!("install it with `{command}`, or run host-runner with --yes"),
        None => tool.fallback().to_owned(),
    }
}

fn with_rustup(system: &impl System, command: &str) -> Option<String> {
    system.output("rustup", &["--version"]).map(|_| command.to_owned())
}

/// Into a folder of its own: what the system has of Python is not touched. Debian keeps what makes such folders in a package.
fn install_labgrid(system: &impl System, folder: &Path) -> Option<String> {
    let [python, folder] = [&folder.join("bin/python"), folder].map(|path| path.display().to_string());
    let [python, folder] = [&python, &folder].map(|path| quoted(path));
    // Cleared: in a folder that was moved lie programs that look for Python where it was.
    let install = format!("python3 -m venv --clear {folder} && {python} -m pip install {LABGRID}");
    match system.output("python3", &["-c", "import ensurepip"]) {
        Some(_) => Some(install),
        None => Some(format!(
            "{} && {install}",
            package(system, &["python3-venv", "python3", "python", "python"])?
        )),
    }
}

/// The command that installs a package, which is called differently by apt, dnf, pacman and Homebrew. The manager that
/// answers first is the system's own, except Homebrew, which comes last because it also lives beside others.
fn package(system: &impl System, [apt, dnf, pacman, brew]: &[&str; 4]) -> Option<String> {
    let sudo = if system.is_root() { "" } else { "sudo " };
    let apt_get = format!("{sudo}apt-get");
    let managers = [
        ("apt-get", format!("{apt_get} update && {apt_get} install -y --no-install-recommends {apt}")),
        ("dnf", format!("{sudo}dnf install -y {dnf}")),
        ("pacman", format!("{sudo}pacman -S --noconfirm {pacman}")),
        ("brew", format!("brew install {brew}")),
    ];
    managers
        .into_iter()
        .find(|(name, _)| system.output(name, &["--version"]).is_some())
        .map(|(_, command)| command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::system::fake::FakeMachine;

    fn with(programs: &[(&'static str, &'static str)]) -> FakeMachine {
        FakeMachine { programs: programs.iter().copied().collect(), ..FakeMachine::default() }
    }

    #[test]
    fn a_target_is_there_when_its_library_is() {
        let target = Tool::RustTarget("aarch64-unknown-none".into());
        let without = with(&[("rustc", "/lib/aarch64\n")]);
        assert_eq!(target.found(&without), None);
        let with = FakeMachine { folders: vec!["/lib/aarch64".into()], ..without };
        assert!(target.found(&with).is_some());
    }

    #[test]
    fn every_package_manager_has_its_command() {
        let apt = with(&[("apt-get", "apt 2.6"), ("brew", "4")]);
        assert_eq!(
            Tool::Qemu.install(&apt).unwrap(),
            "sudo apt-get update && sudo apt-get install -y --no-install-recommends qemu-system-arm"
        );
        let root = FakeMachine { root: true, ..apt };
        assert_eq!(
            Tool::Qemu.install(&root).unwrap(),
            "apt-get update && apt-get install -y --no-install-recommends qemu-system-arm"
        );
        assert_eq!(Tool::Qemu.install(&with(&[("brew", "4")])).unwrap(), "brew install qemu");
        assert_eq!(
            Tool::Qemu.install(&with(&[("dnf", "4")])).unwrap(),
            "sudo dnf install -y qemu-system-aarch64"
        );
        let pacman = Tool::Qemu.install(&with(&[("pacman", "6")])).unwrap();
        assert_eq!(pacman, "sudo pacman -S --noconfirm qemu-system-aarch64");
    }

    #[test]
    fn labgrid_gets_a_folder_of_its_own_and_debian_a_package_for_that() {
        let tool = Tool::Labgrid("/w/target/labgrid".into());
        let install = "python3 -m venv --clear /w/target/labgrid && /w/target/labgrid/bin/python -m pip install labgrid==26.0.1";
        assert_eq!(tool.install(&with(&[("python3", "")])).unwrap(), install);
        let debian = FakeMachine { root: true, ..with(&[("apt-get", "apt 2.6")]) };
        let first = "apt-get update && apt-get install -y --no-install-recommends python3-venv";
        assert_eq!(tool.install(&debian).unwrap(), format!("{first} && {install}"));
        assert_eq!(tool.install(&with(&[])), None);
    }

    #[test]
    fn labgrid_is_found_in_the_search_path_and_in_its_folder() {
        let tool = Tool::Labgrid("/w/target/labgrid".into());
        for place in ["labgrid-client", "/w/target/labgrid/bin/labgrid-client"] {
            assert_eq!(tool.found(&with(&[(place, "usage: labgrid-client")])).as_deref(), Some(place));
        }
        assert_eq!(tool.found(&with(&[])), None);
    }

    #[test]
    fn without_rustup_nothing_installs_a_target() {
        let target = Tool::RustTarget("aarch64-unknown-none".into());
        assert_eq!(target.install(&with(&[])), None);
        assert!(target.fallback().contains("docs/closed-network.md"));
        let rustup = with(&[("rustup", "1.28")]);
        assert_eq!(target.install(&rustup).unwrap(), "rustup target add aarch64-unknown-none");
    }
}
