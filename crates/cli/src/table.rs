//! Tables as people read them: columns two spaces apart, the heads underlined on a terminal.

use comfy_table::{Table as Grid, presets};

use crate::escape;

/// The longest cell of a table that is not wide, in characters.
const LONGEST_CELL: usize = 60;

/// Rows under heads.
#[derive(Debug)]
pub(crate) struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(heads: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            heads: heads.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; its cells are made safe to show.
    pub(crate) fn row(&mut self, cells: &[String]) {
        let cells = cells.iter().map(|cell| escape::field(cell).into_owned());
        self.rows.push(cells.collect());
    }

    /// Adds a row whose cells are safe already. A line feed or tab in one would still end or shift it.
    pub(crate) fn verbatim_row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The whole table, each line ended.
    pub(crate) fn render(&self, is_underlined: bool) -> String {
        let mut grid = Grid::new();
        grid.load_preset(presets::NOTHING);
        grid.add_row(&self.heads);
        grid.add_rows(&self.rows);
        if is_underlined {
            let widths = grid.column_max_content_widths();
            let lines: Vec<String> = widths
                .iter()
                .map(|width| "─".repeat(usize::from(*width)))
                .collect();
            grid = Grid::new();
            grid.load_preset(presets::NOTHING);
            grid.add_row(&self.heads);
            grid.add_row(lines);
            grid.add_rows(&self.rows);
        }
        for column in grid.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut text = String::new();
        for line in grid.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Cuts a cell that is too long for a table.
pub(crate) fn cut(text: &str) -> String {
    if text.chars().nth(LONGEST_CELL).is_none() {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LONGEST_CELL - 1).collect();
    short.push('…');
    short
}

/// Fields of one thing, a line each: `Name: value`. Fields without a value are left out.
pub(crate) fn fields(fields: &[(&str, Option<String>)]) -> String {
    let shown = fields.iter().filter_map(|(name, value)| {
        let value = value.as_deref()?;
        let label = format!("{name}:");
        Some(format!("{label:<18} {}\n", escape::field(value)))
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["Line", "Timestamp (UTC)", "Message"]);
        let cells = |cells: [&str; 3]| cells.map(ToOwned::to_owned).to_vec();
        table.row(&cells(["1", "2025-10-30 13:32:48", "terraform plan"]));
        table.row(&cells(["2", "", "a\u{1b}[31m"]));
        table
    }

    #[test]
    fn heads_are_underlined_on_a_terminal() {
        insta::assert_snapshot!(table().render(true), @r"
        Line  Timestamp (UTC)      Message
        ────  ───────────────────  ──────────────
        1     2025-10-30 13:32:48  terraform plan
        2                          a\u{1b}[31m
        ");
    }

    #[test]
    fn elsewhere_there_is_no_drawing() {
        insta::assert_snapshot!(table().render(false), @r"
        Line  Timestamp (UTC)      Message
        1     2025-10-30 13:32:48  terraform plan
        2                          a\u{1b}[31m
        ");
    }

    #[test]
    fn long_cells_are_cut_between_characters() {
        assert_eq!(cut(&"ü".repeat(60)), "ü".repeat(60));
        assert_eq!(cut(&"ü".repeat(61)), format!("{}…", "ü".repeat(59)));
    }
}
