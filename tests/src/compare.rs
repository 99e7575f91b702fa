//! An export held against the truth.

use std::collections::{BTreeMap, BTreeSet};

use jobctl_forge::{Truth, TruthComment, TruthIssue};
use serde_json::{Value, json};

/// What an import is expected to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Issues only.
    Issues,
    /// Issues and pull requests.
    WithPulls,
}

/// Panics unless the export's rows are exactly what is true: nothing lost, nothing twice, nothing
/// old, nothing that is gone, in every field that both have.
pub fn assert_equal(rows: &[Value], truth: &Truth, wanted: Wanted) {
    let differences = differences(rows, truth, wanted);
    let shown: Vec<&String> = differences.iter().take(10).collect();
    assert!(differences.is_empty(), "{} differences: {shown:#?}", differences.len());
}

/// Everything in which an export and the truth differ, in words.
#[must_use]
pub fn differences(rows: &[Value], truth: &Truth, wanted: Wanted) -> Vec<String> {
    let mut found = Vec::new();
    let mut held = BTreeMap::new();
    for row in rows {
        let number = row["number"].as_u64().unwrap_or(0);
        if held.insert(number, row).is_some() {
            found.push(format!("#{number} is there twice"));
        }
    }
    let is_wanted = |issue: &&TruthIssue| wanted == Wanted::WithPulls || !issue.is_pull;
    let there: BTreeSet<u64> = truth.issues.values().filter(is_wanted).map(|i| i.number).collect();
    let rows: BTreeSet<u64> = held.keys().copied().collect();
    found.extend(there.difference(&rows).map(|number| format!("#{number} is missing")));
    found.extend(rows.difference(&there).map(|number| format!("#{number} should not be there")));
    for number in there.intersection(&rows) {
        compare(held[number], &truth.issues[number], &truth.repo, &mut found);
    }
    found
}

fn compare(row: &Value, issue: &TruthIssue, repo: &str, found: &mut Vec<String>) {
    let number = issue.number;
    let kind = kind(issue);
    let category = if issue.state == "open" { "open" } else { "done" };
    let fields = [
        ("key", json!(format!("github:{repo}#{number}"))),
        ("provider", json!("github")),
        ("kind", json!(kind)),
        ("title", json!(issue.title)),
        ("body", json!(issue.body)),
        ("state", json!(issue.state)),
        ("state_category", json!(category)),
        ("author", json!(issue.author)),
        ("milestone", json!(issue.milestone)),
        ("created_at", json!(issue.created_at)),
        ("updated_at", json!(issue.updated_at)),
        ("closed_at", json!(issue.closed_at)),
        ("deleted", json!(false)),
    ];
    for (name, there) in fields {
        if row[name] != there {
            found.push(format!("#{number}: {name} is {}, should be {there}", row[name]));
        }
    }
    for (name, there) in [("labels", &issue.labels), ("assignees", &issue.assignees)] {
        if texts(&row[name]) != there.iter().map(String::as_str).collect::<BTreeSet<_>>() {
            found.push(format!("#{number}: {name} are {}, should be {there:?}", row[name]));
        }
    }
    compare_comments(row, issue, found);
}

fn compare_comments(row: &Value, issue: &TruthIssue, found: &mut Vec<String>) {
    let number = issue.number;
    let mut held = BTreeMap::new();
    for comment in row["comments"].as_array().into_iter().flatten() {
        let id = comment["id"].as_str().unwrap_or_default().to_owned();
        if held.insert(id.clone(), comment).is_some() {
            found.push(format!("#{number}: comment {id} is there twice"));
        }
    }
    for comment in &issue.comments {
        match held.remove(&comment.id.to_string()) {
            Some(there) => compare_comment(there, comment, number, found),
            None => found.push(format!("#{number}: comment {} is missing", comment.id)),
        }
    }
    found.extend(held.keys().map(|id| format!("#{number}: comment {id} should not be there")));
}

fn compare_comment(row: &Value, comment: &TruthComment, number: u64, found: &mut Vec<String>) {
    let fields = [
        ("author", json!(comment.author)),
        ("body", json!(comment.body)),
        ("created_at", json!(comment.created_at)),
        ("updated_at", json!(comment.updated_at)),
    ];
    for (name, there) in fields {
        if row[name] != there {
            let id = comment.id;
            found.push(format!("#{number}, comment {id}: {name} is {}, not {there}", row[name]));
        }
    }
}

fn texts(list: &Value) -> BTreeSet<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What sort of work it is: the types of the simulated organisation, in small letters.
fn kind(issue: &TruthIssue) -> String {
    match &issue.type_name {
        _ if issue.is_pull => "pull_request".to_owned(),
        Some(name) => name.to_lowercase(),
        None => "issue".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth() -> Truth {
        let comment = TruthComment {
            id: 7,
            author: Some("ann".to_owned()),
            body: "yes".to_owned(),
            created_at: "2020-01-01T00:00:00Z".to_owned(),
            updated_at: "2020-01-01T00:00:00Z".to_owned(),
            hidden: false,
        };
        let issue = TruthIssue {
            id: 1,
            number: 3,
            is_pull: false,
            title: "a".to_owned(),
            body: None,
            state: "closed".to_owned(),
            state_reason: None,
            author: None,
            assignees: vec![],
            labels: vec!["b".to_owned(), "a".to_owned()],
            milestone: None,
            created_at: "2020-01-01T00:00:00Z".to_owned(),
            updated_at: "2020-01-01T00:00:00Z".to_owned(),
            closed_at: None,
            shown_comments: 1,
            type_name: None,
            parent: None,
            blocked_by: vec![],
            history: vec![],
            comments: vec![comment],
        };
        Truth {
            repo: "acme/api".to_owned(),
            id: 1,
            issues: [(3, issue)].into(),
            gone_issues: BTreeMap::new(),
            gone_comments: vec![],
        }
    }

    fn row() -> Value {
        json!({
            "key": "github:acme/api#3", "provider": "github", "number": 3, "kind": "issue",
            "title": "a", "body": null, "state": "closed", "state_category": "done",
            "author": null, "assignees": [], "labels": ["a", "b"], "milestone": null,
            "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
            "closed_at": null, "deleted": false,
            "comments": [{ "id": "7", "author": "ann", "body": "yes",
                "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z" }],
        })
    }

    #[test]
    fn what_is_equal_has_no_differences() {
        assert_eq!(differences(&[row()], &truth(), Wanted::Issues), Vec::<String>::new());
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let with = |path: &str, value: Value| {
            let mut row = row();
            *row.pointer_mut(path).expect("a field of the row") = value;
            differences(&[row], &truth(), Wanted::Issues).len()
        };
        assert_eq!(differences(&[], &truth(), Wanted::Issues).len(), 1);
        assert_eq!(differences(&[row(), row()], &truth(), Wanted::Issues).len(), 1);
        assert_eq!(with("/number", json!(4)), 2);
        assert_eq!(with("/title", json!("b")), 1);
        assert_eq!(with("/labels", json!(["a"])), 1);
        assert_eq!(with("/deleted", json!(true)), 1);
        assert_eq!(with("/comments", json!([])), 1);
        assert_eq!(with("/comments/0/body", json!("no")), 1);
        assert_eq!(with("/comments/0/id", json!("8")), 2);
    }
}
