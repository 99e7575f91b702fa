use serde_json::Value;

use super::escape::{code_block, escaped, paragraph};
use super::{attribute, bare, content, inline, sort, table};

/// Blocks as Markdown, an empty line between them.
pub(super) fn all(nodes: &[Value], depth: usize) -> String {
    let mut blocks = vec![];
    let mut rest = nodes;
    while let Some(node) = rest.first() {
        // Words may stand among blocks: they are a paragraph of their own.
        let words = rest.iter().take_while(|node| is_inline(node)).count();
        if words > 0 {
            blocks.push(paragraph(&inline::all(&rest[..words])));
            rest = &rest[words..];
        } else {
            blocks.push(one(node, depth));
            rest = &rest[1..];
        }
    }
    blocks.retain(|block| !block.trim().is_empty());
    blocks.join("\n\n")
}

fn is_inline(node: &Value) -> bool {
    matches!(
        sort(node),
        "text"
            | "hardBreak"
            | "mention"
            | "emoji"
            | "date"
            | "status"
            | "inlineCard"
            | "mediaInline"
            | "inlineExtension"
            | "placeholder"
    )
}

/// One block. All recursion comes through here.
fn one(node: &Value, depth: usize) -> String {
    let Some(depth) = depth.checked_sub(1) else { return escaped(&bare(node), false) };
    let inner = content(node);
    match sort(node) {
        "paragraph" | "caption" | "decisionItem" => paragraph(&inline::all(inner)),
        "heading" => heading(node),
        "bulletList" | "decisionList" => list(inner, depth, |_, _| "- ".to_owned()),
        "orderedList" => {
            let first = number(node, "order").unwrap_or(1);
            list(inner, depth, |at, _| format!("{}. ", first.saturating_add(at)))
        }
        "taskList" => list(inner, depth, |_, item| {
            let done = attribute(item, "state") == Some("DONE");
            if done { "- [x] ".to_owned() } else { "- [ ] ".to_owned() }
        }),
        "codeBlock" => {
            let text: String = inner.iter().map(bare).collect();
            code_block(&text, attribute(node, "language").unwrap_or_default())
        }
        "blockquote" => quoted(&all(inner, depth)),
        "panel" => quoted(&panel(node, depth)),
        "rule" => "---".to_owned(),
        "table" if table::is_sound(node) => table::all(node, depth),
        "media" => inline::media(node),
        "blockCard" | "embedCard" => inline::card(node),
        "expand" | "nestedExpand" => expand(node, depth),
        _ if inner.is_empty() => paragraph(&inline::all(std::slice::from_ref(node))),
        _ => all(inner, depth),
    }
}

fn number(node: &Value, name: &str) -> Option<u64> {
    node.get("attrs")?.get(name)?.as_u64()
}

fn heading(node: &Value) -> String {
    let level = number(node, "level").unwrap_or(1).clamp(1, 6);
    let words = inline::all(content(node)).replace("\\\n", " ");
    let marks = "#".repeat(usize::try_from(level).unwrap_or(6));
    format!("{marks} {}", words.trim())
}

/// A list, each item behind its mark and its further lines as far in. A list within a list is
/// no item of its own: it belongs to the one before.
fn list(items: &[Value], depth: usize, mark: impl Fn(u64, &Value) -> String) -> String {
    let mut lines: Vec<String> = vec![];
    let mut indent = 2;
    for (at, item) in (0..).zip(items) {
        let is_list = sort(item).ends_with("List");
        let mark = if is_list { " ".repeat(indent) } else { mark(at, item) };
        indent = mark.len();
        // Task lists are indented by their mark only, not by their box.
        indent = if mark.starts_with("- [") { 2 } else { indent };
        let body = if is_list { one(item, depth) } else { item_body(item, depth) };
        lines.push(format!("{mark}{}", indented(&body, indent)));
    }
    lines.join("\n")
}

/// What is in an item. Lists stay close to the words that they belong to.
fn item_body(item: &Value, depth: usize) -> String {
    let nodes = content(item);
    if nodes.is_empty() {
        return one(item, depth);
    }
    let lists = nodes.iter().rev().take_while(|node| sort(node).ends_with("List")).count();
    let (words, lists) = nodes.split_at(nodes.len() - lists);
    let mut parts = vec![all(words, depth)];
    parts.extend(lists.iter().map(|list| one(list, depth)));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// A text whose lines after the first are moved in.
fn indented(text: &str, by: usize) -> String {
    let margin = format!("\n{}", " ".repeat(by));
    // Empty lines stay empty.
    text.replace('\n', &margin).replace(&format!("{margin}\n"), "\n\n")
}

fn quoted(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| if line.is_empty() { ">".to_owned() } else { format!("> {line}") })
        .collect();
    lines.join("\n")
}

/// A panel as the alert that forges of Markdown know.
fn panel(node: &Value, depth: usize) -> String {
    let sort = match attribute(node, "panelType") {
        Some("warning") => "WARNING",
        Some("error") => "CAUTION",
        Some("success" | "tip") => "TIP",
        Some(_) | None => "NOTE",
    };
    format!("[!{sort}]\n{}", all(content(node), depth))
}

fn expand(node: &Value, depth: usize) -> String {
    let inner = all(content(node), depth);
    match attribute(node, "title") {
        Some(title) => format!("**{}**\n\n{inner}", escaped(title.trim(), false)),
        None => inner,
    }
}
