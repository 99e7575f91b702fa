//! How many issues there are, as far as Jira tells in one answer.

use jobctl_provider::{Fact, IssueOrder, Refusal, Step, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Edition;
use crate::jql::{self, Sort};
use crate::reply::Reply;
use crate::search::about;
use crate::verdict::{budget, check};

/// A question for a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    order: IssueOrder,
    /// Whether the number must be exact. Only Data Center tells an exact one.
    exact: bool,
}

impl Tally {
    pub(crate) fn about(order: &IssueOrder) -> Self {
        Self { order: order.clone(), exact: false }
    }

    pub(crate) fn exact(order: &IssueOrder) -> Self {
        Self { order: order.clone(), exact: true }
    }

    pub(crate) fn body(&self, edition: Edition) -> Result<Value, Refusal> {
        let jql = jql::query(&self.order, self.order.since, None, Sort::Oldest)
            .map_err(|error| Refusal::Malformed { message: error.to_string() })?;
        Ok(match edition {
            Edition::Cloud => json!({ "jql": jql }),
            Edition::DataCenter => json!({ "jql": jql, "maxResults": 0, "fields": ["key"] }),
        })
    }
}

/// Reads the number.
pub(crate) fn read(task: &Task, tally: &Tally, reply: &Reply<'_>) -> Result<Step, Refusal> {
    check(reply)?;
    let body = reply.object()?;
    let name = match reply.edition {
        Edition::Cloud => "count",
        Edition::DataCenter => "total",
    };
    let Some(count) = body.get(name).and_then(Value::as_u64) else {
        let message = format!("the number of issues of {} is missing", task.scope);
        return Err(Refusal::Malformed { message });
    };
    let count = tally.order.limit.filter(|_| !tally.exact).map_or(count, |most| count.min(most));
    let fact = if tally.exact { Fact::Total { count } } else { about(count) };
    Ok(Step { facts: vec![fact], budget: budget(reply), ..Step::default() })
}
