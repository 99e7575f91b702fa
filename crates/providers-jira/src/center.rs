//! The lists of Data Center.
//!
//! It refuses offsets beyond a window of 10,000 rows, so a list is walked by key: each page
//! begins behind the last key of the page before, however many rows it gave. A query that names
//! a key which is gone is refused; then the walk goes back to an earlier one.

use jobctl_provider::{Fact, IssueOrder, Item, Refusal, Step, Task, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Jira;
use crate::ask::Ask;
use crate::jql::{self, Sort};
use crate::legend::Legend;
use crate::page::Page;
use crate::reply::Reply;
use crate::rows::Reading;
use crate::scope::{Project, split};
use crate::search::{Aim, Began, about, renamed};
use crate::single::doubted;
use crate::verdict::{budget, check};

/// Issues a page; the site may give fewer.
const PER_PAGE: u64 = 200;
/// Names a page: the most that sites give unless told otherwise.
const NAMES: u64 = 1_000;
/// Keys that are kept to go back to.
const BACK: usize = 5;
/// Offsets up to here are answered.
const WINDOW: u64 = 10_000;

/// Where a walk by key stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Walk {
    order: IssueOrder,
    since: Option<Time>,
    aim: Aim,
    pub(crate) legend: Legend,
    /// Numbers of the last page, the highest last: the walk goes on behind that.
    after: Vec<u64>,
    began: Option<Began>,
}

impl Walk {
    pub(crate) fn new(order: &IssueOrder, since: Option<Time>, aim: Aim) -> Self {
        let (order, legend) = (order.clone(), Legend::default());
        Self { order, since, aim, legend, after: vec![], began: None }
    }

    pub(crate) fn body(&self) -> Result<Value, Refusal> {
        let jql = jql::query(&self.order, self.since, self.after.last().copied(), Sort::Key)
            .map_err(|error| Refusal::Malformed { message: error.to_string() })?;
        Ok(match self.aim {
            Aim::Read { .. } => page_of(&self.order, &jql, 0, PER_PAGE),
            Aim::Sweep { .. } | Aim::Count(_) => {
                json!({ "jql": jql, "startAt": 0, "maxResults": NAMES, "fields": ["key"] })
            }
        })
    }

    /// The walk from an earlier key, if the last one is not known any more.
    fn back(&self, reply: &Reply<'_>) -> Option<Self> {
        let mut after = self.after.clone();
        let last = after.pop().filter(|_| reply.status == 400)?;
        let key = Project::parse(&self.order.scope).ok()?.issue(last);
        let is_named = reply.message().to_uppercase().contains(&key);
        is_named.then(|| Self { after, ..self.clone() })
    }
}

/// What a page of whole issues asks for.
fn page_of(order: &IssueOrder, jql: &str, start: u64, most: u64) -> Value {
    let mut fields = vec!["*all"];
    if !order.comments {
        fields.push("-comment");
    }
    let mut body = json!({ "jql": jql, "startAt": start, "maxResults": most, "fields": fields });
    if order.timeline {
        body["expand"] = json!(["changelog"]);
    }
    body
}

/// Reads a page of a walk.
pub(crate) fn read(
    jira: &Jira,
    task: &Task,
    walk: &Walk,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    if let Some(back) = walk.back(reply) {
        return Ok(Step { next: vec![Ask::Walk(back).task(&task.scope)], ..Step::default() });
    }
    check(reply)?;
    let (body, rows) = reply.list("issues")?;
    let project = Project::of(task)?;
    let began = walk.began.unwrap_or_else(|| Began::of(reply));
    let mut page = Page::default();
    let mut numbers = vec![];
    match &walk.aim {
        Aim::Read { estimate, .. } => {
            let reading = Reading {
                order: &walk.order,
                legend: &walk.legend,
                base: &jira.base,
                project,
                reply,
            };
            numbers.extend(
                rows.iter().filter_map(|row| page.add(&reading, row)).map(|found| found.number),
            );
            let total = body.get("total").and_then(Value::as_u64);
            page.facts.extend(total.filter(|_| *estimate && walk.after.is_empty()).map(about));
        }
        Aim::Sweep { .. } | Aim::Count(_) => {
            let key = |row: &Value| project.number(row.get("key")?.as_str()?);
            numbers.extend(rows.iter().filter_map(key));
            let met = |number: &u64| Item::Met { key: project.issue(*number) };
            page.items.extend(numbers.iter().map(met));
        }
    }
    let whole = numbers.len() == rows.len() && page.skipped.is_empty();
    let aim = match &walk.aim {
        Aim::Sweep { whole: so_far } => Aim::Sweep { whole: *so_far && whole },
        Aim::Count(count) => Aim::Count(count + numbers.len() as u64),
        read @ Aim::Read { .. } => read.clone(),
    };
    let next = Walk { aim, began: Some(began), ..walk.clone() };
    // The query is for what is behind the last key, and so is its total.
    let total = body.get("total").and_then(Value::as_u64);
    if rows.is_empty() || total.is_some_and(|total| rows.len() as u64 >= total) {
        page.facts.extend(next.aim.end(began));
    } else {
        page.next.push(Ask::Walk(next.behind(project, numbers, &rows)?));
    }
    let step = page.into_step(task, budget(reply));
    Ok(if rows.is_empty() && walk.after.is_empty() { doubted(task, step) } else { step })
}

impl Walk {
    /// The walk behind a page that met those numbers.
    fn behind(
        self,
        project: Project<'_>,
        mut numbers: Vec<u64>,
        rows: &[Value],
    ) -> Result<Self, Refusal> {
        numbers.sort_unstable();
        let last = self.after.last().copied();
        if numbers.last().copied() > last {
            let after = numbers.split_off(numbers.len().saturating_sub(BACK));
            return Ok(Self { after, ..self });
        }
        let other = rows.first().and_then(|row| split(row.get("key")?.as_str()?));
        match other {
            Some((now, _)) if numbers.is_empty() => Err(renamed(project, now)),
            Some(_) | None => {
                let message = "the list does not go on: a page is not behind the one before";
                Err(Refusal::Malformed { message: message.to_owned() })
            }
        }
    }
}

/// Where the reading of the newest so many issues stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Newest {
    order: IssueOrder,
    since: Option<Time>,
    pub(crate) legend: Legend,
    /// Issues still wanted.
    left: u64,
    /// Rows so far. An edit elsewhere moves rows down this list: they are met twice, never missed.
    start: u64,
}

impl Newest {
    pub(crate) fn new(order: &IssueOrder, since: Option<Time>, left: u64) -> Self {
        Self { order: order.clone(), since, legend: Legend::default(), left, start: 0 }
    }

    pub(crate) fn body(&self) -> Result<Value, Refusal> {
        let jql = jql::query(&self.order, self.since, None, Sort::Newest)
            .map_err(|error| Refusal::Malformed { message: error.to_string() })?;
        Ok(page_of(&self.order, &jql, self.start, self.left.clamp(1, PER_PAGE)))
    }
}

/// Reads a page of the newest issues.
pub(crate) fn read_newest(
    jira: &Jira,
    task: &Task,
    newest: &Newest,
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    check(reply)?;
    let (body, rows) = reply.list("issues")?;
    let project = Project::of(task)?;
    let reading =
        Reading { order: &newest.order, legend: &newest.legend, base: &jira.base, project, reply };
    let mut page = Page::default();
    for row in rows.iter().take(usize::try_from(newest.left).unwrap_or(usize::MAX)) {
        page.add(&reading, row);
    }
    let total = body.get("total").and_then(Value::as_u64);
    if newest.start == 0 {
        page.facts.extend(total.map(|total| about(total.min(newest.left))));
    }
    let start = newest.start + rows.len() as u64;
    let left = newest.left.saturating_sub(rows.len() as u64);
    let more = left > 0 && !rows.is_empty() && total.is_none_or(|total| start < total);
    if more && start >= WINDOW {
        let what = format!(
            "the oldest {left} of the wanted issues of {}: Jira lists no further back",
            task.scope
        );
        page.facts.push(Fact::Partial { what });
    } else if more {
        page.next.push(Ask::Newest(Newest { left, start, ..newest.clone() }));
    }
    Ok(page.into_step(task, budget(reply)))
}

/// Reads one issue that was asked for on its own.
pub(crate) fn read_one(
    jira: &Jira,
    task: &Task,
    (order, number, legend): (&IssueOrder, u64, &Legend),
    reply: &Reply<'_>,
) -> Result<Step, Refusal> {
    let absent = || Ask::Absent { numbers: vec![number] }.task(&task.scope);
    if reply.status == 404 {
        return Ok(Step { next: vec![absent()], ..Step::default() });
    }
    check(reply)?;
    let row = reply.object()?;
    let project = Project::of(task)?;
    let mut page = Page::default();
    let reading = Reading { order, legend, base: &jira.base, project, reply };
    let found = page.add(&reading, &row);
    let mut step = page.into_step(task, budget(reply));
    if row.get("key").is_none() {
        return Err(Refusal::Malformed { message: "the issue has no key".to_owned() });
    }
    if found.is_none_or(|found| found.number != number) {
        // It was moved, and answers under its new key: here it is gone.
        step.next.push(absent());
    }
    Ok(step)
}
