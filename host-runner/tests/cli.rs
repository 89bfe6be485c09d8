//! The program as users meet it: exit codes, messages, and what it does with a broken workspace or machine.

use clap::CommandFactory;
use host_runner::cli::Cli;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const BOARD: &str = include_str!("../../boards/qemu-virt/board.toml");

fn runner() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host-runner"));
    let is_wish = |name: &str| name.starts_with("FRAMEKEEPER_") || name.starts_with("GITHUB_");
    let names = std::env::vars().map(|(name, _)| name);
    for name in names.filter(|name| is_wish(name)) {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1");
    command
}

fn run(arguments: &[&str]) -> Output {
    runner().args(arguments).output().unwrap()
}

fn run_in(root: &Path, arguments: &[&str]) -> Output {
    runner().current_dir(root).args(arguments).output().unwrap()
}

/// Exit code and everything printed, with line breaks that only the terminal's width made taken out.
fn said(output: &Output) -> (i32, String) {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let words: Vec<_> = String::from_utf8_lossy(&text).split_whitespace().map(str::to_owned).collect();
    (output.status.code().unwrap(), words.join(" "))
}

/// A workspace with one board called `mine`.
fn workspace(board: &str) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("boards").join("mine");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(root.path().join("Cargo.toml"), "[workspace]\n").unwrap();
    std::fs::write(folder.join("board.toml"), board.replace("qemu-virt", "mine")).unwrap();
    root
}

#[test]
fn usage_errors_end_with_2_and_help_with_0() {
    assert_eq!(run(&["--bogus"]).status.code(), Some(2));
    assert_eq!(run(&["run", "--ignored", "--include-ignored"]).status.code(), Some(2));
    assert_eq!(run(&["--fault-link", "flip=7"]).status.code(), Some(2));
    assert_eq!(run(&["--seed", "old"]).status.code(), Some(2));
    assert_eq!(run(&["--budget", "10"]).status.code(), Some(2));
    assert_eq!(run(&["--memory", "half"]).status.code(), Some(2));
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("goes after it"));
}

#[test]
fn a_wrong_board_names_the_right_ones() {
    let (code, text) = said(&run(&["--board", "qemu-vrit", "list"]));
    assert_eq!(code, 2);
    assert!(text.contains("did you mean `qemu-virt`?") && text.contains("qemu-virt-el2"), "{text}");
}

#[test]
fn a_boards_file_is_enough_for_a_board() {
    let root = workspace(BOARD);
    let (code, text) = said(&run_in(root.path(), &["boards"]));
    assert_eq!(code, 0);
    assert!(text.starts_with("mine QEMU virt"), "{text}");
}

#[test]
fn the_boards_are_listed_with_what_is_there_of_them() {
    // Nobody listens at port 1, and no serial port is called so.
    let phone = ["--board", "pixel6", "--device", "tcp:127.0.0.1:1", "--port", "/dev/nowhere", "boards"];
    let (code, text) = said(&run(&phone));
    assert_eq!(code, 0);
    assert!(text.contains("tcp:127.0.0.1:1 does not answer"), "{text}");
    assert!(text.contains("no serial port /dev/nowhere"), "{text}");
    assert!(text.contains("free"), "{text}");
}

/// The address of a protocol is no address of another.
#[test]
fn who_listens_for_tcp_is_no_phone_at_the_same_port_of_udp() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let device = format!("udp:{}", listener.local_addr().unwrap());
    let (_, text) = said(&run(&["--board", "pixel6", "--device", &device, "boards"]));
    assert!(text.contains(&format!("{device} does not answer")), "{text}");
}

#[test]
fn an_unknown_key_is_shown_where_it_stands() {
    let root = workspace(&BOARD.replace("cores = 8", "kores = 8"));
    let (code, text) = said(&run_in(root.path(), &["--board", "mine", "list"]));
    assert_eq!(code, 2);
    assert!(text.contains("boards/mine/board.toml:14:1"), "{text}");
    assert!(text.contains("unknown field `kores`"), "{text}");
}

#[test]
fn a_file_that_is_no_image_says_so() {
    let root = workspace(BOARD);
    std::fs::write(root.path().join("text.elf"), "hello").unwrap();
    let (code, text) = said(&run_in(root.path(), &["--board", "mine", "--elf", "text.elf"]));
    assert_eq!(code, 2);
    assert!(text.contains("no 64-bit little-endian ELF file"), "{text}");
    let (code, text) = said(&run_in(root.path(), &["--board", "mine", "--elf", "missing.elf", "list"]));
    assert_eq!(code, 2);
    assert!(text.contains("cannot read missing.elf"), "{text}");
    // This test program is an ELF file, and no test image.
    let own = std::env::current_exe().unwrap();
    let (code, text) =
        said(&run_in(root.path(), &["--board", "mine", "--elf", own.to_str().unwrap(), "list"]));
    assert_eq!(code, 2);
    assert!(text.contains("`.embedded_test`"), "{text}");
}

#[test]
fn the_doctor_names_everything_a_bare_machine_lacks() {
    let output = runner().arg("doctor").env("PATH", "/nonexistent").output().unwrap();
    let (code, text) = said(&output);
    assert_eq!(code, 2);
    let tools = [
        "Rust target aarch64-unknown-none",
        "rustfmt",
        "clippy",
        "qemu-system-aarch64",
        "fastboot",
        "openocd",
    ];
    for tool in tools {
        assert!(text.contains(&format!("MISSING {tool}")), "{tool}: {text}");
    }
    assert!(text.ends_with("MISSING: 8 of 8 tools"), "{text}");
}

#[test]
fn a_missing_tool_is_an_error_with_a_way_out() {
    let output = runner().arg("list").env("PATH", "/nonexistent").output().unwrap();
    let (code, text) = said(&output);
    assert_eq!(code, 2);
    assert!(text.contains("Rust target aarch64-unknown-none is missing"), "{text}");
    assert!(text.contains("docs/closed-network.md"), "{text}");
}

#[test]
fn what_was_never_run_cannot_be_replayed() {
    let root = workspace(BOARD);
    let (code, text) = said(&run_in(root.path(), &["replay", "latest"]));
    assert_eq!(code, 2);
    assert!(text.contains("nothing was run yet"), "{text}");
}

#[test]
fn outside_of_any_workspace_the_programs_own_is_used() {
    let nowhere = tempfile::tempdir().unwrap();
    let (code, text) = said(&run_in(nowhere.path(), &["boards"]));
    assert_eq!(code, 0);
    assert!(text.contains("qemu-virt-el2"), "{text}");
}

/// Options of `run` without a twin in the environment, and why.
const WITHOUT_TWIN: [(&str, &str); 2] =
    [("help", "it is asked for by people, and nothing runs then"), ("version", "the same")];

/// The options of `run`, with those of every command, and the name of each one's twin.
fn twins() -> Vec<(clap::Arg, String)> {
    let mut definition = Cli::command();
    definition.build();
    let run = definition.find_subcommand("run").unwrap();
    let options = run.get_opts().cloned().chain(run.get_arguments().filter(|a| is_switch(a)).cloned());
    let named = options.map(|option| {
        let name = option.get_long().unwrap_or_else(|| panic!("{option} has no name"));
        let twin = match name {
            // What defmt itself reads when an image is compiled, and cargo's configuration sets.
            "log" => "DEFMT_LOG".to_owned(),
            name => format!("FRAMEKEEPER_{}", name.to_uppercase().replace('-', "_")),
        };
        (option, twin)
    });
    named.collect()
}

fn is_switch(argument: &clap::Arg) -> bool {
    !argument.is_positional() && !argument.get_action().takes_values()
}

#[test]
fn every_option_of_a_run_has_a_twin_in_the_environment_and_the_help_names_it() {
    let (_, help) = said(&run(&["run", "--help"]));
    let mut count = 0;
    for (option, twin) in twins() {
        let name = option.get_long().unwrap();
        if WITHOUT_TWIN.iter().any(|(exception, _)| *exception == name) {
            continue;
        }
        assert_eq!(option.get_env().and_then(|env| env.to_str()), Some(twin.as_str()), "--{name}");
        assert!(help.contains(&format!("[env: {twin}=")), "--{name}: {help}");
        count += 1;
    }
    assert!(count >= 24, "{count} options only: where are the others?");
}

#[test]
fn a_wrong_value_of_the_environment_is_told_with_the_name_of_the_variable() {
    for (option, twin) in twins() {
        let takes_anything = [
            "board", "log", "image", "elf", "device", "port", "place", "reset", "html", "junit", "trend",
            "skip",
        ];
        let name = option.get_long().unwrap();
        if takes_anything.contains(&name) || option.get_env().is_none() {
            continue;
        }
        let output = runner().arg("run").env(&twin, "(wrong)").output().unwrap();
        let (code, text) = said(&output);
        assert_eq!(code, 2, "{twin}: {text}");
        assert!(text.contains(&format!("{twin} is `(wrong)`")), "{twin}: {text}");
    }
}

/// Who looks for a mistake in the environment that is on the command line finds none.
#[test]
fn who_is_right_where_a_value_is_wrong_is_not_blamed() {
    let with_seed = |arguments: &[&str]| {
        said(&runner().args(arguments).env("FRAMEKEEPER_SEED", "(wrong)").output().unwrap())
    };
    for arguments in [["boards", "--seed", "old"].as_slice(), &["boards", "--seed=old"]] {
        let (code, text) = with_seed(arguments);
        assert_eq!(code, 2);
        assert!(text.contains("old") && !text.contains("FRAMEKEEPER_SEED"), "{text}");
    }
    let (code, text) = with_seed(&["boards", "--seed", "7"]);
    assert!(code == 2 && text.contains("FRAMEKEEPER_SEED is `(wrong)`"), "{text}");
}

#[test]
fn the_command_line_counts_more_than_the_environment() {
    let root = workspace(BOARD);
    let own = std::env::current_exe().unwrap();
    for arguments in [["list", "--board", "mine"], ["--board", "mine", "list"]] {
        let mut command = runner();
        command
            .current_dir(root.path())
            .args(arguments)
            .arg("--elf")
            .arg(&own)
            .env("FRAMEKEEPER_BOARD", "no");
        let (_, text) = said(&command.output().unwrap());
        assert!(text.contains("`.embedded_test`"), "{text}");
    }
}

#[test]
fn what_the_environment_says_twice_is_told_with_both_variables() {
    let mut command = runner();
    command.arg("run").env("FRAMEKEEPER_ELF", "a.elf").env("FRAMEKEEPER_IMAGE", "suite");
    let (code, text) = said(&command.output().unwrap());
    assert_eq!(code, 2);
    assert!(
        text.contains("FRAMEKEEPER_ELF is `a.elf`") && text.contains("FRAMEKEEPER_IMAGE is `suite`"),
        "{text}"
    );
}

#[test]
fn a_twin_does_what_its_option_does() {
    let root = workspace(BOARD);
    let own = std::env::current_exe().unwrap();
    let with = |twins: &[(&str, &str)]| {
        let mut command = runner();
        command.current_dir(root.path()).arg("list").envs(twins.iter().copied());
        said(&command.output().unwrap())
    };
    let (_, text) = with(&[("FRAMEKEEPER_BOARD", "mien")]);
    assert!(text.contains("did you mean `mine`?"), "{text}");
    let (_, text) = with(&[("FRAMEKEEPER_BOARD", "mine"), ("FRAMEKEEPER_ELF", own.to_str().unwrap())]);
    assert!(text.contains("`.embedded_test`"), "{text}");
    let (_, coloured) = with(&[("FRAMEKEEPER_BOARD", "mien"), ("FRAMEKEEPER_COLOR", "always")]);
    assert!(coloured.contains("\u{1b}["), "{coloured}");
}
