//! The groups of a benchmark, by their names on the command line.
//!
//! `cargo bench` hands its arguments to every benchmark. A group's name begins with the letter of its benchmark, so
//! that each runs its own and only leaves out what is another's.

use super::{rng::SEED, table::Table};
use std::{env, fs, process::ExitCode, thread, time::Instant};

/// F for frames, S for objects in slabs.
const LETTERS: [char; 2] = ['F', 'S'];

/// A table's worth of measurements.
pub(crate) struct Group<M> {
    pub(crate) name: &'static str,
    /// With the memory for the allocators.
    pub(crate) run: fn(&mut M) -> Table,
}

/// Runs the groups that the command line names, or all; then says what was met, by `bars`.
pub(crate) fn run<M>(groups: &[Group<M>], memory: fn() -> M, bars: fn(&[Table])) -> ExitCode {
    // Cargo adds `--bench`.
    let named: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let names: Vec<&str> = groups.iter().map(|group| group.name).collect();
    if let Some(unknown) = named.iter().find(|name| is_unknown(name, &names)) {
        eprintln!("there is no group {unknown}\nhelp: the groups are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let is_wanted = |group: &&Group<M>| named.is_empty() || named.iter().any(|name| name == group.name);
    let wanted: Vec<_> = groups.iter().filter(is_wanted).collect();
    if wanted.is_empty() {
        println!("none of {} was asked for", names.join(", "));
    } else {
        run_all(&wanted, memory(), bars);
    }
    ExitCode::SUCCESS
}

/// Neither one of ours, nor by its letter another benchmark's.
fn is_unknown(name: &str, ours: &[&str]) -> bool {
    let our_letter = ours.first().and_then(|name| name.chars().next());
    let letter = name.chars().next();
    let is_another = letter != our_letter && letter.is_some_and(|letter| LETTERS.contains(&letter));
    !ours.contains(&name) && !is_another
}

fn run_all<M>(groups: &[&Group<M>], mut memory: M, bars: fn(&[Table])) {
    let began = Instant::now();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!("seed {SEED:#x}, {cores} cores, load before {}", load());
    println!("medians over rounds in which all take turns, ± half the distance of the quartiles\n");
    let tables: Vec<Table> = groups.iter().map(|group| show((group.run)(&mut memory))).collect();
    println!("took {:.0} s, load after {}\n", began.elapsed().as_secs_f64(), load());
    bars(&tables);
}

fn show(table: Table) -> Table {
    println!("{table}");
    table
}

/// The load of the last minute: on a machine that does other things as well, the times are not to be trusted.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown").to_owned()
}
