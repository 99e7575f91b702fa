//! What happened to issues.

use jobctl_provider::{Entry, Item, Refusal, Skipped, Step, Task, line};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::fetch::Found;
use crate::reply::Reply;
use crate::rows::person;
use crate::scope::Project;
use crate::search::RESTARTS;
use crate::time::moment;
use crate::verdict::{budget, check};

/// Issues a request at most.
const AT_ONCE: usize = 1_000;
/// Changes a page; ten times as many are allowed, and are too much to hold.
const PER_PAGE: u64 = 1_000;

/// Histories of many issues.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    found: Vec<Found>,
    token: Option<String>,
    /// How often it began anew because its token was refused.
    #[serde(default)]
    restarts: u8,
}

/// Histories of as many issues as one list allows.
pub(crate) fn forks(found: &[Found]) -> impl Iterator<Item = History> {
    found.chunks(AT_ONCE).map(|found| History { found: found.to_vec(), token: None, restarts: 0 })
}

impl History {
    pub(crate) fn body(&self) -> Value {
        let ids: Vec<String> =
            self.found.iter().filter_map(|found| Some(found.id?.to_string())).collect();
        let mut body = json!({ "issueIdsOrKeys": ids, "maxResults": PER_PAGE });
        if let Some(token) = &self.token {
            body["nextPageToken"] = json!(token);
        }
        body
    }
}

/// Reads a page of histories.
pub(crate) fn read(task: &Task, history: &History, reply: &Reply<'_>) -> Result<Step, Refusal> {
    if reply.status == 400 && history.token.is_some() && history.restarts < RESTARTS {
        // The token has ended: the list begins anew.
        let anew = History { token: None, restarts: history.restarts + 1, ..history.clone() };
        return Ok(Step { next: vec![Ask::History(anew).task(&task.scope)], ..Step::default() });
    }
    check(reply)?;
    let (body, rows) = reply.list("issueChangeLogs")?;
    let project = Project::of(task)?;
    let mut step = Step { budget: budget(reply), ..Step::default() };
    for row in &rows {
        let id =
            row.get("issueId").and_then(|id| id.as_u64().or_else(|| id.as_str()?.parse().ok()));
        let found = history.found.iter().find(|found| found.id.is_some() && found.id == id);
        let changes = row.get("changeHistories").and_then(Value::as_array);
        match (found, changes) {
            (Some(found), Some(changes)) => {
                let issue = project.issue(found.number);
                entries(changes, &issue, &mut step.items, &mut step.skipped);
            }
            (_, _) => step.skipped.push(Skipped {
                item: format!("a history of {}", task.scope),
                why: "it names no issue that was asked for".to_owned(),
            }),
        }
    }
    let token = body.get("nextPageToken").and_then(Value::as_str).filter(|token| !token.is_empty());
    if let Some(token) = token {
        if history.token.as_deref() == Some(token) || rows.is_empty() {
            let message = "the histories do not end: a page led to itself, or to nothing";
            return Err(Refusal::Malformed { message: message.to_owned() });
        }
        let next = History { token: Some(token.to_owned()), ..history.clone() };
        step.next.push(Ask::History(next).task(&task.scope));
    }
    Ok(step)
}

/// Changes of one issue as entries: one for each field that a change touched.
pub(crate) fn entries(
    changes: &[Value],
    issue: &str,
    items: &mut Vec<Item>,
    skipped: &mut Vec<Skipped>,
) {
    for change in changes {
        let text = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned)
        };
        let (Some(id), Some(at)) = (text(change, "id"), change.get("created").and_then(moment))
        else {
            let why = format!("it has no id or no time: {}", line(&change.to_string(), 80));
            skipped.push(Skipped { item: format!("a change of {issue}"), why });
            continue;
        };
        let parts = change.get("items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (index, part) in parts.iter().enumerate() {
            let shown = |name: &str, id: &str| text(part, name).or_else(|| text(part, id));
            items.push(Item::Entry(Box::new(Entry {
                issue: issue.to_owned(),
                id: if index == 0 { id.clone() } else { format!("{id}.{index}") },
                what: text(part, "field").unwrap_or_else(|| "changed".to_owned()),
                author: change.get("author").and_then(person),
                at,
                from: shown("fromString", "from"),
                to: shown("toString", "to"),
                raw: if parts.len() == 1 { change.clone() } else { one_part(change, part) },
            })));
        }
    }
}

/// A change with one of its parts only.
fn one_part(change: &Value, part: &Value) -> Value {
    let mut one = change.clone();
    one["items"] = json!([part]);
    one
}
