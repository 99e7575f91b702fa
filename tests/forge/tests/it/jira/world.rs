//! The world is as large and as odd as it was asked to be, and changes when it is told to.

use std::collections::BTreeSet;

use jobctl_forge::jira::{
    JiraAction, JiraChange, JiraChangeError, JiraConfig, JiraScript, JiraTruthIssue,
};
use serde_json::{Value, json};

use super::{get, search, small, walk, with};

#[test]
fn it_holds_what_was_asked_for() {
    let forge = small();
    let truth = forge.jira().truth("PAY").unwrap();
    assert_eq!((truth.issues.len(), truth.gone.len()), (245, 5));
    let cut = truth.issues.values().filter(|issue| issue.comments.len() > 20).count();
    assert!((5..=6).contains(&cut), "a deleted one may be among them: {cut}");
    let comments = truth.comment_count();
    assert!((820..=900).contains(&comments), "those of the deleted are missing: {comments}");
    let kinds: BTreeSet<&str> = truth.issues.values().map(|i| i.type_name.as_str()).collect();
    assert_eq!(kinds, ["Bug", "Epic", "Spike", "Story", "Sub-task", "Task"].into());
    let some = |test: fn(&JiraTruthIssue) -> bool| truth.issues.values().any(test);
    assert!(some(|i| i.links.iter().any(|(word, _)| word == "is blocked by")));
    assert!(some(|i| i.acceptance.is_some()) && some(|i| i.sprints.len() > 1));
    assert!(some(|i| i.reporter.is_none()) && some(|i| !i.files.is_empty()));
    assert!(some(|i| i.texts.is_empty()) && some(|i| i.labels.len() == 60));
}

#[test]
fn both_sides_of_a_link_and_of_a_family_agree() {
    let forge = small();
    let truth = forge.jira().truth("PAY").unwrap();
    for issue in truth.issues.values() {
        for (word, other) in &issue.links {
            let other = truth.issues.values().find(|one| one.key == *other).unwrap();
            let back = match word.as_str() {
                "blocks" => "is blocked by",
                "is blocked by" => "blocks",
                "duplicates" => "is duplicated by",
                "is duplicated by" => "duplicates",
                "clones" => "is cloned by",
                "is cloned by" => "clones",
                same => same,
            };
            assert!(other.links.contains(&(back.to_owned(), issue.key.clone())), "{}", issue.key);
        }
        if issue.subtask {
            let parent = get(&forge, &format!("issue/{}", issue.parent.as_ref().unwrap())).json();
            assert_eq!(parent["fields"]["subtasks"][0]["key"], issue.key.as_str());
        }
    }
}

/// Every node and mark of a document.
fn kinds(document: &Value, into: &mut BTreeSet<String>) {
    match document {
        Value::Object(object) => {
            into.extend(object.get("type").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| kinds(value, into));
        }
        Value::Array(items) => items.iter().for_each(|item| kinds(item, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn all_kinds_of_nodes_and_marks_occur() {
    let forge = small();
    let fields = json!({ "fields": ["description", "comment"], "maxResults": 100 });
    let mut found = BTreeSet::new();
    let page = search(&forge, "project = PAY order by key", &fields).json();
    kinds(&page["issues"], &mut found);
    for wanted in [
        "doc",
        "paragraph",
        "text",
        "heading",
        "bulletList",
        "orderedList",
        "listItem",
        "taskList",
        "taskItem",
        "decisionList",
        "decisionItem",
        "codeBlock",
        "blockquote",
        "panel",
        "table",
        "tableRow",
        "tableHeader",
        "tableCell",
        "rule",
        "mediaSingle",
        "media",
        "expand",
        "layoutSection",
        "layoutColumn",
        "hologram",
        "mention",
        "emoji",
        "inlineCard",
        "date",
        "status",
        "hardBreak",
        "strong",
        "em",
        "strike",
        "code",
        "underline",
        "subsup",
        "textColor",
        "link",
    ] {
        assert!(found.contains(wanted), "{wanted}");
    }
}

#[test]
fn changes_are_seen_at_once_and_dated() {
    let forge = small();
    let jira = forge.jira();
    let before = jira.truth("PAY").unwrap();
    let text = |text: &str| Some(text.to_owned());
    let edit = JiraChange::EditIssue {
        key: "PAY-30".to_owned(),
        summary: text("other"),
        description: text("all new"),
        status: text("Done"),
    };
    jira.change(&edit).unwrap();
    let added = JiraChange::AddComment { key: "PAY-30".to_owned(), body: "one more".to_owned() };
    let id = jira.change(&added).unwrap().comment.unwrap();
    jira.change(&JiraChange::EditComment { id, body: "one less".to_owned() }).unwrap();
    let first = before.issues[&30].comments.first().map(|comment| comment.id);
    if let Some(id) = first {
        jira.change(&JiraChange::DeleteComment { id }).unwrap();
    }
    let after = jira.truth("PAY").unwrap();
    let (old, new) = (&before.issues[&30], &after.issues[&30]);
    assert_eq!((new.title.as_str(), new.category.as_str()), ("other", "done"));
    assert_eq!(new.texts, ["all new"]);
    assert!(new.updated_at > old.updated_at);
    assert_eq!(new.comments.last().unwrap().texts, ["one less"]);
    assert_eq!(new.comments.len(), old.comments.len() + 1 - usize::from(first.is_some()));
    assert_eq!(new.history.len(), old.history.len() + 1);
    let shown = get(&forge, "issue/PAY-30").json()["fields"].clone();
    assert_eq!((&shown["summary"], &shown["status"]["name"]), (&json!("other"), &json!("Done")));
    let newest = walk(
        &forge,
        "project = PAY ORDER BY updated DESC",
        &json!({ "fields": ["key"], "maxResults": 300 }),
    );
    assert_eq!(newest.0[0], "PAY-30");
}

#[test]
fn what_is_deleted_takes_its_sub_tasks_along() {
    let forge = small();
    let jira = forge.jira();
    jira.change(&JiraChange::DeleteIssue { key: "PAY-22".to_owned() }).unwrap();
    for key in ["PAY-22", "PAY-23"] {
        assert_eq!(get(&forge, &format!("issue/{key}")).status, 404, "{key}");
        let gone = JiraChange::DeleteIssue { key: key.to_owned() };
        assert_eq!(jira.change(&gone), Err(JiraChangeError::NoIssue(key.to_owned())));
    }
    let comment = jira.truth("PAY").unwrap().issues.values().last().unwrap().number;
    assert!(comment > 200);
}

#[test]
fn a_script_changes_the_world_while_it_is_read() {
    let forge = small();
    let line =
        |action, every| JiraScript { every, project: "PAY".to_owned(), action, times: Some(2) };
    forge.jira().configure(|b| {
        b.script = vec![line(JiraAction::AddIssue, 1), line(JiraAction::DeleteIssue, 2)];
    });
    let before = forge.jira().truth("PAY").unwrap();
    walk(&forge, "project = PAY", &json!({ "fields": ["key"], "maxResults": 50 }));
    let after = forge.jira().truth("PAY").unwrap();
    let new = after.issues.keys().filter(|number| !before.issues.contains_key(number)).count();
    assert_eq!(new, 2);
    assert!(after.gone.len() >= before.gone.len() + 2);
}

#[test]
fn ten_thousand_issues_are_there_and_read_whole() {
    let forge = with(JiraConfig::default());
    let (found, pages) = walk(
        &forge,
        "project = PAY ORDER BY id",
        &json!({ "fields": ["key"], "maxResults": 5_000 }),
    );
    assert_eq!((found.len(), pages), (9_995, 2));
    let truth = forge.jira().truth("PAY").unwrap();
    assert_eq!(truth.issues.len(), 9_995);
    assert!((29_500..=30_000).contains(&truth.comment_count()), "{}", truth.comment_count());
}

#[test]
fn another_process_controls_it_by_http() {
    let forge = small();
    let ask = |method: &str, path: &str, body: &Value| {
        let url = format!("{}/_forge/jira/{path}", forge.url());
        let body = if body.is_null() { String::new() } else { body.to_string() };
        crate::client::send(method, &url, &[], &body).unwrap()
    };
    let made = json!({ "action": "add_issue", "project": "OPS", "summary": "by another" });
    assert_eq!(ask("POST", "edit", &made).json()["key"], "OPS-21");
    let truth = ask("GET", "truth?project=OPS", &Value::Null).json();
    assert_eq!(truth["issues"]["21"]["title"], "by another");
    let configured = ask("POST", "configure", &json!({ "limits": { "quota": 5 } })).json();
    assert_eq!(
        (&configured["limits"]["quota"], &configured["page_of_ids"]),
        (&json!(5), &json!(5_000))
    );
    assert_eq!(ask("POST", "edit", &json!({ "action": "add_issue" })).status, 400);
}
