use jobctl_provider::{IssueOrder, Item, Refusal, Skipped, Step, Task, line};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Jira;
use crate::ask::Ask;
use crate::history;
use crate::legend::Legend;
use crate::page::Page;
use crate::reply::Reply;
use crate::rows::{Reading, passed};
use crate::scope::Project;
use crate::verdict::{budget, check};

/// Issues a request, where all fields are wanted: more are allowed for few plain fields only.
const AT_ONCE: usize = 100;
/// How many issues are asked at once after some could not be given, from try to try.
const FEWER: [usize; 3] = [25, 5, 1];

/// An issue that a list named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, Option<u64>)", into = "(u64, Option<u64>)")]
pub(crate) struct Found {
    pub(crate) number: u64,
    /// Its id across the site, by which histories name it.
    pub(crate) id: Option<u64>,
}

impl From<(u64, Option<u64>)> for Found {
    fn from((number, id): (u64, Option<u64>)) -> Self {
        Self { number, id }
    }
}

impl From<Found> for (u64, Option<u64>) {
    fn from(found: Found) -> Self {
        (found.number, found.id)
    }
}

/// Issues that are asked for by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fetch {
    order: IssueOrder,
    numbers: Vec<u64>,
    legend: Legend,
    /// Whether their history is still to be asked: nobody knew their ids.
    history: bool,
    tries: usize,
}

/// What fetches issues, and `next` in between. Half of them come before it, so that neither
/// waits for the other, and the frontier stays short however long the list is.
pub(crate) fn forks(
    order: &IssueOrder,
    found: &[Found],
    legend: &Legend,
    next: impl IntoIterator<Item = Ask>,
) -> Vec<Ask> {
    let ids_known = found.iter().all(|found| found.id.is_some());
    let fetch = |found: &[Found]| {
        Ask::Fetch(Fetch {
            order: order.clone(),
            numbers: found.iter().map(|found| found.number).collect(),
            legend: legend.clone(),
            history: order.timeline && !ids_known,
            tries: 0,
        })
    };
    let mut asks: Vec<Ask> = found.chunks(AT_ONCE).map(fetch).collect();
    if order.timeline && ids_known {
        asks.extend(history::forks(found).map(Ask::History));
    }
    asks.splice(asks.len() / 2..asks.len() / 2, next);
    asks
}

impl Fetch {
    pub(crate) fn body(&self, project: Project<'_>) -> Value {
        let keys: Vec<String> = self.numbers.iter().map(|n| project.issue(*n)).collect();
        let mut fields = vec!["*all"];
        if !self.order.comments {
            fields.push("-comment");
        }
        json!({ "issueIdsOrKeys": keys, "fields": fields })
    }

    /// The same for those that could not be given, in smaller portions; `None` after the last try.
    fn again(&self, numbers: &[u64]) -> Option<Vec<Ask>> {
        let portion = *FEWER.get(self.tries)?;
        let ask = |numbers: &[u64]| {
            let (numbers, tries) = (numbers.to_vec(), self.tries + 1);
            Ask::Fetch(Self { numbers, tries, ..self.clone() })
        };
        Some(numbers.chunks(portion).map(ask).collect())
    }
}

/// Reads issues that were asked for by name.
pub(crate) fn read(
    jira: &Jira,
    task: &Task,
    fetch: &Fetch,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    let project = Project::of(task)?;
    check(reply)?;
    let (body, rows) = match reply.list("issues") {
        // One document nested beyond reason would cost all the others.
        Err(Refusal::Malformed { .. }) if reply.is_too_deep() => {
            let why = "it is nested too deep";
            return Ok(not_given(task, fetch, &fetch.numbers, why, Step::default()));
        }
        other => other?,
    };
    let reading =
        Reading { order: &fetch.order, legend: &fetch.legend, base: &jira.base, project, reply };
    let mut page = Page::default();
    let mut missing = fetch.numbers.clone();
    let mut found = vec![];
    for row in &rows {
        // Those that were moved show under their new key: here they are gone.
        let Some(got) = page.add(&reading, row) else { continue };
        missing.retain(|number| *number != got.number);
        found.push(got);
    }
    let mut step = page.into_step(task, budget(reply));
    if fetch.history {
        found.retain(|found| found.id.is_some());
        step.next.extend(history::forks(&found).map(|ask| Ask::History(ask).task(&task.scope)));
    }
    if missing.is_empty() {
        return Ok(step);
    }
    // Errors name ids, which not every reading knows: all that is missing is asked again.
    if let Some(why) = error(&body) {
        return Ok(not_given(task, fetch, &missing, &why, step));
    }
    step.next.push(Ask::Absent { numbers: missing }.task(&task.scope));
    Ok(step)
}

/// Why Jira could not give an issue that is there, in its own words.
fn error(body: &Value) -> Option<String> {
    let errors = body.get("issueErrors")?.as_array()?;
    let why = errors.first()?.get("errorMessage").and_then(Value::as_str);
    Some(line(why.unwrap_or("Jira could not give it"), 200))
}

/// Asks again for what could not be given, and leaves it out after the last try.
fn not_given(task: &Task, fetch: &Fetch, numbers: &[u64], why: &str, mut step: Step) -> Step {
    if let Some(asks) = fetch.again(numbers) {
        step.next.extend(asks.iter().map(|ask| ask.task(&task.scope)));
        return step;
    }
    for number in numbers {
        let item = passed(&task.scope, *number);
        step.skipped.push(Skipped { item: item.key.clone(), why: why.to_owned() });
        step.items.push(Item::Passed(item));
    }
    step
}
