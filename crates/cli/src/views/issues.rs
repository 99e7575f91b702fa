//! Imported issues for people.

use std::fmt::Write as _;

use jobctl_warehouse::{ExportIssue, IssueRow};

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
        table.add([
            text::line(&issue.key),
            text::line(&issue.state),
            text::clip(&issue.title, 80),
            text::clip(&issue.labels.join(", "), 40),
            moments::ago(issue.updated_at, scene),
        ]);
    }
    table.render(scene.width)
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
    for (name, value) in
        [("Milestone", &issue.milestone), ("Priority", &issue.priority), ("Parent", &issue.parent)]
    {
        if let Some(value) = value {
            let _ = writeln!(out, "{name}: {}", text::line(value));
        }
    }
    out.push('\n');
    out.push_str(&body(issue.body.as_deref()));
    for comment in &whole.comments {
        let author = text::line(comment.author.as_deref().unwrap_or("a deleted account"));
        let at = moments::local(comment.created_at, scene);
        let _ = write!(out, "\n## {author} on {at}\n\n{}", body(comment.body.as_deref()));
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
    assignees,labels,milestone,created_at,updated_at,closed_at,url\n";

/// A line of a CSV export: fields as RFC 4180 has them.
pub(crate) fn csv(whole: &ExportIssue) -> String {
    let issue = &whole.issue;
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
    use jobctl_provider::{Category, IssueKind};
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
