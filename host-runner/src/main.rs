//! The command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    host_runner::commands::main()
}
