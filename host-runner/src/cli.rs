//! The command line: what can be asked for. What is done about it is in `commands`.

use crate::debug_port::Wiring;
use crate::dump::Region;
use crate::link::{Faults, Port};
use crate::parameters::Seed;
use crate::report::Files;
use crate::stand_in::{Fault, Troubles};
use crate::twin::Shape;
use crate::units::{parse_duration, parse_memory};
use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;
use wire::DEFAULT_SEED;

const EXAMPLES: &str = "\
Examples:
  cargo run -p host-runner                                run every test on QEMU
  cargo run -p host-runner -- --board qemu-virt-el2       … on another board
  cargo run -p host-runner -- run boot:: smp::            … only tests named like these
  cargo run -p host-runner -- run --exact boot::level     … exactly this test
  cargo run -p host-runner -- --seed new --budget 8h      … everything, thoroughly, and not as before
  cargo run -p host-runner -- run --smoke                 … what every push must pass
  cargo run -p host-runner -- replay latest               the report of the last run again
  cargo run -p host-runner -- report latest               … as a page to look at and to pass on
  cargo run -p host-runner -- bisect --run latest a::test which tests before it make it fail
  cargo run -p host-runner -- diff 41 42                  what is other in run 42 than in run 41
  cargo run -p host-runner -- boards                      which boards are there, and who has them
  cargo run -p host-runner -- doctor                      what is missing on this machine

Cargo takes the options before `--` for itself: `--board` goes after it.

Every option of `run` has a twin in the environment: FRAMEKEEPER_SHUFFLE_SEED for `--shuffle-seed`, and DEFMT_LOG for `--log`. What the
command line says counts more. A switch is on with `true`, `yes`, `on` or `1`.

Exit codes: 0 all passed, 1 tests failed, 2 no verdict (infrastructure or usage), 130 interrupted.";

/// What the firmware logs if nothing is said.
pub const DEFAULT_LOG: &str = "info";

/// Boots a board, runs every test of an image on it, and says what happened.
#[derive(Clone, Debug, Parser)]
#[command(name = "host-runner", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What everything else depends on.
    #[command(flatten)]
    pub global: Global,
    /// What to do; `run` if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The board to run on; `boards` lists them
    #[arg(long, global = true, default_value = "qemu-virt", env = "FRAMEKEEPER_BOARD", value_name = "NAME")]
    pub board: String,
    /// Install what is missing without asking
    #[arg(long, global = true, env = "FRAMEKEEPER_YES", value_parser = BoolishValueParser::new())]
    pub yes: bool,
    /// What the firmware logs: off, error, warn, info, debug, trace, or any defmt filter
    #[arg(long, global = true, default_value = DEFAULT_LOG, env = "DEFMT_LOG", value_name = "LEVEL")]
    pub log: String,
    /// Whether to colour the output
    #[arg(long, global = true, default_value = "auto", env = "FRAMEKEEPER_COLOR", value_name = "WHEN")]
    pub color: Color,
    /// How results are written
    #[arg(long, global = true, default_value = "text", env = "FRAMEKEEPER_FORMAT")]
    pub format: Format,
    /// The test image of the firmware package [default: the board's]
    #[arg(long, global = true, env = "FRAMEKEEPER_IMAGE", value_name = "IMAGE")]
    pub image: Option<String>,
    /// Run this ELF file instead of building one
    #[arg(long, global = true, env = "FRAMEKEEPER_ELF", value_name = "FILE", conflicts_with = "image")]
    pub elf: Option<PathBuf>,
    /// Which phone, as `fastboot -s` takes it: a serial number, or tcp:HOST:PORT
    #[arg(long, global = true, env = "FRAMEKEEPER_DEVICE", value_name = "DEVICE")]
    pub device: Option<String>,
    /// The serial port that the board's console is at: a path, tcp:HOST:PORT, or rfc2217:HOST:PORT
    #[arg(long, global = true, env = "FRAMEKEEPER_PORT", value_name = "PORT")]
    pub port: Option<Port>,
    /// The place of a labgrid farm that the board is at, instead of the one that its file names
    #[arg(long, global = true, env = "FRAMEKEEPER_PLACE", value_name = "NAME")]
    pub place: Option<String>,
    /// A shell command that brings the board into its boot loader
    #[arg(long, global = true, env = "FRAMEKEEPER_RESET", value_name = "COMMAND")]
    pub reset: Option<String>,
    /// What suites draw by lot is drawn from this number; `new` draws one, and the report says which
    #[arg(
        long,
        global = true,
        default_value_t = Seed::Number(DEFAULT_SEED),
        env = "FRAMEKEEPER_SEED",
        value_name = "NUMBER|new"
    )]
    pub seed: Seed,
    /// How much each suite does, as about the time that the longest may take: 30s, 10m, 8h [default: 2m; with --smoke 10s]
    #[arg(
        long,
        global = true,
        env = "FRAMEKEEPER_BUDGET",
        value_name = "TIME",
        value_parser = parse_duration
    )]
    pub budget: Option<Duration>,
    /// Soaks end after this many operations, to repeat a failure
    #[arg(long, global = true, env = "FRAMEKEEPER_UNTIL", value_name = "OPERATIONS")]
    pub until: Option<u64>,
    /// How much of memory is touched by tests that could touch all of it
    #[arg(
        long,
        global = true,
        default_value = "sampled",
        env = "FRAMEKEEPER_MEMORY",
        value_name = "HOW MUCH"
    )]
    pub memory: Memory,
    /// Damage the bytes between board and host, to try the runner: `flip=1e-4,drop=1e-4,double=1e-4,seed=7`
    #[arg(long, global = true, env = "FRAMEKEEPER_FAULT_LINK", value_name = "RATES", hide_short_help = true)]
    pub fault_link: Option<Faults>,
    /// Memory to keep of a board with a debug link when a test hangs or crashes, beside the recording; may be repeated
    #[arg(long, global = true, env = "FRAMEKEEPER_DUMP", value_delimiter = ',', value_name = "START+LENGTH")]
    pub dump: Vec<Region>,
    /// Reports beside the one on the terminal.
    #[command(flatten)]
    pub files: Files,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run tests (the default)
    Run(Selection),
    /// List the tests of the image
    List(Selection),
    /// Find out after which other tests a test fails that passes by itself: the smallest set of them
    Bisect(Bisect),
    /// Run the tests of this ELF file, as cargo and nextest ask for it: the `runner` of `.cargo/config.toml`
    Exec(Exec),
    /// Run every check that a change must pass: format, lints, docs, host tests, the suite on QEMU
    Check,
    /// Say which tools are there, which are missing and how to install them
    Doctor,
    /// List the boards, which of them are there, and who has them
    Boards,
    /// Be a Pixel 6 in its boot loader, for `--board pixel6` in another terminal
    Twin(TwinArguments),
    /// Be the debug port of a board without a serial port, for OpenOCD or probe-rs, which is started with it
    DebugPort(DebugPortArguments),
    /// Write what a shell needs to complete commands and options: `host-runner completions bash > FILE`
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Say what a scenario ends with on this machine: what a run asks of itself
    #[command(hide = true)]
    Digest {
        /// The scenario, as `suite::scenario`
        scenario: String,
        /// How it is run, as on a board's command line
        arguments: Vec<String>,
    },
    /// Report a recorded run again
    Replay {
        /// A folder below `target/hil`, `latest`, or a path
        run: String,
    },
    /// Say what is other in one recorded run than in another; the exit code is that of tests which fail and did not before
    Diff {
        /// A folder below `target/hil`, or a path
        before: String,
        /// The other one
        #[arg(default_value = "latest")]
        after: String,
    },
    /// Write reports of a recorded run into files: those that are named, or a page into its folder
    Report {
        /// A folder below `target/hil`, `latest`, or a path
        #[arg(default_value = "latest")]
        run: String,
    },
}

/// What the stand-in for a phone is to be.
#[derive(Clone, Debug, Args)]
pub struct TwinArguments {
    /// Where it listens for fastboot; 0 for any port that is free
    #[arg(long, default_value_t = 5554, value_name = "PORT")]
    pub listen: u16,
    /// Have its console and its power switch on TCP, and write for labgrid's exporter into FILE where they are
    #[arg(long, value_name = "FILE")]
    pub exporter: Option<PathBuf>,
    /// How its boot loader fails
    #[arg(long, default_value = "none", value_name = "FAULT")]
    pub fault: Fault,
    /// How the phone does.
    #[command(flatten)]
    pub troubles: Troubles,
    /// Which of the phone's device trees [default: the board's]
    #[arg(long, value_name = "TREE")]
    pub tree: Option<Shape>,
}

/// What a model of a debug port is to be, and who uses it.
#[derive(Clone, Debug, Args)]
pub struct DebugPortArguments {
    /// How the debug server moves its wires
    #[arg(long, value_name = "HOW")]
    pub wiring: Wiring,
    /// How many cores the board has
    #[arg(long, default_value_t = 4, value_name = "NUMBER")]
    pub cores: u32,
    /// How much memory
    #[arg(long, default_value = "1GiB", value_name = "SIZE", value_parser = parse_memory)]
    pub ram: u64,
    /// The debug server and its arguments; `FRAMEKEEPER_WIRES` names it the socket at which the wires end
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub server: Vec<String>,
}

/// Which tests.
#[derive(Clone, Debug, Default, Args)]
pub struct Selection {
    /// Only tests whose name contains one of these
    pub filters: Vec<String>,
    /// The filters are whole names
    #[arg(long, env = "FRAMEKEEPER_EXACT", value_parser = BoolishValueParser::new())]
    pub exact: bool,
    /// Leave out tests whose name contains this (with `--exact`: is this); may be repeated, or name
    /// several with commas between them
    #[arg(long, env = "FRAMEKEEPER_SKIP", value_delimiter = ',', value_name = "FILTER")]
    pub skip: Vec<String>,
    /// Only tests that are marked `#[ignore]`
    #[arg(long, env = "FRAMEKEEPER_IGNORED", value_parser = BoolishValueParser::new(), conflicts_with = "include_ignored")]
    pub ignored: bool,
    /// Also tests that are marked `#[ignore]`
    #[arg(long, env = "FRAMEKEEPER_INCLUDE_IGNORED", value_parser = BoolishValueParser::new())]
    pub include_ignored: bool,
    /// A selection for every push: without memory::, soak::, bench:: and misuse::, and with a budget of 10s unless told
    #[arg(long, env = "FRAMEKEEPER_SMOKE", value_parser = BoolishValueParser::new())]
    pub smoke: bool,
    /// Run a test that fails so many times more, until it passes: it is flaky then
    #[arg(long, env = "FRAMEKEEPER_RETRIES", value_name = "NUMBER", default_value_t = 0)]
    pub retries: u32,
    /// Whether a run with a flaky test fails
    #[arg(long, env = "FRAMEKEEPER_FLAKY", value_name = "WHAT", default_value = "fail")]
    pub flaky: Flaky,
    /// Run the tests in an order that is drawn from the seed
    #[arg(long, env = "FRAMEKEEPER_SHUFFLE", value_parser = BoolishValueParser::new())]
    pub shuffle: bool,
    /// Run the tests in the order that is drawn from this number
    #[arg(long, env = "FRAMEKEEPER_SHUFFLE_SEED", value_name = "NUMBER")]
    pub shuffle_seed: Option<u64>,
}

/// Which test fails after others, and which others may be why.
#[derive(Clone, Debug, Args)]
pub struct Bisect {
    /// The test that fails, by its whole name
    pub test: String,
    /// Only tests whose name contains one of these are suspected, of those that run before it
    pub suspects: Vec<String>,
    /// As in this recorded run, whatever else is said: on its board, with its image, its seed and its order; a folder below
    /// `target/hil`, `latest`, or a path
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// As in a run with `--smoke`
    #[arg(long, env = "FRAMEKEEPER_SMOKE", value_parser = BoolishValueParser::new())]
    pub smoke: bool,
    /// As in a run with `--shuffle`
    #[arg(long, env = "FRAMEKEEPER_SHUFFLE", value_parser = BoolishValueParser::new())]
    pub shuffle: bool,
    /// As in a run with this `--shuffle-seed`
    #[arg(long, env = "FRAMEKEEPER_SHUFFLE_SEED", value_name = "NUMBER")]
    pub shuffle_seed: Option<u64>,
}

/// What a test program is asked for by cargo, by nextest, and by people who know its options.
#[derive(Clone, Debug, Args)]
pub struct Exec {
    /// The ELF file
    #[arg(value_name = "FILE")]
    pub program: PathBuf,
    /// Which tests.
    #[command(flatten)]
    pub selection: Selection,
    /// List the tests instead of running them; no board is touched
    #[arg(long)]
    pub list: bool,
    /// Taken, for what it asks for is so anyway: nothing that a test says is held back
    #[arg(long, alias = "nocapture", hide_short_help = true)]
    pub no_capture: bool,
    /// Taken, for what it asks for is so anyway
    #[arg(long, hide_short_help = true)]
    pub show_output: bool,
    /// Taken, and left unheeded: a board runs one test at a time
    #[arg(long, value_name = "NUMBER", hide_short_help = true)]
    pub test_threads: Option<u32>,
    /// With `unstable-options`, `--format json` is what test programs of the standard library mean by it
    #[arg(short = 'Z', value_name = "OPTION", hide_short_help = true)]
    pub unstable: Vec<String>,
}

impl Exec {
    /// Whether the format is to be that of test programs of the standard library.
    pub(crate) fn is_libtest(&self, format: Format) -> bool {
        format == Format::Json && self.unstable.iter().any(|option| option == "unstable-options")
    }
}

/// What a test counts as that passed after it had failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Flaky {
    /// As a failure.
    #[default]
    Fail,
    /// As a pass.
    Pass,
}

/// How much of memory is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Memory {
    /// Places drawn from the seed.
    Sampled,
    /// Every frame there is.
    Whole,
}

/// Whether to colour the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// If it is a terminal; `NO_COLOR` and `CLICOLOR_FORCE` are honoured.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[value(alias = "pretty")]
    Text,
    /// The same; and where tests are listed, as test programs of the standard library do it.
    Terse,
    /// For programs: one JSON object a line: how tests run, each number, each ended test, the whole run.
    Json,
    /// What test programs of the standard library mean by JSON: `exec FILE --format json -Z unstable-options`.
    #[value(skip)]
    Libtest,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn running_is_the_default() {
        let cli = Cli::try_parse_from(["host-runner", "--board", "b"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.global.board, "b");
    }

    #[test]
    fn global_options_may_stand_after_the_command() {
        let cli = Cli::try_parse_from(["host-runner", "run", "boot", "smp", "--skip", "x", "--yes"]).unwrap();
        assert!(cli.global.yes);
        let Some(Command::Run(selection)) = cli.command else { panic!("no run") };
        assert_eq!(selection.filters, ["boot", "smp"]);
        assert_eq!(selection.skip, ["x"]);
    }
}
