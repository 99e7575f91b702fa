//! Imported issues for people.

use std::fmt::Write as _;

use jobctl_provider::IssueKind;
use jobctl_warehouse::{ExportEntry, ExportIssue, IssueRow};
use serde_json::Value;

use super::table::{Column, Table};
use super::{Scene, moments};
use crate::text;

/// A table of issues.
pub(crate) fn list(issues: &[IssueRow], scene: &Scene) -> String {
    if issues.is_empty() {
        return "No issues.\n".to_owned();
    }
    let columns = [
        Column::Whole("Key"),
        Column::Whole("State"),
        Column::Cut("Title"),
        Column::Cut("Labels"),
        Column::Whole("Updated"),
    ];
    let mut table = Table::new(columns);
    for issue in issues {
        let title = text::clip(&issue.title, 80);
        table.add([
            text::line(&issue.key),
            text::line(&issue.state),
            sort(issue).map_or(title.clone(), |sort| format!("{sort}: {title}")),
            text::clip(&issue.labels.join(", "), 40),
            moments::ago(issue.updated_at, scene),
        ]);
    }
    table.render(scene.width)
}

/// What sort of work it is, in its forge's words, where it is more than an issue.
fn sort(issue: &IssueRow) -> Option<String> {
    match (&issue.type_name, issue.kind) {
        (Some(name), _) => Some(text::clip(name, 30)),
        (None, IssueKind::Issue) => None,
        (None, kind) => Some(kind.name().replace('_', " ")),
    }
}

/// One issue with its comments, in Markdown.
pub(crate) fn whole(whole: &ExportIssue, scene: &Scene) -> String {
    let issue = &whole.issue;
    let mut out = format!("# {}\n\n", text::line(&issue.title));
    let state = if issue.deleted { "deleted".to_owned() } else { text::line(&issue.state) };
    let _ = writeln!(out, "{} · {state} · {}", text::line(&issue.key), text::line(&issue.url));
    let author = issue.author.as_deref().unwrap_or("a deleted account");
    let _ = write!(out, "by {} on {}", text::line(author), moments::local(issue.created_at, scene));
    let _ = writeln!(out, ", updated {}", moments::local(issue.updated_at, scene));
    for (name, values) in [("Labels", &issue.labels), ("Assignees", &issue.assignees)] {
        if !values.is_empty() {
            let _ = writeln!(out, "{name}: {}", text::line(&values.join(", ")));
        }
    }
    let sort = sort(issue);
    for (name, value) in [
        ("Type", &sort),
        ("Milestone", &issue.milestone),
        ("Priority", &issue.priority),
        ("Parent", &issue.parent),
    ] {
        if let Some(value) = value {
            let _ = writeln!(out, "{name}: {}", text::line(value));
        }
    }
    out.push_str(&besides(issue));
    out.push('\n');
    out.push_str(&body(issue.body.as_deref()));
    if let Some(criteria) = &issue.acceptance_criteria {
        let _ = write!(out, "\n## Acceptance criteria\n\n{}", body(Some(criteria)));
    }
    for comment in &whole.comments {
        let author = text::line(comment.author.as_deref().unwrap_or("a deleted account"));
        let at = moments::local(comment.created_at, scene);
        let _ = write!(out, "\n## {author} on {at}\n\n{}", body(comment.body.as_deref()));
    }
    out.push_str(&history(&whole.history, scene));
    out
}

/// Links, fields, reactions and attachments: a line each.
fn besides(issue: &IssueRow) -> String {
    let mut out = String::new();
    for link in &issue.links {
        let _ = writeln!(out, "{}: {}", text::line(&link.relation), text::line(&link.target));
    }
    for (name, value) in &issue.fields {
        let _ = writeln!(out, "{}: {}", text::line(name), text::clip(&shown(value), 200));
    }
    let reactions =
        issue.reactions.iter().map(|(name, count)| format!("{} {count}", text::line(name)));
    let reactions: Vec<_> = reactions.collect();
    if !reactions.is_empty() {
        let _ = writeln!(out, "Reactions: {}", reactions.join(", "));
    }
    for file in &issue.attachments {
        let _ = writeln!(out, "Attachment: {} ({})", text::line(&file.name), text::line(&file.url));
    }
    out
}

/// A field's value as people would write it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => match fields.get("name").or_else(|| fields.get("value")) {
            Some(name) => shown(name),
            None => value.to_string(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Who changed what, and when: a line each.
fn history(entries: &[ExportEntry], scene: &Scene) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let mut out = "\n## History\n\n".to_owned();
    for entry in entries {
        let at = moments::local(entry.at, scene);
        let _ = write!(out, "- {at} {}", text::line(&entry.what));
        if let Some(author) = &entry.author {
            let _ = write!(out, " by {}", text::line(author));
        }
        match (&entry.from, &entry.to) {
            (Some(from), Some(to)) => {
                let _ = write!(out, ": {} → {}", text::clip(from, 100), text::clip(to, 100));
            }
            (None, Some(to)) => {
                let _ = write!(out, ": {}", text::clip(to, 100));
            }
            (Some(from), None) => {
                let _ = write!(out, ": {} → nothing", text::clip(from, 100));
            }
            (None, None) => {}
        }
        out.push('\n');
    }
    out
}

fn body(text: Option<&str>) -> String {
    match text.map(text::block).as_deref().map(str::trim_end) {
        None | Some("") => "(no text)\n".to_owned(),
        Some(text) => format!("{text}\n"),
    }
}

/// The first line of a CSV export.
pub(crate) const CSV_HEADER: &str = "key,source,number,kind,state,state_category,title,author,\
    assignees,labels,milestone,created_at,updated_at,closed_at,url,type,priority,parent,links,\
    acceptance_criteria\n";

/// A line of a CSV export: fields as RFC 4180 has them.
pub(crate) fn csv(whole: &ExportIssue) -> String {
    let issue = &whole.issue;
    let links = issue.links.iter().map(|link| format!("{} {}", link.relation, link.target));
    let links: Vec<_> = links.collect();
    let fields = [
        issue.key.clone(),
        issue.source.clone(),
        issue.number.to_string(),
        issue.kind.name().to_owned(),
        issue.state.clone(),
        issue.state_category.name().to_owned(),
        issue.title.clone(),
        issue.author.clone().unwrap_or_default(),
        issue.assignees.join("; "),
        issue.labels.join("; "),
        issue.milestone.clone().unwrap_or_default(),
        issue.created_at.to_string(),
        issue.updated_at.to_string(),
        issue.closed_at.map(|at| at.to_string()).unwrap_or_default(),
        issue.url.clone(),
        issue.type_name.clone().unwrap_or_default(),
        issue.priority.clone().unwrap_or_default(),
        issue.parent.clone().unwrap_or_default(),
        links.join("; "),
        issue.acceptance_criteria.clone().unwrap_or_default(),
    ];
    let quoted: Vec<_> = fields.iter().map(|field| quote(field)).collect();
    format!("{}\n", quoted.join(","))
}

/// Quotes what needs it. A field that a spreadsheet would run as a formula gets an apostrophe.
fn quote(field: &str) -> String {
    let runs = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let field = text::block(field);
    let field = if runs { format!("'{field}") } else { field };
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use jobctl_provider::{Attachment, Category, IssueKind, Link};
    use jobctl_warehouse::ExportComment;

    use super::*;
    use crate::views::samples;

    fn issue() -> ExportIssue {
        let at = samples::now();
        ExportIssue {
            issue: IssueRow {
                source: "github:acme/api".into(),
                provider: "github".into(),
                key: "github:acme/api#12".into(),
                number: 12,
                kind: IssueKind::Issue,
                title: "=Time\u{1b}[31mout, \"again\"".into(),
                body: Some("It hangs.\r\n\r\n\u{1b}]0;evil\u{7}```\nstack\n```\n".into()),
                state: "open".into(),
                state_category: Category::Open,
                author: None,
                assignees: vec!["ann".into()],
                labels: vec!["bug".into(), "p1".into()],
                priority: None,
                milestone: Some("1.0".into()),
                parent: None,
                url: "https://github.com/acme/api/issues/12".into(),
                created_at: at,
                updated_at: at,
                closed_at: None,
                deleted: false,
                ..IssueRow::default()
            },
            comments: vec![ExportComment {
                id: "1".into(),
                author: Some("bob".into()),
                body: Some("Me too".into()),
                created_at: at,
                updated_at: at,
            }],
            ..ExportIssue::default()
        }
    }

    #[test]
    fn a_story_of_a_tracker_shows_all_that_it_has() {
        let mut story = issue();
        let fields = serde_json::json!({ "Story Points": 3, "Team": { "name": "Pay\u{1b}[31m" } });
        story.issue = IssueRow {
            key: "PAY-42".into(),
            kind: IssueKind::Story,
            type_name: Some("User Story".into()),
            parent: Some("PAY-7".into()),
            links: vec![Link { relation: "blocks".into(), target: "PAY-43".into() }],
            fields: serde_json::from_value(fields).unwrap(),
            acceptance_criteria: Some("- it is paid\n- once".into()),
            attachments: vec![Attachment {
                name: "a.png".into(),
                url: "https://acme.atlassian.net/a.png".into(),
            }],
            reactions: [("+1".to_owned(), 2)].into(),
            ..story.issue
        };
        let change = |id: &str, from: Option<&str>, to: Option<&str>| ExportEntry {
            id: id.into(),
            what: "status".into(),
            author: Some("ann".into()),
            at: samples::now(),
            from: from.map(Into::into),
            to: to.map(Into::into),
        };
        story.history = vec![
            change("1", None, Some("To Do")),
            change("2", Some("To Do"), Some("Done")),
            change("3", Some("Done"), None),
        ];
        let scene = samples::scene();
        let forms = [whole(&story, &scene), list(&[story.issue.clone()], &scene), csv(&story)];
        let forms = forms.join("\n----\n");
        assert!(!forms.contains('\u{1b}'), "{forms}");
        insta::assert_snapshot!(forms);
    }

    #[test]
    fn an_issue_in_all_forms() {
        let scene = samples::scene();
        let forms = [
            whole(&issue(), &scene),
            list(&[issue().issue], &scene),
            format!("{CSV_HEADER}{}", csv(&issue())),
        ];
        let forms = forms.join("\n----\n");
        assert!(!forms.contains('\u{1b}'), "{forms}");
        insta::assert_snapshot!(forms);
    }
}
