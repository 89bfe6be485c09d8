//! The table of misuse, measured on the host: for each row and column how often it showed, and when.
//!
//! `FRAMEKEEPER_SEED` and `FRAMEKEEPER_BUDGET_MS` change what is drawn by lot and how many trials there are.

use std::collections::HashMap;
use suites::{
    Machine, Parameters, host,
    misuse::{Column, Event, Promise, ROWS, Row},
};

#[global_allocator]
static ALLOCATOR: host::Placed = host::Placed;

/// What stands around the table in `docs/figures.md`.
const BEGIN: &str = "<!-- misuse-table -->";
const END: &str = "<!-- misuse-table: end -->";

/// What other allocators do, as far as somebody has measured that: of 100 trials how many the call found out, and how many
/// showed later, for four general ones and two of frames.
const OTHERS: &[(&str, [&str; 4], [&str; 2])] = &[
    ("M1", ["0", "100", "0", "0"], ["0", "100"]),
    ("M2", ["0", "100", "0", "0"], ["0", "100"]),
    ("M4", ["0", "100", "0", "0"], ["0", "100"]),
    ("M5", ["0", "0", "0", "0"], ["0", "100"]),
    ("M6", ["0", "31, later 11", "0", "0"], ["0", "100"]),
    ("M7", ["0", "0", "0", "0"], ["0", "0"]),
    ("M8", ["0", "53, later 32", "0", "0"], ["0", "87, later 7"]),
    ("M9", ["0", "0", "0", "0"], ["0", "100"]),
    ("M10", ["0", "later 68", "0", "0"], ["", ""]),
    ("M12", ["0", "later 19", "0", "0"], ["", ""]),
    ("M13", ["0", "0", "0", "0"], ["", ""]),
];

fn main() {
    let default = Parameters::default();
    let number = |variable: &str, default| match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")),
        Err(_) => default,
    };
    let seed = number("FRAMEKEEPER_SEED", default.seed);
    let budget_ms = number("FRAMEKEEPER_BUDGET_MS", default.budget_ms);
    let machine = host::start(|text| eprintln!("{text}"));
    for (name, scenario) in host::SCENARIOS.iter().filter(|(name, _)| name.starts_with("misuse::")) {
        machine.run(Parameters { seed, budget_ms, ..default }, name, scenario);
    }
    println!("{BEGIN}");
    let shown: HashMap<_, _> = machine.values().into_iter().collect();
    println!("Seed {seed}, {} trials for each cell.\n", machine.trials());
    println!(
        "| | misuse | frames | `Off` | `Standard` | `Paranoid` | `Debug` |\n|---|---|---|---|---|---|---|"
    );
    for row in ROWS {
        let cells = Column::ALL.map(|column| cell(row, column, machine.trials(), &shown));
        println!("| {} | {} | {} |", row.id, row.misuse, cells.join(" | "));
    }
    others();
    println!("{END}");
}

/// How often it showed, by when.
fn cell(row: &Row, column: Column, trials: u64, shown: &HashMap<Box<str>, u64>) -> String {
    match row.promise(column) {
        Promise::NotApplicable => return "n/a".into(),
        Promise::OwnTests(_) => return "¹".into(),
        Promise::At(_) | Promise::Nothing => {}
    }
    let count = |event: &str| shown.get(&*format!("misuse/{}/{}/{event}", row.id, column.name())).copied();
    let events = Event::ALL.into_iter().filter_map(|event| Some((event, count(event.name())?)));
    let text: Vec<_> = events.map(|(event, times)| format!("{times}/{trials} {}", event.name())).collect();
    if text.is_empty() { format!("0/{trials}") } else { text.join(", ") }
}

fn others() {
    println!(
        "\nOthers, in release builds: of 100 trials each, in how many the call itself reported it, and in how many the \
         allocator did later. Measured once, by a harness that is not part of this repository; frames by LLFree \
         441c8d1.\n"
    );
    println!(
        "| | buddy_system_allocator 0.13.0 | linked_list_allocator 0.10.6 | talc 5.1.1 | rlsf 0.2.3 | frames: buddy_system_allocator | LLFree |\n|---|---|---|---|---|---|---|"
    );
    for row in ROWS {
        let known = OTHERS.iter().find(|(id, ..)| *id == row.id);
        let Some((_, [a, b, c, d], [e, f])) = known else { continue };
        let cells = [a, b, c, d, e, f];
        let cells = cells.map(|cell| if cell.is_empty() { "not measured" } else { *cell });
        println!("| {} | {} |", row.id, cells.join(" | "));
    }
    let unknown = ROWS.iter().map(|row| row.id).filter(|id| OTHERS.iter().all(|(known, ..)| known != id));
    println!("\nNot measured of others: {}.", unknown.collect::<Vec<_>>().join(", "));
}
