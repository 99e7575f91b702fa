//! Documents as Markdown, seen as the body of an issue.
#![expect(clippy::needless_pass_by_value, reason = "documents are built in place")]

use insta::assert_snapshot;
use jobctl_provider::{Item, Order, Provider, Task};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::World;
use crate::{cloud, json as good, order};
use jobctl_provider::conformance::Stage as _;

/// The task that fetches `PAY-1`.
fn fetch() -> Task {
    let jira = cloud();
    let items = Order::Items { order: order(), numbers: vec![1] };
    let fields = jira.plan(&items).unwrap().remove(0);
    let answer = World::of(1).answer(&jira.request(&fields).unwrap());
    jira.read(&fields, &answer).unwrap().next.remove(0)
}

fn markdown(document: &Value) -> String {
    let page = json!({ "issues": [{ "id": "10001", "key": "PAY-1", "fields": {
        "summary": "s", "description": document,
        "created": "2020-01-01T00:00:00Z", "updated": "2020-01-01T00:00:00Z" } }] });
    let step = cloud().read(&fetch(), &good(&page)).unwrap();
    match step.items.into_iter().next() {
        Some(Item::Issue(issue)) => issue.body.unwrap_or_default(),
        other => panic!("{other:?} {:?}", step.skipped),
    }
}

fn doc(content: Value) -> Value {
    json!({ "type": "doc", "version": 1, "content": content })
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn marked(text: &str, marks: &[&str]) -> Value {
    let marks: Vec<Value> = marks.iter().map(|mark| json!({ "type": mark })).collect();
    json!({ "type": "text", "text": text, "marks": marks })
}

fn paragraph(nodes: Value) -> Value {
    json!({ "type": "paragraph", "content": nodes })
}

fn item(sort: &str, nodes: Value) -> Value {
    json!({ "type": sort, "content": nodes })
}

#[test]
fn every_block() {
    let list = |sort: &str, items: Value| json!({ "type": sort, "content": items });
    let words = |t: &str| paragraph(json!([text(t)]));
    let cell = |sort: &str, nodes: Value| item(sort, nodes);
    let document = doc(json!([
        {"type": "heading", "attrs": {"level": 3}, "content": [text("A heading")]},
        paragraph(json!([text("One"), {"type": "hardBreak"}, text("# two")])),
        list("bulletList", json!([
            item("listItem", json!([words("a"), words("more of a"), list("orderedList", json!([
                item("listItem", json!([words("deep")])), item("listItem", json!([words("deeper")])),
            ]))])),
            item("listItem", json!([words("b")])),
        ])),
        {"type": "orderedList", "attrs": {"order": 9}, "content": [
            item("listItem", json!([words("nine")])), item("listItem", json!([words("ten"), words("x")])),
        ]},
        list("taskList", json!([
            {"type": "taskItem", "attrs": {"state": "DONE"}, "content": [text("done")]},
            {"type": "taskItem", "attrs": {"state": "TODO"}, "content": [text("to do")]},
            list("taskList", json!([{"type": "taskItem", "attrs": {}, "content": [text("below")]}])),
        ])),
        list("decisionList", json!([{"type": "decisionItem", "content": [text("we will")]}])),
        {"type": "codeBlock", "attrs": {"language": "rust"}, "content": [text("let a = \"```\";\n  *b")]},
        {"type": "blockquote", "content": [words("said"), words("and done")]},
        {"type": "panel", "attrs": {"panelType": "warning"}, "content": [words("hot")]},
        {"type": "rule"},
        {"type": "table", "content": [
            item("tableRow", json!([cell("tableHeader", json!([words("h|1")])), cell("tableHeader", json!([words("h2")]))])),
            item("tableRow", json!([cell("tableCell", json!([words("a"), words("b")])),
                cell("tableCell", json!([{"type": "codeBlock", "content": [text("x\ny")]}]))])),
            item("tableRow", json!([{"type": "tableCell", "attrs": {"colspan": 2}, "content": [words("wide")]}])),
        ]},
        {"type": "mediaSingle", "content": [
            {"type": "media", "attrs": {"type": "file", "id": "u-1", "alt": "shot (1).png"}},
            {"type": "caption", "content": [text("A picture")]}]},
        {"type": "mediaGroup", "content": [{"type": "media", "attrs": {"type": "external", "url": "https://a.example/x.png"}}]},
        {"type": "expand", "attrs": {"title": "More"}, "content": [words("hidden")]},
        {"type": "blockCard", "attrs": {"url": "https://a.example/b"}},
        {"type": "layoutSection", "content": [{"type": "layoutColumn", "content": [words("left")]}]},
        {"type": "somethingNew", "content": [words("kept")]},
        {"type": "extension", "attrs": {"text": "macro"}},
    ]));
    assert_snapshot!(markdown(&document));
}

#[test]
fn every_inline() {
    let link = json!({"type": "text", "text": "a [b] c", "marks": [
        {"type": "strong"}, {"type": "link", "attrs": {"href": "https://a.example/x(1)"}}]});
    let shown = |nodes: Value| markdown(&doc(json!([paragraph(nodes)])));
    for (nodes, wanted) in [
        (
            json!([
                marked("bold ", &["strong"]),
                marked("both", &["strong", "em"]),
                text(" plain")
            ]),
            "**bold *both*** plain",
        ),
        (json!([marked(" a ", &["em"]), marked("b", &["strike"])]), " *a* ~~b~~".trim()),
        (json!([marked("a", &["underline"]), marked("x*y", &["code", "strong"])]), "<u>a</u>`x*y`"),
        (
            json!([text("x"), {"type": "text", "text": "2", "marks": [{"type": "subsup", "attrs": {"type": "sup"}}]}]),
            "x<sup>2</sup>",
        ),
        (
            json!([{"type": "text", "text": "red", "marks": [{"type": "textColor", "attrs": {"color": "#f00"}}]}]),
            "red",
        ),
        (
            json!([text("see "), link, text(".")]),
            r"see [**a \[b\] c**](https://a.example/x%281%29).",
        ),
        (
            json!([{"type": "mention", "attrs": {"id": "5", "text": "@Ann_Lee"}}, text(" hi")]),
            "@Ann_Lee hi",
        ),
        (json!([{"type": "emoji", "attrs": {"shortName": ":grin:", "text": "😀"}}]), "😀"),
        (json!([{"type": "emoji", "attrs": {"shortName": ":odd:"}}]), ":odd:"),
        (json!([{"type": "date", "attrs": {"timestamp": "1700000000000"}}]), "2023-11-14"),
        (
            json!([{"type": "status", "attrs": {"text": "IN PROGRESS", "color": "blue"}}]),
            "**IN PROGRESS**",
        ),
        (
            json!([{"type": "inlineCard", "attrs": {"url": "https://a.example/PAY-1"}}]),
            "<https://a.example/PAY-1>",
        ),
        (
            json!([{"type": "inlineCard", "attrs": {"data": {"url": "https://a.example", "name": "A"}}}]),
            "[A](https://a.example)",
        ),
        (json!([text("end"), {"type": "hardBreak"}, {"type": "hardBreak"}]), "end"),
        (json!([{"type": "placeholder", "attrs": {"text": "type here"}}]), "type here"),
        (
            json!([text("1. not a list, snake_case *stars* <b> & co")]),
            r"1\. not a list, snake_case \*stars\* \<b> & co",
        ),
        (json!([{"type": "newThing", "content": [text("in"), text("side")]}]), "inside"),
    ] {
        assert_eq!(shown(nodes.clone()), wanted, "{nodes}");
    }
}

#[test]
fn a_body_that_is_no_document_stays_as_it_is() {
    assert_eq!(markdown(&json!("h3. *wiki*")), "h3. *wiki*");
    for nothing in [json!(null), json!(5), json!([]), json!({}), doc(json!([]))] {
        assert_eq!(markdown(&nothing), "");
    }
}

#[test]
fn what_is_nested_without_end_is_cut_and_keeps_its_words() {
    for (outer, inner) in [
        ("bulletList", "listItem"),
        ("blockquote", "panel"),
        ("odd", "odd"),
        ("bulletList", "bulletList"),
        ("table", "tableRow"),
    ] {
        let mut node = paragraph(json!([text("core")]));
        for _ in 0..25 {
            node = json!({ "type": outer, "content": [{ "type": inner, "content": [node] }] });
        }
        assert!(markdown(&doc(json!([node]))).contains("core"), "{outer}");
    }
}

#[test]
fn an_issue_that_no_reader_can_follow_costs_none_of_the_others() {
    let jira = cloud();
    let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
    let body = format!(
        r#"{{"issues":[{{"id":"10001","key":"PAY-1","fields":{{"description":{deep}}}}}]}}"#
    );
    let mut task = fetch();
    for _ in 0..3 {
        let step = jira.read(&task, &crate::reply(200, &[], &body)).unwrap();
        assert!(step.items.is_empty() && step.skipped.is_empty());
        task = step.next.into_iter().next().unwrap();
    }
    let step = jira.read(&task, &crate::reply(200, &[], &body)).unwrap();
    assert_eq!(step.skipped[0].item, "PAY-1");
    assert!(matches!(&step.items[0], Item::Passed(passed) if passed.number == 1), "{step:?}");
}

const SORTS: [&str; 18] = [
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "listItem",
    "taskList",
    "taskItem",
    "codeBlock",
    "blockquote",
    "panel",
    "table",
    "tableRow",
    "tableCell",
    "tableHeader",
    "expand",
    "mediaSingle",
    "doc",
    "new",
];
const MARKS: [&str; 6] = ["strong", "em", "code", "strike", "underline", "textColor"];

fn node() -> impl Strategy<Value = Value> {
    let words = prop_oneof![
        2 => "[a-z]{1,8}",
        2 => "[a-z]{1,4}[ -~]{0,8}",
        1 => "[ -~\n]{0,12}",
        1 => r"[#>*`_~|\\<&\[\]()!+=-]{1,6}[a-z]",
    ];
    let leaf = (words, prop::collection::vec(prop::sample::select(&MARKS[..]), 0..3))
        .prop_map(|(words, marks)| marked(&words, &marks));
    let leaf = prop_oneof![8 => leaf, 1 => Just(json!({"type": "hardBreak"})), 1 => Just(json!(7))];
    leaf.prop_recursive(5, 60, 5, |inner| {
        (prop::sample::select(&SORTS[..]), prop::collection::vec(inner, 0..5)).prop_map(
            |(sort, content)| json!({ "type": sort, "attrs": {"level": 2}, "content": content }),
        )
    })
}

/// All letters of a document, in their order.
fn letters(node: &Value, all: &mut String) {
    if let Some(text) = node.get("text").and_then(Value::as_str) {
        all.extend(text.chars().filter(char::is_ascii_alphanumeric));
    }
    for inner in node.get("content").and_then(Value::as_array).into_iter().flatten() {
        letters(inner, all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_lost(nodes in prop::collection::vec(node(), 0..6)) {
        let document = doc(json!(nodes));
        let markdown = markdown(&document);
        let mut wanted = String::new();
        letters(&document, &mut wanted);
        let mut found = markdown.chars();
        for letter in wanted.chars() {
            prop_assert!(found.any(|c| c == letter), "{letter} of {wanted} in {markdown:?}");
        }
    }
}

#[test]
fn a_table_is_no_longer_than_what_is_in_it() {
    let cell = json!({"type": "tableCell", "content": []});
    let wide = json!({"type": "tableRow", "content": vec![cell; 500]});
    let mut rows = vec![wide];
    rows.resize(5_000, json!({"type": "tableRow", "content": []}));
    let table = json!({"type": "table", "content": rows});
    let written = table.to_string().len();
    let text = markdown(&doc(json!([table])));
    assert!(text.len() < written, "{} of {written}", text.len());
}
