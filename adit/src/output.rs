//! What the commands print on standard output.

use std::io::{self, Write as _};

/// Writes the text and flushes it.
///
/// A reader that has gone away (`adit clusters | head -1`) is no error: it has
/// read all it wanted.
pub(crate) fn write(text: &str) -> io::Result<()> {
    write_to_reader(text).map(drop)
}

/// As [`write()`]; says whether anybody is left to read more.
pub(crate) fn write_to_reader(text: &str) -> io::Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}

/// Writes one line and flushes it.
pub(crate) fn line(text: &str) -> io::Result<()> {
    write(&format!("{text}\n"))
}

/// Lines up rows of cells in columns, the first row being the head; an empty
/// cell shows as `-`.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let widths = widths(rows);
    rows.iter().map(|cells| row(cells, &widths)).collect()
}

/// How wide each column has to be.
pub(crate) fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|c| c.chars().count())
            .max()
            .unwrap_or(0)
    };
    (0..columns).map(|column| width(column).max(1)).collect()
}

/// One line of a table, its columns at least so wide.
pub(crate) fn row(cells: &[String], widths: &[usize]) -> String {
    let shown = |cell: &str| {
        if cell.is_empty() {
            "-".to_owned()
        } else {
            cell.to_owned()
        }
    };
    let cells: Vec<String> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{:width$}", shown(cell)))
        .collect();
    format!("{}\n", cells.join("   ").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let rows = [
            ["NAME", "AGENTS", "FROM"],
            ["edge-1", "", "x"],
            ["e", "1", ""],
        ];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            table(&rows),
            "NAME     AGENTS   FROM\nedge-1   -        x\ne        1        -\n"
        );
    }
}
