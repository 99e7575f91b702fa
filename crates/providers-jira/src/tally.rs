//! How many issues there are, as far as Jira tells in one answer.

use jobctl_provider::{Fact, IssueOrder, Refusal, Step, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Edition;
use crate::jql;
use crate::reply::Reply;
use crate::search::about;
use crate::verdict::{budget, check};

/// A question for a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    order: IssueOrder,
    sort: Sort,
}

/// What the number is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    /// A comparison. Only Data Center tells an exact one.
    Exact,
    /// A preview.
    About,
    /// The progress of a reading, which does without.
    Progress,
}

impl Tally {
    pub(crate) fn about(order: &IssueOrder) -> Self {
        Self { order: order.clone(), sort: Sort::About }
    }

    pub(crate) fn progress(order: &IssueOrder) -> Self {
        Self { order: order.clone(), sort: Sort::Progress }
    }

    pub(crate) fn exact(order: &IssueOrder) -> Self {
        Self { order: order.clone(), sort: Sort::Exact }
    }

    pub(crate) fn body(&self, edition: Edition) -> Result<Value, Refusal> {
        let jql = jql::query(&self.order, self.order.since, None, jql::Sort::Oldest)
            .map_err(|error| Refusal::Malformed { message: error.to_string() })?;
        Ok(match edition {
            Edition::Cloud => json!({ "jql": jql }),
            Edition::DataCenter => json!({ "jql": jql, "maxResults": 0, "fields": ["key"] }),
        })
    }
}

/// Reads the number.
pub(crate) fn read(task: &Task, tally: &Tally, reply: &Reply<'_>) -> Result<Step, Refusal> {
    match check(reply) {
        Err(Refusal::Forbidden { .. }) if tally.sort == Sort::Progress => {
            return Ok(Step { budget: budget(reply), ..Step::default() });
        }
        other => other?,
    }
    let body = reply.object()?;
    let name = match reply.edition {
        Edition::Cloud => "count",
        Edition::DataCenter => "total",
    };
    let Some(count) = body.get(name).and_then(Value::as_u64) else {
        let message = format!("the number of issues of {} is missing", task.scope);
        return Err(Refusal::Malformed { message });
    };
    let fact = match tally.sort {
        Sort::Exact => Fact::Total { count },
        Sort::About | Sort::Progress => {
            about(tally.order.limit.map_or(count, |most| count.min(most)))
        }
    };
    Ok(Step { facts: vec![fact], budget: budget(reply), ..Step::default() })
}
