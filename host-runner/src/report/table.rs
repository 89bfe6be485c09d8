//! Columns that stand below each other.

/// Where a column's cells stand in it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// The rows as lines, each column as wide as its widest cell.
pub(super) fn aligned<const N: usize>(sides: [Side; N], rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let cell = |((cell, side), width): ((&String, Side), usize)| match side {
        Side::Left => format!("{cell:<width$}"),
        Side::Right => format!("{cell:>width$}"),
    };
    let line = |row: &[String; N]| {
        let cells: Vec<_> = row.iter().zip(sides).zip(widths).map(cell).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |name: &str, value: &str| [name.to_owned(), value.to_owned()];
        let lines = aligned([Side::Left, Side::Right], &[row("a", "1000"), row("µs", "7")]);
        assert_eq!(lines, ["a   1000", "µs     7"]);
        assert_eq!(aligned([Side::Left, Side::Right], &[]), Vec::<String>::new());
    }
}
