//! What changed: the reporting stream of revisions, which Azure DevOps wants bulk readers to use.
//!
//! Its continuation token stays good after the last batch and is where the next reading begins.
//! Only which items changed is read from it: their rows come whole from batches.

use std::collections::BTreeSet;

use jobctl_provider::{Fact, Mark, Refusal, Step, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::AzureDevOps;
use crate::ask::{Ask, Reading, earlier};
use crate::batch;
use crate::reply::{Reply, text};
use crate::scope::{Project, key};
use crate::verdict::check;

/// Seconds that are read again where there is no token: clocks differ, and a change counts from
/// when it was committed.
pub(crate) const OVERLAP: i64 = 300;
/// Revisions of one answer at most.
const PER_PAGE: &str = "1000";
/// How often a token may be refused before the refusal counts.
const RESTARTS: u8 = 3;
/// All that is needed to know what changed.
const FIELDS: &str = "System.Id,System.ChangedDate,System.IsDeleted";

/// Where the reading of the stream stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stream {
    /// The chain whose mark the end sets.
    chain: String,
    /// Where the stream goes on; `None` begins it by time.
    token: Option<String>,
    /// The time to begin at, and the latest change met so far.
    at: Time,
    /// How often it began by time because its token was refused.
    #[serde(default)]
    restarts: u8,
}

impl Stream {
    pub(crate) fn new(chain: String, mark: Mark) -> Self {
        Self { chain, token: mark.token, at: mark.at, restarts: 0 }
    }

    const fn may_restart(&self) -> bool {
        self.token.is_some() && self.restarts < RESTARTS
    }

    pub(crate) fn url(&self, ado: &AzureDevOps, reading: &Reading) -> Result<Url, Refusal> {
        let path = ["_apis", "wit", "reporting", "workitemrevisions"];
        let mut url = Project::of(&reading.order.scope)?.url(&ado.base, &path);
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs([
                ("fields", FIELDS),
                ("includeLatestOnly", "true"),
                ("includeDeleted", "true"),
                ("$maxPageSize", PER_PAGE),
            ]);
            match &self.token {
                Some(token) => query.append_pair("continuationToken", token),
                None => query.append_pair("startDateTime", &earlier(self.at, OVERLAP).to_string()),
            };
        }
        Ok(url)
    }
}

/// One batch of the stream.
struct Changes {
    changed: BTreeSet<u64>,
    gone: BTreeSet<u64>,
    newest: Option<Time>,
}

impl Changes {
    fn of(rows: &[Value]) -> Result<Self, Refusal> {
        let mut changes = Self { changed: BTreeSet::new(), gone: BTreeSet::new(), newest: None };
        for row in rows {
            let Some(id) = row.get("id").and_then(Value::as_u64) else {
                return Err(Refusal::Malformed { message: "a revision has no id".to_owned() });
            };
            let fields = row.get("fields").unwrap_or(&Value::Null);
            let deleted = fields.get("System.IsDeleted").and_then(Value::as_bool) == Some(true);
            // Of two revisions of one item the later one counts.
            let (is, is_not) = if deleted {
                (&mut changes.gone, &mut changes.changed)
            } else {
                (&mut changes.changed, &mut changes.gone)
            };
            is.insert(id);
            is_not.remove(&id);
            let at = text(fields, "System.ChangedDate").and_then(|at| at.parse().ok());
            changes.newest = changes.newest.max(at);
        }
        Ok(changes)
    }
}

pub(crate) fn read(reading: &Reading, stream: &Stream, reply: &Reply<'_>) -> Result<Step, Refusal> {
    match check(reply) {
        // A token that the server does not take any more: the time is the other way to begin.
        Err(Refusal::Forbidden { .. }) if reply.status == 400 && stream.may_restart() => {
            let restarts = stream.restarts + 1;
            let anew = Stream { token: None, restarts, ..stream.clone() };
            return Ok(Step { next: vec![reading.task(Ask::Stream(anew))], ..reply.step() });
        }
        other => other?,
    }
    let (body, rows) = reply.rows("values")?;
    let Changes { changed, gone, newest } = Changes::of(&rows)?;
    let token = token(&body);
    let at = newest.map_or(stream.at, |newest| newest.max(stream.at));
    let mut step = reply.step();
    step.facts.extend(gone.iter().map(|id| Fact::Gone { key: key(&reading.order.scope, *id) }));
    let changed: Vec<u64> = changed.into_iter().collect();
    let mut asks = batch::of_project(reading, &changed);
    if is_last(&body)? {
        let mark = Mark { at, token: token.or_else(|| stream.token.clone()) };
        step.facts.push(Fact::Mark { chain: stream.chain.clone(), mark });
    } else if token.is_none() || token == stream.token {
        let message = "the stream of changes has more and does not say where".to_owned();
        return Err(Refusal::Malformed { message });
    } else {
        asks.push(Ask::Stream(Stream { token, at, ..stream.clone() }));
    }
    // What the states mean is asked once, and only if there are rows that need it.
    step.next = if changed.is_empty() || reading.states.is_some() {
        asks.into_iter().map(|ask| reading.task(ask)).collect()
    } else {
        vec![reading.task(Ask::States { then: asks })]
    };
    Ok(step)
}

/// Whether nothing follows for now. A batch that does not say so could be taken for the end.
fn is_last(body: &Value) -> Result<bool, Refusal> {
    body.get("isLastBatch").and_then(Value::as_bool).ok_or_else(|| Refusal::Malformed {
        message: "the stream of changes does not say whether it ends".to_owned(),
    })
}

/// Where the stream goes on. Older versions only have it in the address of the next batch.
fn token(body: &Value) -> Option<String> {
    if let Some(token) = text(body, "continuationToken").filter(|token| !token.is_empty()) {
        return Some(token.to_owned());
    }
    let next = Url::parse(text(body, "nextLink")?).ok()?;
    let pair = next.query_pairs().find(|(name, _)| name == "continuationToken");
    pair.map(|(_, token)| token.into_owned()).filter(|token| !token.is_empty())
}
