//! Tables, laid out in the width of the terminal.

use std::fmt::Write;

use textwrap::{core::display_width, wrap};

use super::inline::{folding, styled};

/// Between two columns.
const GAP: usize = 2;
/// What stands in front of the cells of a row where the columns have no room beside each other.
const INDENT: &str = "  ";

/// A table as Markdown has it: a row of names, a line of dashes, rows.
#[derive(Debug)]
pub(super) struct Table {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// The table in these lines; `None` where they are none.
    pub(super) fn read(lines: &[&str]) -> Option<Table> {
        let [names, dashes, rows @ ..] = lines else {
            return None;
        };
        let is_dashes =
            |cell: &String| !cell.is_empty() && cell.trim_matches([':', '-']).is_empty();
        if !cells(dashes).iter().all(is_dashes) {
            return None;
        }
        let shown = |line: &&str| cells(line).iter().map(|cell| styled(cell)).collect();
        Some(Table {
            names: shown(names),
            rows: rows.iter().map(shown).collect(),
        })
    }

    /// As columns beside each other if the longest words fit, and else as a list.
    pub(super) fn render(&self, width: usize) -> String {
        match self.columns(width) {
            Some(columns) => self.beside(&columns),
            None => self.below(width),
        }
    }

    fn all_rows(&self) -> impl Iterator<Item = &Vec<String>> {
        [&self.names].into_iter().chain(&self.rows)
    }

    /// How wide each column is; `None` if a word would have to be divided.
    fn columns(&self, width: usize) -> Option<Vec<usize>> {
        let widest = |measure: &dyn Fn(&str) -> usize| -> Vec<usize> {
            let of_column = |column: usize| {
                let cells = self.all_rows().filter_map(|row| row.get(column));
                cells.map(|cell| measure(cell)).max().unwrap_or(0)
            };
            (0..self.names.len()).map(of_column).collect()
        };
        let mut columns = widest(&display_width);
        let least = widest(&|cell| cell.split(' ').map(display_width).max().unwrap_or(0));
        let room = width.saturating_sub(GAP * columns.len().saturating_sub(1));
        while columns.iter().sum::<usize>() > room {
            // The widest one gives, as long as it can.
            let can_give = (0..columns.len()).filter(|&one| columns[one] > least[one]);
            let gives = can_give.max_by_key(|&one| columns[one])?;
            columns[gives] -= 1;
        }
        Some(columns)
    }

    fn beside(&self, columns: &[usize]) -> String {
        let mut text = row_of(&self.names, columns);
        let rules = columns.iter().map(|&width| "─".repeat(width));
        let _ = writeln!(text, "{}", rules.collect::<Vec<_>>().join(&" ".repeat(GAP)));
        for row in &self.rows {
            text.push_str(&row_of(row, columns));
        }
        text
    }

    /// A row is its first cell, and below it the others with the names of their columns.
    fn below(&self, width: usize) -> String {
        let mut text = String::new();
        for row in &self.rows {
            for (index, (name, cell)) in self.names.iter().zip(row).enumerate() {
                let (line, indent) = match index {
                    0 => (cell.clone(), ""),
                    _ if cell.is_empty() => continue,
                    _ => (format!("{name}: {cell}"), INDENT),
                };
                let options = folding(width)
                    .initial_indent(indent)
                    .subsequent_indent(INDENT);
                let _ = writeln!(text, "{}", wrap(&line, options).join("\n"));
            }
        }
        text
    }
}

/// A row in as many lines as its longest cell needs.
fn row_of(cells: &[String], columns: &[usize]) -> String {
    let folded: Vec<Vec<_>> = cells
        .iter()
        .zip(columns)
        .map(|(cell, &width)| wrap(cell, folding(width)))
        .collect();
    let lines = folded.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for line in 0..lines {
        let mut whole = String::new();
        for (cell, &width) in folded.iter().zip(columns) {
            let part = cell.get(line).map_or("", |part| &**part);
            let blanks = width.saturating_sub(display_width(part)) + GAP;
            let _ = write!(whole, "{part}{:blanks$}", "");
        }
        let _ = writeln!(text, "{}", whole.trim_end());
    }
    text
}

/// The cells of a line. `\|` is no border.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim();
    let line = line.strip_prefix('|').unwrap_or(line);
    let line = line.strip_suffix('|').unwrap_or(line);
    let mut cells = vec![String::new()];
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.next_if_eq(&'|').is_some() => add(&mut cells, '|'),
            '|' => cells.push(String::new()),
            other => add(&mut cells, other),
        }
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

fn add(cells: &mut [String], letter: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::layout::plain;

    const LINES: [&str; 4] = [
        "| call | what it does |",
        "|---|---|",
        "| `read` | some bytes, or the end |",
        r"| `a \| b` | a pipe |",
    ];

    fn rendered(width: usize) -> String {
        plain(&Table::read(&LINES).unwrap().render(width))
    }

    #[test]
    fn a_table_is_as_wide_as_its_cells_or_folded_or_a_list() {
        assert_eq!(
            rendered(80),
            "call   what it does\n─────  ──────────────────────\nread   some bytes, or the end\na | b  a pipe\n"
        );
        assert_eq!(
            rendered(20),
            "call   what it does\n─────  ─────────────\nread   some bytes,\n       or the end\na | b  a pipe\n"
        );
        assert_eq!(
            rendered(9),
            "read\n  what it\n  does:\n  some\n  bytes,\n  or the\n  end\na | b\n  what it\n  does: a\n  pipe\n"
        );
    }

    #[test]
    fn lines_without_dashes_are_no_table() {
        assert!(Table::read(&LINES[..1]).is_none());
        assert!(Table::read(&[LINES[0], LINES[2]]).is_none());
    }
}
