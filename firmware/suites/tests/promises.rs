//! The table of promises in the documents is the one that is measured against.

use std::fmt::Write;
use suites::misuse::ROWS;

#[test]
fn the_table_of_promises_is_what_is_measured() {
    let page = include_str!("../../../docs/soundness/misuse.md");
    let mut table = String::new();
    for row in ROWS {
        writeln!(table, "{row}").unwrap();
    }
    assert!(page.contains(&table), "docs/soundness/misuse.md must have this table:\n{table}");
}
