//! Comparing what is held with what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jobctl_forge::Forge;
use jobctl_forge::ado::{AdoTruthComment, AdoTruthItem};
use jobctl_provider::Category;
use jobctl_warehouse::{ExportIssue, Query, Warehouse};

/// Everything that is held, by number, with the forge's own replies.
pub(crate) fn held(dir: &Path) -> BTreeMap<u64, ExportIssue> {
    let warehouse = Warehouse::open_reading(&dir.join("issues.db")).unwrap();
    let query = Query { raw: true, ..Query::default() };
    let mut issues = BTreeMap::new();
    warehouse
        .export(&query, &mut |issue| {
            issues.insert(issue.issue.number, issue);
            Ok(())
        })
        .unwrap();
    issues
}

/// What is held must be what is there: no more, no less, nothing old.
pub(crate) fn assert_equal(dir: &Path, forge: &Forge) {
    assert_project_equal(dir, forge, "Shop");
}

pub(crate) fn assert_project_equal(dir: &Path, forge: &Forge, project: &str) {
    let truth = forge.ado().truth("contoso", project).unwrap();
    let held = held(dir);
    let wanted: BTreeSet<u64> = truth.items.keys().copied().collect();
    let found: BTreeSet<u64> = held.keys().copied().collect();
    assert_eq!(wanted.difference(&found).collect::<Vec<_>>(), Vec::<&u64>::new(), "missing");
    assert_eq!(found.difference(&wanted).collect::<Vec<_>>(), Vec::<&u64>::new(), "too many");
    for (number, issue) in &held {
        assert_same(issue, &truth.items[number], project);
    }
}

fn assert_same(held: &ExportIssue, there: &AdoTruthItem, project: &str) {
    let (row, id) = (&held.issue, there.id);
    assert_eq!(row.key, format!("ado:contoso/{project}#{id}"));
    assert_eq!(row.title, there.title, "title of {id}");
    assert_eq!(row.state, there.state, "state of {id}");
    assert_eq!(row.type_name.as_ref(), Some(&there.kind), "type of {id}");
    let over = matches!(there.category.as_str(), "Completed" | "Removed");
    assert_eq!(row.state_category == Category::Done, over, "category of {id}: {there:?}");
    assert!(row.author.as_ref().unwrap().contains(&there.created_by), "author of {id}");
    let assigned = row.assignees.first().map(String::as_str).unwrap_or_default();
    assert!(assigned.contains(there.assigned_to.as_deref().unwrap_or_default()), "{id}");
    assert_eq!(assigned.is_empty(), there.assigned_to.is_none(), "{id}");
    let mut tags = there.tags.clone();
    tags.sort();
    assert_eq!(row.labels, tags, "tags of {id}");
    let parent = there.parent.map(|parent| format!("ado:contoso/{project}#{parent}"));
    assert_eq!(row.parent, parent, "parent of {id}");
    assert_eq!(row.updated_at, there.changed_at.parse().unwrap(), "change of {id}");
    let raw = held.raw.as_ref().unwrap();
    let written = raw["fields"]["System.Description"].as_str();
    assert_eq!(written, there.description.as_deref(), "description of {id}");
    if there.markdown {
        assert_eq!(row.body, there.description, "body of {id}");
    }
    let comments: BTreeSet<u64> = held.comments.iter().map(|c| c.id.parse().unwrap()).collect();
    let wanted: BTreeSet<u64> = there.comments.iter().map(|comment| comment.id).collect();
    assert_eq!(comments, wanted, "comments of {id}");
    for comment in &there.comments {
        let own = held.comments.iter().find(|own| own.id == comment.id.to_string()).unwrap();
        assert_comment(own.body.as_deref().unwrap_or_default(), comment);
    }
}

/// Markdown as it is; of HTML what tells it from every other: the words of its last line.
fn assert_comment(held: &str, there: &AdoTruthComment) {
    if there.markdown {
        assert_eq!(held, there.text, "comment {}", there.id);
        return;
    }
    let plain = there.text.trim_end_matches("</div>");
    let last = plain.rsplit_once('>').map_or(plain, |(_, last)| last);
    assert!(held.contains(last), "comment {}: {held} is not {}", there.id, there.text);
}
