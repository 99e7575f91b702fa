use jobctl_provider::{Comment, Fact, Item, Refusal, Skipped, Step, Time, line};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::AzureDevOps;
use crate::ask::{Ask, Reading, Version};
use crate::html;
use crate::reply::{Reply, text};
use crate::rows::{moment, person};
use crate::scope::{Project, key};
use crate::verdict::check;
use crate::window::Check;

/// Comments of one answer at most.
const PER_PAGE: &str = "200";

/// Where the reading of one work item's comments stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Thread {
    id: u64,
    token: Option<String>,
    /// When the first page came.
    began: Option<Time>,
    /// Comments met so far.
    listed: u64,
    /// Whether every one of them could be read.
    whole: bool,
}

impl Thread {
    pub(crate) const fn new(id: u64) -> Self {
        Self { id, token: None, began: None, listed: 0, whole: true }
    }

    pub(crate) fn url(&self, ado: &AzureDevOps, reading: &Reading) -> Result<Url, Refusal> {
        let path = ["_apis", "wit", "workItems", &self.id.to_string(), "comments"];
        let mut url = Project::of(&reading.order.scope)?.url(&ado.base, &path);
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs([("$top", PER_PAGE), ("order", "asc")]);
            query.append_pair("$expand", "renderedText");
            if let Some(token) = &self.token {
                let old = reading.version == Version::V5_0;
                query.append_pair(if old { "fromRevision" } else { "continuationToken" }, token);
            }
        }
        Ok(url)
    }
}

pub(crate) fn read(reading: &Reading, thread: &Thread, reply: &Reply<'_>) -> Result<Step, Refusal> {
    if let Some(step) = gone(reading, thread.id, reply) {
        return Ok(step);
    }
    check(reply)?;
    let (body, rows) = reply.rows("comments")?;
    let issue = key(&reading.order.scope, thread.id);
    let mut step = reply.step();
    let mut onward = thread.clone();
    let since = *onward.began.get_or_insert(reply.at);
    onward.listed += rows.len() as u64;
    for row in rows.iter().filter(|row| row.get("isDeleted") != Some(&Value::Bool(true))) {
        match comment(row, thread.id, &issue) {
            Ok(comment) => step.items.push(Item::Comment(Box::new(comment))),
            Err(why) => {
                onward.whole = false;
                let item = format!("a comment of {issue}");
                step.skipped.push(Skipped { item, why: line(&why, 200) });
            }
        }
    }
    let token = text(&body, "continuationToken").filter(|token| !token.is_empty());
    let token = token.map(str::to_owned).or_else(|| next_revision(&body, &rows));
    let total = body.get("totalCount").and_then(Value::as_u64).unwrap_or_default();
    match token {
        Some(token) if thread.token.as_deref() == Some(token.as_str()) => {
            let message = format!("the comments of {issue} have more and do not say where");
            return Err(Refusal::Malformed { message });
        }
        Some(token) => {
            onward.token = Some(token);
            step.next.push(reading.task(Ask::Thread(onward)));
        }
        // Fewer than the forge counts: without the others nothing is known to be gone.
        None if onward.whole && onward.listed >= total => {
            step.facts.push(Fact::Comments { issue, since });
        }
        None => {}
    }
    Ok(step)
}

/// Where version 5.0 goes on: behind the last revision shown, while it counts more from there on.
fn next_revision(body: &Value, rows: &[Value]) -> Option<String> {
    let left = body.get("fromRevisionCount").and_then(Value::as_u64)?;
    let last = rows.last()?.get("revision").and_then(Value::as_u64)?;
    (left > rows.len() as u64).then(|| (last + 1).to_string())
}

/// A work item that is not there may be gone or have moved; or the project cannot be seen any
/// more, which only a query of the project tells apart.
pub(crate) fn gone(reading: &Reading, id: u64, reply: &Reply<'_>) -> Option<Step> {
    (reply.status == 404).then(|| {
        let check = Ask::Check(Check { ids: vec![id] });
        let next = vec![reading.items_only().task(Ask::States { then: vec![check] })];
        Step { next, ..reply.step() }
    })
}

/// Reads a comment. Version 5.0 calls its parts otherwise and numbers them per work item.
fn comment(row: &Value, item: u64, issue: &str) -> Result<Comment, String> {
    let id = row.get("id").or_else(|| row.get("commentId")).and_then(Value::as_u64);
    let id = match (id, row.get("revision").and_then(Value::as_u64)) {
        (Some(id), _) => id.to_string(),
        (None, Some(revision)) => format!("{item}-{revision}"),
        (None, None) => return Err("it has no id".to_owned()),
    };
    let created_at = moment(row, "createdDate").or_else(|| moment(row, "revisedDate"));
    let created_at = created_at.ok_or("it has no time")?;
    let author = row.get("createdBy").or_else(|| row.get("revisedBy")).and_then(person);
    Ok(Comment {
        issue: issue.to_owned(),
        id,
        author,
        body: body(row),
        created_at,
        updated_at: moment(row, "modifiedDate").unwrap_or(created_at),
        raw: row.clone(),
    })
}

/// Markdown as it was written, unless it names people by their ids: then what is shown.
fn body(row: &Value) -> Option<String> {
    let written = text(row, "text");
    let markdown = text(row, "format") == Some("markdown");
    match (written, text(row, "renderedText")) {
        (Some(written), _) if markdown && !written.contains("@<") => Some(written.to_owned()),
        (_, Some(rendered)) if markdown && !rendered.is_empty() => Some(html::markdown(rendered)),
        (Some(written), _) if markdown => Some(written.to_owned()),
        (Some(written), _) => Some(html::markdown(written)),
        (None, rendered) => rendered.map(html::markdown),
    }
}
