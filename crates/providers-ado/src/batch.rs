use jobctl_provider::{Fact, Refusal, Step, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::AzureDevOps;
use crate::ask::{Ask, Reading};
use crate::history::History;
use crate::reply::Reply;
use crate::rows;
use crate::scope::key;
use crate::thread::Thread;
use crate::verdict::check;
use crate::window::Check;

/// Work items of one request at most (VS403474).
pub(crate) const MOST: usize = 200;
/// So many at once that none of them answers is no accident of single items.
const TOO_MANY_GONE: usize = 10;

/// Work items that are asked for whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Batch {
    ids: Vec<u64>,
}

/// Tasks that read these work items.
pub(crate) fn tasks(reading: &Reading, ids: &[u64]) -> Vec<Task> {
    in_parts(ids).map(|ids| reading.task(Ask::Batch(Batch { ids }))).collect()
}

/// Questions for work items that are in the project and, where the order has a query, found by
/// it.
pub(crate) fn after_check(ids: &[u64]) -> impl Iterator<Item = Ask> {
    in_parts(ids).map(|ids| Ask::Check(Check { ids }))
}

/// Questions for work items of the project, where the order may have a query.
pub(crate) fn of_project(reading: &Reading, ids: &[u64]) -> Vec<Ask> {
    match reading.order.query {
        Some(_) => after_check(ids).collect(),
        None => in_parts(ids).map(|ids| Ask::Batch(Batch { ids })).collect(),
    }
}

fn in_parts(ids: &[u64]) -> impl Iterator<Item = Vec<u64>> {
    ids.chunks(MOST).map(<[u64]>::to_vec)
}

impl Batch {
    /// Fields cannot be chosen together with `$expand`; what is gone becomes null with `omit`.
    pub(crate) fn body(&self) -> String {
        json!({ "ids": self.ids, "$expand": "all", "errorPolicy": "omit" }).to_string()
    }
}

pub(crate) fn read(
    ado: &AzureDevOps,
    reading: &Reading,
    batch: &Batch,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    check(reply)?;
    let (_, rows) = reply.rows("value")?;
    let mut step = reply.step();
    let mut met = vec![];
    for value in rows.iter().filter(|value| !value.is_null()) {
        met.extend(value.get("id").and_then(Value::as_u64));
        match rows::work_item(ado, value, reading) {
            Ok(Some(item)) => {
                step.next.extend(details(reading, &item));
                step.items.push(item.into_item());
            }
            Ok(None) => {}
            Err(why) => {
                let (note, passed) = rows::unreadable(value, &reading.order.scope, &why);
                step.skipped.push(note);
                step.items.extend(passed);
            }
        }
    }
    let absent = batch.ids.iter().filter(|id| !met.contains(id));
    if met.is_empty() && batch.ids.len() > TOO_MANY_GONE {
        let scope = &reading.order.scope;
        let (first, last) = (batch.ids[0], batch.ids[batch.ids.len() - 1]);
        step.facts.push(Fact::Partial {
            what: format!("work items {first} to {last} of {scope} are listed and not shown"),
        });
    } else {
        let gone = |id: &u64| Fact::Gone { key: key(&reading.order.scope, *id) };
        step.facts.extend(absent.map(gone));
    }
    Ok(step)
}

/// What is asked besides the work item itself.
fn details(reading: &Reading, item: &rows::WorkItem) -> Vec<Task> {
    let mut asks = vec![];
    // Old servers do not say how many comments there are.
    if reading.order.comments && item.issue.comments != Some(0) {
        asks.push(Ask::Thread(Thread::new(item.issue.number)));
    }
    if reading.order.timeline {
        asks.push(Ask::History(History::new(item.issue.number)));
    }
    let reading = reading.details();
    asks.into_iter().map(|ask| reading.task(ask)).collect()
}
