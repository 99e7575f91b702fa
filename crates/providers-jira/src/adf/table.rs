use serde_json::Value;

use super::escape::code;
use super::{bare, block, content, sort};

/// Columns that one cell stands for at most.
const SPAN: u64 = 50;

/// A table. Markdown's has exactly one row of headings: where the first is none, it stays empty.
pub(super) fn all(node: &Value, depth: usize) -> String {
    let rows: Vec<Vec<String>> = content(node).iter().map(|row| cells(row, depth)).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    if columns == 0 {
        return String::new();
    }
    let headed = content(node)
        .first()
        .is_some_and(|row| content(row).iter().all(|cell| sort(cell) == "tableHeader"));
    let line = |row: &[String]| format!("| {} |", row.join(" | "));
    let (head, body) = if headed { rows.split_at(1) } else { rows.split_at(0) };
    let mut head = head.first().cloned().unwrap_or_default();
    head.resize(columns, String::new());
    let rule = format!("|{}", " --- |".repeat(columns));
    // Rows may be shorter than the first: filled up, many short ones below a long one would be
    // far more text than there is.
    let lines = [line(&head), rule].into_iter().chain(body.iter().map(|row| line(row)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether a table has nothing in it but rows of cells.
pub(super) fn is_sound(node: &Value) -> bool {
    let is_cell = |cell: &Value| matches!(sort(cell), "tableCell" | "tableHeader");
    content(node).iter().all(|row| sort(row) == "tableRow" && content(row).iter().all(is_cell))
}

fn cells(row: &Value, depth: usize) -> Vec<String> {
    let mut cells = vec![];
    for cell in content(row) {
        cells.push(words(cell, depth));
        let span = cell.get("attrs").and_then(|attrs| attrs.get("colspan")).and_then(Value::as_u64);
        let further = span.unwrap_or(1).clamp(1, SPAN) - 1;
        cells.extend((0..further).map(|_| String::new()));
    }
    cells
}

/// A cell on one line.
fn words(cell: &Value, depth: usize) -> String {
    let parts = content(cell).iter().map(|node| match sort(node) {
        "codeBlock" => code(&content(node).iter().map(bare).collect::<String>()),
        _ => block::all(std::slice::from_ref(node), depth),
    });
    let parts: Vec<String> = parts.collect();
    let lines = parts.iter().flat_map(|part| part.lines());
    let lines: Vec<&str> = lines.map(unbroken).filter(|line| !line.is_empty()).collect();
    lines.join("<br>").replace('|', "\\|")
}

/// A line without the backslash of a hard break at its end; an even number of them is text.
fn unbroken(line: &str) -> &str {
    let line = line.trim();
    let slashes = line.len() - line.trim_end_matches('\\').len();
    &line[..line.len() - slashes % 2]
}
