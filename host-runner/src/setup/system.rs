//! What this machine is, as far as it matters for finding and installing tools.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A machine that can be asked. Tests bring machines where things are missing.
pub trait System {
    /// What `program` prints when it succeeds; none if it is not there or fails.
    fn output(&self, program: &str, arguments: &[&str]) -> Option<String>;

    /// Whether there is a folder at `path`.
    fn has_folder(&self, path: &Path) -> bool;

    /// Whether everything may be installed without asking another user for it.
    fn is_root(&self) -> bool;

    /// Runs a shell command whose output the user sees; whether it succeeded.
    fn run(&self, command: &str) -> bool;
}

/// The machine this program runs on.
#[derive(Clone, Debug)]
pub struct ThisMachine {
    /// Where commands run: the toolchain file there decides which toolchain is asked and gets what is installed.
    pub folder: PathBuf,
}

impl System for ThisMachine {
    fn output(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn has_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn is_root(&self) -> bool {
        nix::unistd::geteuid().is_root()
    }

    fn run(&self, command: &str) -> bool {
        // Standard output belongs to the report.
        Command::new("sh")
            .args(["-c", &format!("({command}) 1>&2")])
            .current_dir(&self.folder)
            .status()
            .is_ok_and(|status| status.success())
    }
}

#[cfg(test)]
pub(super) mod fake {
    use super::System;
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    /// A machine with these programs and nothing else.
    #[derive(Debug, Default)]
    pub(in crate::setup) struct FakeMachine {
        /// What each program prints, whatever it is asked.
        pub(in crate::setup) programs: BTreeMap<&'static str, &'static str>,
        pub(in crate::setup) folders: Vec<PathBuf>,
        pub(in crate::setup) root: bool,
        /// Whether installing works.
        pub(in crate::setup) installs: bool,
        /// What was run.
        pub(in crate::setup) ran: RefCell<Vec<String>>,
    }

    impl System for FakeMachine {
        fn output(&self, program: &str, _: &[&str]) -> Option<String> {
            self.programs.get(program).map(ToString::to_string)
        }

        fn has_folder(&self, path: &Path) -> bool {
            self.folders.iter().any(|folder| folder == path)
        }

        fn is_root(&self) -> bool {
            self.root
        }

        fn run(&self, command: &str) -> bool {
            self.ran.borrow_mut().push(command.to_owned());
            self.installs
        }
    }
}
