//! Frame allocators against each other: what a frame costs, how it scales, and where the frames end up.
//!
//! `cargo bench -p framekeeper` runs every group, `cargo bench -p framekeeper -- F1 F3` those two. All allocators take
//! turns in every round, so what the machine does meanwhile hits all alike; a figure is the median over the rounds, and
//! the percentage behind it is half the distance of the quartiles. Operations come from fixed seeds: everything but the
//! times is the same in every run.
//!
//! A **peer** is somebody else's allocator behind the lock it documents. A **floor**, in brackets, is no allocator: the
//! loop with nothing to call, or a bare stack of frames. Nothing is subtracted from anything.
//!
//! Nothing here asserts on a time: the bars at the end say what was met and what was missed.

mod bars;
mod cpu;
mod memory;
mod mix;
mod peer;
mod peers;
mod rng;
mod rounds;
mod shadow;
mod subject;
mod table;
mod tick;
mod workloads;

use memory::Memory;
use std::{process::ExitCode, thread, time::Instant};
use table::Table;
use workloads::{GROUPS, Group};

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|wanted| !GROUPS.iter().any(|group| group.name == **wanted)) {
        let names: Vec<_> = GROUPS.iter().map(|group| group.name).collect();
        eprintln!("there is no group {unknown}\nhelp: the groups are {}", names.join(", "));
        return ExitCode::from(2);
    }
    run(|group| wanted.is_empty() || wanted.iter().any(|wanted| wanted == group.name));
    ExitCode::SUCCESS
}

fn run(is_wanted: impl Fn(&Group) -> bool) {
    let began = Instant::now();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!("seed {:#x}, {cores} cores, load before {}", rng::SEED, load());
    println!("medians over rounds in which all take turns, ± half the distance of the quartiles\n");
    let mut memory = Memory::new();
    let tables: Vec<Table> =
        GROUPS.iter().filter(|group| is_wanted(group)).map(|group| show((group.run)(&mut memory))).collect();
    println!("took {:.0} s, load after {}\n", began.elapsed().as_secs_f64(), load());
    bars::print(&tables);
}

fn show(table: Table) -> Table {
    println!("{table}");
    table
}

/// The load of the last minute: on a machine that does other things as well, the times are not to be trusted.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown").to_owned()
}
