//! Atlassian's document format as Markdown.
//!
//! The document stays verbatim in the raw row; this is for people and for search. Nodes that
//! are not known give what is inside them, so that no text is lost, and what is nested too deep
//! gives its bare text.

mod block;
mod escape;
mod inline;
mod table;

use serde_json::Value;

/// Nested deeper, a document is no longer laid out. Editors allow far less.
const DEPTH: usize = 32;

/// A document, or a text that is none, as Markdown; `None` if there is nothing in it.
pub(crate) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(_) => block::all(content(value), DEPTH),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// Whether a value is a document.
pub(crate) fn is_document(value: &Value) -> bool {
    sort(value) == "doc" && value.get("content").is_some_and(Value::is_array)
}

fn sort(node: &Value) -> &str {
    node.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn content(node: &Value) -> &[Value] {
    node.get("content").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn attribute<'n>(node: &'n Value, name: &str) -> Option<&'n str> {
    node.get("attrs")?.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// The text of a node and of all that is in it, without any layout.
fn bare(node: &Value) -> String {
    let mut text = String::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        let own = node.get("text").and_then(Value::as_str).or_else(|| attribute(node, "text"));
        if let Some(own) = own {
            text.push_str(own);
        } else if content(node).is_empty() && !text.is_empty() {
            text.push(' ');
        }
        open.extend(content(node).iter().rev());
    }
    text
}
