//! Columns of text that fit the terminal. Ten thousand rows are nothing unusual.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// A column that may be cut is cut to no less than this.
const LEAST: usize = 8;
/// What stands around each cell, and at the end of a row.
const FRAME: usize = 3;
const END: usize = 1;

/// Rows under headings. Cells are clean lines.
pub(super) struct Table<const N: usize> {
    columns: [Column; N],
    rows: Vec<[String; N]>,
}

/// A heading, and whether what is below it may be cut.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// Ids, kinds, counts and times: never cut.
    Whole(&'static str),
    /// Texts: cut first where the terminal is too narrow.
    Cut(&'static str),
    /// Not shown in this table.
    Absent,
}

impl Column {
    const fn heading(self) -> &'static str {
        match self {
            Self::Whole(heading) | Self::Cut(heading) => heading,
            Self::Absent => "",
        }
    }
}

impl<const N: usize> Table<N> {
    pub(super) const fn new(columns: [Column; N]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(super) fn add(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    /// The table with a line for each row, in a terminal of this width.
    pub(super) fn render(&self, width: Option<u16>) -> String {
        let widths = self.widths(width.map(usize::from));
        let line = widths.iter().map(|width| width + FRAME).sum::<usize>() + END + 1;
        let mut out = String::with_capacity(line * (self.rows.len() + 2));
        self.put_row(&mut out, self.columns.map(Column::heading), widths);
        for (_, width) in self.shown(widths) {
            out.push_str("|-");
            out.extend(std::iter::repeat_n('-', width));
            out.push('-');
        }
        out.push_str("|\n");
        for row in &self.rows {
            self.put_row(&mut out, row.each_ref().map(String::as_str), widths);
        }
        out
    }

    /// What belongs to the columns that are shown, with their numbers.
    fn shown<T>(&self, cells: [T; N]) -> impl Iterator<Item = (usize, T)> {
        let cells = cells.into_iter().enumerate();
        cells.filter(|(at, _)| match self.columns[*at] {
            Column::Whole(_) | Column::Cut(_) => true,
            Column::Absent => false,
        })
    }

    fn put_row(&self, out: &mut String, cells: [&str; N], widths: [usize; N]) {
        for (at, cell) in self.shown(cells) {
            put_cell(out, cell, widths[at]);
        }
        out.push_str("|\n");
    }

    /// How wide each column is: as wide as its widest cell, where the terminal allows.
    fn widths(&self, width: Option<usize>) -> [usize; N] {
        let mut widths = self.columns.map(|column| column.heading().width());
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let Some(room) = width else { return widths };
        let shown = self.shown([(); N]).count();
        let room = room.saturating_sub(END + FRAME * shown);
        // A character at a time, so that the widest give way first.
        while self.shown(widths).map(|(_, width)| width).sum::<usize>() > room {
            let cut = self.columns.iter().zip(&mut widths);
            let cut = cut.filter_map(|(column, width)| match column {
                Column::Cut(_) if *width > LEAST => Some(width),
                Column::Cut(_) | Column::Whole(_) | Column::Absent => None,
            });
            let Some(widest) = cut.max_by_key(|width| **width) else { break };
            *widest -= 1;
        }
        widths
    }
}

fn put_cell(out: &mut String, cell: &str, width: usize) {
    out.push_str("| ");
    let wide = cell.width();
    if wide > width {
        put_part(out, cell, width);
    } else {
        out.push_str(cell);
        out.extend(std::iter::repeat_n(' ', width - wide));
    }
    out.push(' ');
}

/// The beginning of a cell and an ellipsis, together exactly so wide.
fn put_part(out: &mut String, cell: &str, width: usize) {
    let mut left = width.saturating_sub(1);
    for c in cell.chars() {
        let wide = c.width().unwrap_or(0);
        if wide > left {
            break;
        }
        out.push(c);
        left -= wide;
    }
    out.push('…');
    out.extend(std::iter::repeat_n(' ', left));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<3> {
        let mut table = Table::new([Column::Whole("Id"), Column::Cut("What"), Column::Cut("Why")]);
        let row = |id: &str, what: &str, why: &str| [id.into(), what.into(), why.into()];
        table.add(row("1", "short", "-"));
        table.add(row("1234567890", "a text that is rather long", "日本語の長い説明文です"));
        table
    }

    #[test]
    fn without_a_terminal_nothing_is_cut() {
        let text = "\
| Id         | What                       | Why                    |
|------------|----------------------------|------------------------|
| 1          | short                      | -                      |
| 1234567890 | a text that is rather long | 日本語の長い説明文です |
";
        assert_eq!(table().render(None), text);
        assert_eq!(table().render(Some(200)), text);
    }

    #[test]
    fn the_widest_texts_are_cut_first_and_every_line_has_the_same_width() {
        for room in 37..70 {
            let text = table().render(Some(room));
            let widths: Vec<_> = text.lines().map(unicode_width::UnicodeWidthStr::width).collect();
            assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
            assert!(widths[0] <= usize::from(room), "{text}");
            assert!(text.contains("1234567890"), "{text}");
        }
        assert!(table().render(Some(56)).contains("…"));
    }

    #[test]
    fn a_column_that_is_absent_leaves_no_trace() {
        let with = |middle| {
            let mut table = Table::new([Column::Whole("Id"), middle, Column::Cut("Why")]);
            table.add(["1".into(), "not to be seen".into(), "because it is long".into()]);
            table
        };
        let mut without = Table::new([Column::Whole("Id"), Column::Cut("Why")]);
        without.add(["1".into(), "because it is long".into()]);
        for width in [None, Some(80), Some(24), Some(1)] {
            assert_eq!(with(Column::Absent).render(width), without.render(width));
        }
    }

    #[test]
    fn a_terminal_that_is_far_too_narrow_gets_what_cannot_be_cut() {
        let text = table().render(Some(10));
        assert!(text.contains("| 1234567890 | a text … | 日本語…  |"), "{text}");
    }
}
