//! Recorded issues as steps.

use std::fmt::Write as _;

use insta::assert_snapshot;
use jobctl_provider::{IssueOrder, Item, Order, Provider, Step, Task};
use jobctl_providers_jira::Jira;
use serde_json::{Value, json};

use crate::{center, cloud, first, fixture, json as good, reply};

/// Fields of the recorded site, as its list of fields would name them.
fn fields() -> Value {
    let field = |id: u64, name: &str, sort: &str| {
        json!({ "id": format!("customfield_{id}"), "name": name, "custom": true,
            "schema": { "custom": sort } })
    };
    json!([
        {"id": "summary", "name": "Summary", "custom": false},
        field(10_000, "Development", "com.atlassian.jira.plugins.jira-development-integration-plugin:devsummarycf"),
        field(10_011, "Epic Name", "com.pyxis.greenhopper.jira:gh-epic-label"),
        field(10_012, "Epic Status", "com.pyxis.greenhopper.jira:gh-epic-status"),
        field(10_014, "Epic Link", "com.pyxis.greenhopper.jira:gh-epic-link"),
        field(10_015, "Start date", "com.atlassian.jira.plugin.system.customfieldtypes:datepicker"),
        field(10_019, "Rank", "com.pyxis.greenhopper.jira:gh-lexo-rank"),
        field(10_020, "Sprint", "com.pyxis.greenhopper.jira:gh-sprint"),
    ])
}

fn order(project: &str) -> IssueOrder {
    IssueOrder { timeline: true, ..IssueOrder::all(&format!("jira:{project}")) }
}

/// A task that reads whole issues, its legend read.
fn reading(jira: &Jira, order: &Order) -> Task {
    let opened = first(jira, order);
    jira.read(&opened, &good(&fields())).unwrap().next.remove(0)
}

/// A step in a few lines: what a reader of a golden wants to see.
fn told(jira: &Jira, step: &Step) -> String {
    let mut text = String::new();
    for item in &step.items {
        match item {
            Item::Issue(issue) => {
                let mut issue = (**issue).clone();
                assert!(issue.raw.get("fields").is_some(), "{} lost its raw reply", issue.key);
                issue.raw = Value::Null;
                let shown = serde_json::to_string_pretty(&issue).unwrap();
                writeln!(text, "{shown}").unwrap();
            }
            Item::Comment(c) => {
                writeln!(text, "{} comment {} by {:?} {:?}", c.issue, c.id, c.author, c.body)
                    .unwrap();
            }
            Item::Entry(e) => writeln!(
                text,
                "{} entry {} {:?} by {:?} at {}: {:?} -> {:?}",
                e.issue, e.id, e.what, e.author, e.at, e.from, e.to
            )
            .unwrap(),
            Item::Passed(p) => writeln!(text, "{} passed", p.key).unwrap(),
            Item::Met { key } => writeln!(text, "{key} met").unwrap(),
            Item::Repository(_) | Item::Scope(_) => panic!("{item:?}"),
        }
    }
    for skipped in &step.skipped {
        writeln!(text, "skipped {}: {}", skipped.item, skipped.why).unwrap();
    }
    for task in &step.next {
        let request = jira.request(task).unwrap();
        writeln!(text, "next {} {}", task.kind, request.url).unwrap();
    }
    for fact in &step.facts {
        writeln!(text, "fact {}", serde_json::to_string(fact).unwrap()).unwrap();
    }
    text
}

#[test]
fn recorded_issues_as_fetched_from_cloud() {
    let jira = cloud();
    let numbers = vec![1, 2, 4, 20, 23, 25, 37];
    let task = reading(&jira, &Order::Items { order: order("EE"), numbers });
    let step = jira.read(&task, &reply(200, &[], &fixture("devlake/issues-ee.json"))).unwrap();
    assert_snapshot!(told(&jira, &step));
}

#[test]
fn a_recorded_epic_and_its_story() {
    let jira = cloud();
    let task = reading(&jira, &Order::Items { order: order("K5"), numbers: vec![2, 4] });
    let step = jira.read(&task, &reply(200, &[], &fixture("devlake/issues-k5.json"))).unwrap();
    assert_snapshot!(told(&jira, &step));
}

#[test]
fn recorded_issues_as_a_page_of_data_center_with_their_history() {
    let jira = center();
    let task = reading(&jira, &Order::Sync(order("EE"), [].into()));
    let mut page: Value = serde_json::from_str(&fixture("devlake/issues-ee.json")).unwrap();
    page["total"] = json!(50);
    // The bodies are told by the other golden.
    page["issues"].as_array_mut().unwrap().retain(|issue| issue["key"] == "EE-23");
    assert_snapshot!(told(&jira, &jira.read(&task, &good(&page)).unwrap()));
}

#[test]
fn recorded_histories_in_bulk() {
    let jira = cloud();
    let names: Vec<Value> = [(101, "13383"), (102, "13491"), (103, "13954")]
        .map(|(number, id)| json!({ "id": id, "key": format!("EE-{number}") }))
        .into();
    let list = first(&jira, &Order::Sync(order("EE"), [].into()));
    let page = good(&json!({ "issues": names, "isLast": true }));
    let opening = jira.read(&list, &page).unwrap().next.remove(0);
    let tasks = jira.read(&opening, &good(&fields())).unwrap().next;
    let history = tasks.iter().find(|task| task.kind == "history").unwrap();
    let step = jira.read(history, &reply(200, &[], &fixture("devlake/histories.json"))).unwrap();
    assert_snapshot!(told(&jira, &step));
}

#[test]
fn a_rich_issue_shows_all_of_the_model() {
    let jira = cloud();
    let words =
        |text: &str| json!({"type": "paragraph", "content": [{"type": "text", "text": text}]});
    let description = json!({"type": "doc", "version": 1, "content": [
        words("As a user"),
        {"type": "heading", "attrs": {"level": 3}, "content": [{"type": "text", "text": "Acceptance criteria"}]},
        {"type": "bulletList", "content": [{"type": "listItem", "content": [words("it pays")]}]},
    ]});
    let link = |way: &str, key: &str| {
        json!({"type": {"name": "Blocks", "inward": "is blocked by", "outward": "Blocks"},
            way: {"key": key}})
    };
    let issue = json!({ "id": "10042", "key": "PAY-42", "fields": {
        "summary": "Pay by card", "description": description,
        "issuetype": {"name": "Story", "subtask": false, "hierarchyLevel": 0},
        "status": {"name": "In Arbeit", "statusCategory": {"key": "indeterminate"}},
        "priority": {"name": "High"}, "labels": ["card", "web"],
        "parent": {"key": "PAY-1"}, "assignee": {"displayName": "Bob"}, "reporter": null,
        "issuelinks": [link("outwardIssue", "PAY-7"), link("inwardIssue", "OPS-3")],
        "attachment": [{"filename": "a.png", "content": "https://acme.atlassian.net/rest/api/3/attachment/content/1"}],
        "fixVersions": [{"name": "2.0"}], "resolutiondate": "2026-01-01T00:00:00.000+0000",
        "created": "2024-11-29T10:44:51.887-0800", "updated": "2024-11-30T10:44:51.887-0800",
        "customfield_10015": "2026-02-01",
        "customfield_10020": [{"id": 1, "name": "S1", "state": "active"}, {"id": 2, "name": "S2", "state": "future"}],
        "comment": {"comments": [], "total": 0},
    }});
    let mut bad = issue.clone();
    bad["key"] = json!("PAY-43");
    bad["fields"]["updated"] = json!("yesterday");
    let page = json!({ "issues": [issue, bad, {"id": "1"}, "what?"] });
    let task =
        reading(&jira, &Order::Items { order: IssueOrder::all("jira:PAY"), numbers: vec![42, 43] });
    assert_snapshot!(told(&jira, &jira.read(&task, &good(&page)).unwrap()));
}
