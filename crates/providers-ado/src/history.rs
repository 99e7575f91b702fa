use jobctl_provider::{Entry, Item, Refusal, Step, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::AzureDevOps;
use crate::ask::{Ask, Reading};
use crate::reply::Reply;
use crate::rows::{self, moment, person};
use crate::scope::{Project, key};
use crate::thread::gone;
use crate::verdict::check;

/// Updates of one answer at most.
const PER_PAGE: u64 = 200;

/// Where the reading of one work item's history stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    id: u64,
    /// Updates read so far; they only grow at the end.
    skip: u64,
}

impl History {
    pub(crate) const fn new(id: u64) -> Self {
        Self { id, skip: 0 }
    }

    pub(crate) fn url(&self, ado: &AzureDevOps, reading: &Reading) -> Result<Url, Refusal> {
        let path = ["_apis", "wit", "workItems", &self.id.to_string(), "updates"];
        let mut url = Project::of(&reading.order.scope)?.url(&ado.base, &path);
        url.query_pairs_mut()
            .append_pair("$top", &PER_PAGE.to_string())
            .append_pair("$skip", &self.skip.to_string());
        Ok(url)
    }
}

pub(crate) fn read(
    reading: &Reading,
    history: &History,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    if let Some(step) = gone(reading, history.id, reply) {
        return Ok(step);
    }
    check(reply)?;
    let (_, rows) = reply.rows("value")?;
    let issue = key(&reading.order.scope, history.id);
    let mut step = reply.step();
    let mut before = None;
    for row in &rows {
        let at = time(row).or(before);
        before = moment(row, "revisedDate");
        match entries(row, &issue, at) {
            Ok(entries) => {
                step.items.extend(entries.into_iter().map(|entry| Item::Entry(Box::new(entry))));
            }
            Err(why) => step.skipped.push(rows::skipped(&format!("an update of {issue}"), why)),
        }
    }
    let count = rows.len() as u64;
    if count >= PER_PAGE {
        let onward = History { skip: history.skip + count, ..history.clone() };
        step.next.push(reading.task(Ask::History(onward)));
    }
    Ok(step)
}

/// The entries of one update: one for each field that a person changed, and one for each link.
fn entries(row: &Value, issue: &str, at: Option<Time>) -> Result<Vec<Entry>, &'static str> {
    let update = row.get("id").and_then(Value::as_u64).ok_or("it has no id")?;
    let at = at.ok_or("it has no time")?;
    let author = row.get("revisedBy").and_then(person);
    let entry = |part: &str, what: &str, from: Option<String>, to: Option<String>| Entry {
        issue: issue.to_owned(),
        id: format!("{update}:{part}"),
        what: what.to_owned(),
        author: author.clone(),
        at,
        from,
        to,
        raw: row.clone(),
    };
    if update == 1 {
        return Ok(vec![entry("created", "created", None, None)]);
    }
    let mut entries = vec![];
    for (field, change) in row.get("fields").and_then(Value::as_object).into_iter().flatten() {
        let side = |name: &str| change.get(name).and_then(rows::shown);
        if is_changed_by_people(field) {
            entries.push(entry(field, field, side("oldValue"), side("newValue")));
        }
    }
    for (part, what) in [("added", "link added"), ("removed", "link removed")] {
        let links = row.get("relations").and_then(|all| all.get(part)).and_then(Value::as_array);
        for (at, link) in (0_u32..).zip(links.into_iter().flatten()) {
            let link = rows::link(link, issue);
            let link = link.map(|link| format!("{} {}", link.relation, link.target));
            let (from, to) = if part == "added" { (None, link) } else { (link, None) };
            entries.push(entry(&format!("{part}:{at}"), what, from, to));
        }
    }
    Ok(entries)
}

/// When it happened. `revisedDate` is when the *next* revision came on old servers, and far in
/// the future for the last one, which came when the one before was revised.
fn time(row: &Value) -> Option<Time> {
    let changed = row.pointer("/fields/System.ChangedDate");
    changed.and_then(|date| moment(date, "newValue")).or_else(|| moment(row, "revisedDate"))
}

/// What the server keeps for itself is no history.
fn is_changed_by_people(field: &str) -> bool {
    const OWN: [&str; 16] = [
        "System.Id",
        "System.Rev",
        "System.AuthorizedAs",
        "System.AuthorizedDate",
        "System.RevisedDate",
        "System.ChangedBy",
        "System.ChangedDate",
        "System.Watermark",
        "System.PersonId",
        "System.AreaId",
        "System.IterationId",
        "System.NodeName",
        "System.CommentCount",
        "System.History",
        "System.BoardColumn",
        "System.BoardColumnDone",
    ];
    !OWN.contains(&field) && !rows::is_internal(field)
}
